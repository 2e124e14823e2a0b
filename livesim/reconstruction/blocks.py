"""Work on long arrays in blocks of rows that a cache holds.

A transform of a whole stack goes through memory several times; done block by block, what one
operation writes is still in the cache when the next one reads it, and nothing large is allocated.
"""

from __future__ import annotations

import torch
from torch import Tensor

_NUMBERS = 1 << 17
"""Complex numbers of one plane in a block. Half as many are as fast on one thread, but threads have
to wait for each other twice as often, which costs more where other programs run, too."""
_ABREAST = 16
"""Rows laid on their side at once: a few cache lines of every column are then written whole."""


def blocks(array: Tensor) -> list[slice]:
    """Return which rows, the next to last axis, each block of `array` [..., row, column] has.

    For a GPU that is all of them: there a block costs more than it saves.
    """
    rows, columns = array.shape[-2:]
    step = rows if array.device.type != "cpu" else max(_ABREAST, _NUMBERS // columns)
    return [slice(first, min(first + step, rows)) for first in range(0, rows, max(step, 1))]


def lay(rows: Tensor, target: Tensor, first: int) -> None:
    """Copy complex `rows` [..., row, column] into `target` [..., column, row] from row `first` on.

    As integers of the same 64 bits: torch moves these faster than complex numbers.
    """
    count = rows.shape[-2]
    source, columns = rows.view(torch.int64), target.view(torch.int64)
    step = count if rows.device.type != "cpu" else _ABREAST
    for begin in range(0, count, max(step, 1)):
        end = min(begin + step, count)
        columns[..., first + begin : first + end] = source[..., begin:end, :].mT
