"""The error of data that cannot be used, raised in every room and shown by the command line."""

from __future__ import annotations


class DataError(ValueError):
    """The data cannot be used; the message says which file, what was expected, what was found."""


class EmptyFrameError(DataError):
    """A frame of a raw stack holds nothing but zeros: it was lost, or was never recorded."""
