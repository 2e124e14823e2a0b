"""Frames of a pycromanager acquisition, on their way to the engine."""
