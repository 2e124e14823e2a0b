"""What the viewer knows and decides, without Qt."""
