"""Offer recordings and results as arrays that a viewer indexes and that are read when it does."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from livesim.api.indexing import axes_chosen, axes_kept
from livesim.api.recording import DIMS, LazyRecording
from livesim.io.read.time_lapse import TimeLapse
from livesim.values.frames import Pixels, StackIndex


class OnDisk:
    """What viewers ask of an array: lengths, a type, and a part of it.

    Parameters
    ----------
    dims
        Names of the axes.
    shape
        Their lengths.
    """

    def __init__(
        self, dims: tuple[str, ...], shape: tuple[int, ...], dtype: np.dtype[np.generic]
    ) -> None:
        self.dims, self.shape, self.dtype = dims, shape, dtype
        self.ndim, self.size = len(shape), prod(shape)

    def part(self, chosen: Sequence[range]) -> NDArray[Any]:
        """Read the chosen elements of every axis."""
        raise NotImplementedError

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """Read a part, indexed by integers, slices and an ellipsis as numpy does."""
        chosen = axes_chosen(index, self.shape)
        found: NDArray[Any] = self.part(chosen)[axes_kept(index, self.ndim)]
        return found

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Read all of it."""
        if copy is False:
            raise ValueError("expected that a copy may be made, since the images are on the disk")
        return np.asarray(self[...], dtype=dtype)


class Frames(OnDisk):
    """The raw frames of one channel, [angle, phase, t, z, y, x]; what is missing is 0.

    In this order a viewer that lines axes up from the last one shows what is restored of them,
    [t, z, y, x], at the same time and plane, whatever the angle and phase.
    """

    ORDER = ("angle", "phase", "t", "z", "y", "x")

    def __init__(self, recording: LazyRecording, channel: int) -> None:
        lengths = recording.sizes
        super().__init__(self.ORDER, tuple(lengths[d] for d in self.ORDER), recording.dtype)
        self._recording, self._channel = recording, channel

    def part(self, chosen: Sequence[range]) -> Pixels:
        """Read the chosen elements of every axis."""
        named = dict(zip(self.ORDER, chosen, strict=True))
        named["c"] = range(self._channel, self._channel + 1)
        whole = self._recording.part([named[name] for name in DIMS])[:, 0]
        return whole.transpose(2, 3, 0, 1, 4, 5)


class WholeStacks(OnDisk):
    """The raw stacks of one channel that have all their frames, [stack, angle, phase, y, x]."""

    def __init__(self, recording: LazyRecording, channel: int) -> None:
        self.places = np.argwhere(recording.whole[:, channel])
        """Of each stack, (t, z)."""
        shape = (len(self.places), *recording.shape[3:])
        super().__init__(("stack", *DIMS[3:]), shape, recording.dtype)
        self._recording, self._channel = recording, channel

    def part(self, chosen: Sequence[range]) -> Pixels:
        """Read the chosen elements of every axis."""
        c = range(self._channel, self._channel + 1)
        found = []
        for number in chosen[0]:
            t, z = (range(int(at), int(at) + 1) for at in self.places[number])
            found.append(self._recording.part([t, c, z, *chosen[1:]])[0, 0, 0])
        empty = np.zeros((0, *map(len, chosen[1:])), self.dtype)
        return np.stack(found) if found else empty


class Results(OnDisk):
    """The images of one position and channel of a result, [t, z, y, x]; what is missing is NaN."""

    def __init__(self, results: TimeLapse, position: int, channel: int) -> None:
        layout = results.layout
        shape = (layout.time, layout.z, layout.y, layout.x)
        super().__init__(("t", "z", "y", "x"), shape, np.dtype(np.float32))
        self._results, self._position, self._channel = results, position, channel
        self._lock = Lock()

    def part(self, chosen: Sequence[range]) -> NDArray[Any]:
        """Read the chosen elements of every axis."""
        times, planes, rows, columns = chosen
        found = np.full([len(axis) for axis in chosen], np.nan, np.float32)
        with self._lock:  # file readers are for one thread at a time
            for (i, t), (j, z) in product(enumerate(times), enumerate(planes)):
                index = StackIndex(time=t, channel=self._channel, z=z, position=self._position)
                image = self._results.image(index)
                if image is not None:
                    found[i, j] = image[np.ix_(rows, columns)]
        return found
