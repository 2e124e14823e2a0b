"""Run `livesim adapt`."""
