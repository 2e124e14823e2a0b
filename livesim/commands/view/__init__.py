"""Run `livesim view` and `livesim live`."""
