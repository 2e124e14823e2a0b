"""`livesim evaluate`."""
