"""The errors of data that cannot be used, and of a recording that is no longer there."""

from __future__ import annotations


class DataError(ValueError):
    """The data cannot be used; the message says which file, what was expected, what was found."""


class LostFrameError(DataError):
    """A frame is there in name only: it cannot be read, or holds nothing but zeros."""


class FolderGoneError(OSError):
    """What a recording was opened in no longer lies there, and nothing that was written to it."""
