"""Where in time the viewer is."""
