"""`livesim doctor`."""
