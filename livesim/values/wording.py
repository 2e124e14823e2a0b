"""Word numbers: of things, and those that are compared, so that a reader sees the difference."""

from __future__ import annotations

FEWEST_DIGITS, MOST_DIGITS = 2, 6


def count(number: int, noun: str) -> str:
    """Return a number of things in words: "1 frame", "9 frames"."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def told_apart(found: float, expected: float) -> tuple[str, str]:
    """Return both numbers with as few significant digits as tell them apart, two at least.

    Equal numbers look alike with any.
    """
    for count in range(FEWEST_DIGITS, MOST_DIGITS + 1):
        words = f"{found:.{count}g}", f"{expected:.{count}g}"
        if words[0] != words[1]:
            break
    return words
