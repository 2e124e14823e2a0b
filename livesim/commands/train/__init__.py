"""Run `livesim train`."""
