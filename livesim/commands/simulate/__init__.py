"""Run `livesim simulate`."""
