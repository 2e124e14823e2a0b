"""Read recorded results one by one, and when each was made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from livesim.io.read.zarr_planes import read_region
from livesim.io.recipe import Recipe
from livesim.io.write.growing_stacks import common_region
from livesim.io.write.ome_zarr import LEVEL, read_recipe_of_zarr
from livesim.values.errors import DataError
from livesim.values.frames import StackIndex
from livesim.values.results import Image


class RecordedResults:
    """Results of a live run at one position, read one by one.

    Raises
    ------
    DataError
        If the folder is no recording of results, or holds none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.recipe: Recipe = read_recipe_of_zarr(path)
        self._group = zarr.open_group(path, mode="r")
        self._images = self._array(LEVEL)
        log = [self._array(name) for name in ("written", "last_received_ns", "published_ns")]
        self._region = common_region([self._images, *log], 3)
        self._written = np.asarray(log[0][self._region], bool)
        if not self._written.any():
            raise DataError(f"{path}: expected recorded results, found none")

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """(time, channel, z, y, x)."""
        time, channel, z, y, x = self._images.shape
        return time, channel, z, y, x

    @property
    def indices(self) -> list[StackIndex]:
        """The results that are there, in order of time."""
        places = np.argwhere(self._written).tolist()
        return [StackIndex(time=time, channel=channel, z=z) for time, channel, z in places]

    @property
    def received_ns(self) -> NDArray[np.int64]:
        """When the last raw frame of each result was received, in the order of `indices`."""
        return self._log("last_received_ns")

    @property
    def published_ns(self) -> NDArray[np.int64]:
        """When each result was published, in the order of `indices`."""
        return self._log("published_ns")

    def image(self, index: StackIndex) -> Image:
        """Read one result, [y, x]."""
        place = (index.time, index.channel, index.z)
        return np.asarray(read_region(self._images, place), np.float32)

    def __iter__(self) -> Iterator[tuple[StackIndex, Image]]:
        """Read all results that are there."""
        return ((index, self.image(index)) for index in self.indices)

    def _log(self, name: str) -> NDArray[np.int64]:
        moments: NDArray[np.int64] = np.asarray(self._array(name)[self._region])[self._written]
        return moments

    def _array(self, name: str) -> zarr.Array[Any]:
        array = self._group.get(name)
        if not isinstance(array, zarr.Array):
            raise DataError(
                f"{self._path}: expected the array '{name}' of recorded results, found none"
            )
        return array
