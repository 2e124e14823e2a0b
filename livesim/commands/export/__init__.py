"""Run `livesim export`."""
