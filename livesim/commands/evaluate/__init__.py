"""Run `livesim evaluate`."""
