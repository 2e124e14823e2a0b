"""`livesim export`."""
