"""Reconstruct volumes: stacks of planes taken with three-beam light."""
