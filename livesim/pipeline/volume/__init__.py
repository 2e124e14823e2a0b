"""Reconstruct volumes, plane by plane as they arrive: settings, files and the engine meet here."""
