"""Say how a word is meant, whatever colour a theme gives it."""

from __future__ import annotations

from enum import Enum


class Tone(Enum):
    """How urgent a word is, from nothing to see to act now."""

    QUIET = "quiet"
    GOOD = "good"
    NOTE = "note"
    """Look at it when there is time."""
    BAD = "bad"
    """Act."""
