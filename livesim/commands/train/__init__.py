"""`livesim train`."""
