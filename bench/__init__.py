"""Measurements of accuracy and quality, one command each; for times there is `livesim bench`."""
