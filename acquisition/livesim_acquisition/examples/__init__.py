"""Whole scripts that stream to livesim."""
