"""Recordings in, restored time-lapses out."""
