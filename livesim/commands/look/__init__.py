"""Run `livesim look`, which the viewer starts to look at a file."""
