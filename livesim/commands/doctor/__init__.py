"""Run `livesim doctor`."""
