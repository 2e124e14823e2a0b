"""Measure how fast this machine reconstructs, for `livesim bench`."""
