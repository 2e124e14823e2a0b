"""Read an index as numpy does: integers, slices and an ellipsis, of arrays that are on the disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def axes_chosen(index: Any, shape: Sequence[int]) -> list[range]:
    """Return which elements of every axis an index names.

    Raises
    ------
    IndexError
        If it lies outside, or is of another kind.
    """
    return [_range(one, n) for one, n in zip(_whole(index, len(shape)), shape, strict=True)]


def axes_kept(index: Any, ndim: int) -> tuple[Any, ...]:
    """Return the index that removes the axes which integers name."""
    return tuple(slice(None) if isinstance(one, slice) else 0 for one in _whole(index, ndim))


def _range(one: Any, n: int) -> range:
    if isinstance(one, slice):
        return range(n)[one]
    at = range(n)[one]  # an IndexError where it lies outside
    return range(at, at + 1)


def _whole(index: Any, ndim: int) -> tuple[Any, ...]:
    """Return one integer or slice for every axis."""
    given = index if isinstance(index, tuple) else (index,)
    if sum(one is Ellipsis for one in given) > 1:
        raise IndexError("expected at most one ellipsis, found several")
    at = next((number for number, one in enumerate(given) if one is Ellipsis), None)
    if at is not None:
        given = (*given[:at], *[slice(None)] * (ndim - len(given) + 1), *given[at + 1 :])
    if len(given) > ndim:
        raise IndexError(f"expected at most {ndim} indices, found {len(given)}")
    filled = (*given, *[slice(None)] * (ndim - len(given)))
    return tuple(one if isinstance(one, slice) else _integer(one) for one in filled)


def _integer(one: Any) -> int:
    try:
        if isinstance(one, bool):  # of numpy a mask
            raise TypeError("no integer")
        return int(one.__index__())
    except (AttributeError, TypeError) as error:
        raise IndexError(f"expected an integer, a slice or ..., found {one!r}") from error
