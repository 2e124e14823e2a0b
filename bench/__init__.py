"""Measurements, one command each: `python -m bench.speed`, `.quality`, `.accuracy`."""
