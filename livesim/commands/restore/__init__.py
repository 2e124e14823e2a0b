"""`livesim restore`."""
