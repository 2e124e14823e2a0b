"""`livesim simulate`."""
