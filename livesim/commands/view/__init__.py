"""`livesim view` and `livesim live`."""
