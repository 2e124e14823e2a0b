"""Run `livesim restore`."""
