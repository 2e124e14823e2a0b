"""What lies under the simulated microscope: one file a structure, all named in the registry."""
