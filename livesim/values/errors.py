"""The error of data that cannot be used, raised in every room and shown by the command line."""

from __future__ import annotations


class DataError(ValueError):
    """The data cannot be used; the message says which file, what was expected, what was found."""


class LostFrameError(DataError):
    """A frame is there in name only: it cannot be read, or holds nothing but zeros."""
