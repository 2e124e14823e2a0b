"""`livesim status`."""
