"""Write results, in any order, into a file that appears only when it is whole.

What is common to all formats is here; what a format does with its pixels is in a `Format`
(`ome_tiff`, `ome_zarr`, `imagej`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from livesim.io.write.output_layout import OutputLayout
from livesim.io.write.placement import Placement
from livesim.values.frames import StackIndex
from livesim.values.results import Image


class Format(Protocol):
    """A file of one format that is laid out and open, still under a temporary name."""

    def put(self, index: StackIndex, image: Image) -> None:
        """Write one result, [y, x], to its place; it fits the layout."""
        ...

    def finish(self, written: NDArray[np.bool_]) -> None:
        """Write what is left to be written.

        Parameters
        ----------
        written
            [position, time, channel, z], whether the plane was put.
        """
        ...

    def close(self) -> None:
        """Close the file, finished or not; it may be closed already."""
        ...


class ResultWriter:
    """Takes results in any order; the file appears when the context ends without an error.

    After an error or an interrupt nothing stands under the real name, and no temporary either.

    Parameters
    ----------
    path
        The real name.
    layout
        Sizes and scales.
    begin
        Lays out the file under the temporary name that it is given.
    overwrite
        Replace what stands under the real name.

    Raises
    ------
    DataError
        If the target exists already and `overwrite` is false, or its folder does not exist.
    """

    def __init__(
        self,
        path: Path,
        layout: OutputLayout,
        begin: Callable[[Path], Format],
        *,
        overwrite: bool = False,
    ) -> None:
        self._layout = layout
        self._written = np.zeros(layout.sizes, bool)
        self._placement = Placement(path, overwrite=overwrite)
        with self._placement.preparing():
            self._file = begin(self._placement.partial)

    def write(self, index: StackIndex, image: Image) -> None:
        """Write one result, [y, x], to its place.

        Raises
        ------
        ValueError
            If it does not fit the layout.
        """
        self._layout.check(index, image)
        self._file.put(index, image)
        self._written[index.position, index.time, index.channel, index.z] = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: object
    ) -> None:
        with self._placement:
            with closing(self._file):
                if kind is None:
                    self._file.finish(self._written)
            if kind is None:
                self._placement.commit()
        self._placement.refuse(error)
