"""`livesim replay`."""
