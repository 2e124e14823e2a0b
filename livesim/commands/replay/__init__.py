"""Run `livesim replay`."""
