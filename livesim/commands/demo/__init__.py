"""`livesim demo`."""
