"""Shorten what a sentence quotes, so that nobody's data make it endless."""

from __future__ import annotations

MOST_QUOTED = 120
"""Characters of what was found, in the sentence that quotes it."""
MOST_WORDS = 1000
"""Characters of a sentence, which the status repeats."""


def briefly(found: object) -> str:
    """Return a value as Python writes it; of a long one its beginning, and how long it is."""
    return shortened(repr(found), MOST_QUOTED)


def shortened(words: str, most: int = MOST_WORDS) -> str:
    """Return a text of at most about `most` characters: the rest is counted, not repeated."""
    if len(words) <= most:
        return words
    return f"{words[:most]}… ({len(words)} characters)"
