"""Frames of Micro-Manager's live mode, on their way to the engine."""
