"""Run `livesim demo`."""
