"""Measure how good images, patterns and verdicts are."""
