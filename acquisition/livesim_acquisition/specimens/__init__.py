"""Draw what lies under the simulated microscope, one structure a file."""
