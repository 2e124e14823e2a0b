"""Estimate the illumination pattern from raw stacks."""
