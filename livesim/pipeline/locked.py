"""Page-locked memory in which raw stacks are assembled, so that a GPU reads them where they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import count
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

MOST_BYTES = 1 << 30
"""Of page-locked memory in use: the system cannot take it back, and queues may hold more."""


def _locked(size: int) -> Tensor:
    return torch.empty(size, dtype=torch.uint8, pin_memory=True)


class LockedMemory:
    """Gives page-locked memory as long as less than a limit of it is in use, then any.

    What nobody uses any more is used again: to lock fresh pages takes longer than a copy.

    Parameters
    ----------
    allocate
        Returns so many bytes of it.
    most_bytes
        In use.
    """

    def __init__(
        self, allocate: Callable[[int], Tensor] = _locked, most_bytes: int = MOST_BYTES
    ) -> None:
        self._allocate, self._most = allocate, most_bytes
        self._numbers = count()
        self._used: WeakValueDictionary[int, NDArray[np.uint8]] = WeakValueDictionary()

    def __call__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return an array that is not filled; used by one thread."""
        size = math.prod(shape) * dtype.itemsize
        whole = 1 << (size - 1).bit_length()  # torch takes a power of two in any case
        if sum(one.nbytes for one in self._used.values()) + whole > self._most:
            return np.empty(shape, dtype)
        memory = self._allocate(whole).numpy()
        self._used[next(self._numbers)] = memory  # every view of it keeps it
        return memory[:size].view(dtype).reshape(shape)
