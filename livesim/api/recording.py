"""Open a recording as an array that is read when it is indexed."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from livesim.api.indexing import axes_chosen, axes_kept
from livesim.config.settings import Settings
from livesim.io.read.open import open_recording
from livesim.io.read.recording import Recording
from livesim.values.errors import DataError
from livesim.values.extras import install_command
from livesim.values.frames import Pixels

DIMS = ("t", "c", "z", "angle", "phase", "y", "x")


class LazyRecording:
    """The raw frames of one position of a recording, [t, c, z, angle, phase, y, x].

    It has a shape, a dtype and numpy's basic indexing, so that napari, ndv and dask take it as it
    is; a frame is read when it is asked for. `recording[t, c, z]` is one raw stack.

    Parameters
    ----------
    recording
        Open; closed by `close`, or at the end of a `with` block.
    position
        Which of its positions.
    """

    dims = DIMS

    def __init__(self, recording: Recording, settings: Settings, position: int = 0) -> None:
        sizes = recording.sizes
        if not 0 <= position < sizes.position:
            raise DataError(
                f"{recording.source}: expected position 0 to {sizes.position - 1}, found {position}"
            )
        self._recording, self._position = recording, position
        self._finalizer = weakref.finalize(self, recording.close)  # notebooks seldom close files
        self._lock = Lock()
        self.settings = settings
        """With the pixel size of the file where the settings that were given have none."""
        self.positions = sizes.position
        """How many positions the recording has; this is one of them."""
        self.shape = (
            sizes.time,
            sizes.channel,
            sizes.z,
            *recording.stack_shape,
            *recording.frame_shape,
        )
        self.dtype = recording.dtype

    @property
    def ndim(self) -> int:
        """Number of axes: 7."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of pixels in all."""
        return int(np.prod(self.shape))

    @property
    def sizes(self) -> Mapping[str, int]:
        """Length of each axis by its name."""
        return dict(zip(DIMS, self.shape, strict=True))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know of the file; it can be used all the same."""
        return self._recording.warnings

    @property
    def whole(self) -> NDArray[np.bool_]:
        """Which raw stacks have all their frames, [t, c, z]."""
        whole: NDArray[np.bool_] = self._recording.whole[self._position]
        return whole

    @property
    def source(self) -> Path:
        """Its file or folder."""
        return self._recording.source

    @property
    def z_step_nm(self) -> float | None:
        """Distance of two planes as the file states it."""
        return self._recording.z_step_nm

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Names of the channels as the file states them; none where it states none."""
        return self._recording.channel_names

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Pixels:
        """Read a part, indexed by integers, slices and an ellipsis as numpy does.

        Raises
        ------
        DataError
            If a frame of it is missing or cannot be read, or the recording is closed.
        IndexError
            If the index lies outside, or is of another kind.
        """
        chosen = axes_chosen(index, self.shape)
        missing = np.argwhere(self._numbers(chosen) < 0)
        if missing.size:
            where = zip(DIMS, chosen, missing[0], strict=False)
            words = ", ".join(f"{name} {axis[at]}" for name, axis, at in where)
            raise DataError(f"{self._recording.source}: expected a frame at {words}, found none")
        part: Pixels = self.part(chosen)[axes_kept(index, self.ndim)]
        return part

    def part(self, chosen: Sequence[range]) -> Pixels:
        """Read the chosen elements of each of the seven axes; frames that are missing are 0.

        Raises
        ------
        DataError
            If a frame cannot be read, or the recording is closed.
        """
        if not self._finalizer.alive:
            raise DataError(f"{self._recording.source}: expected it open, found it closed")
        numbers, (rows, columns) = self._numbers(chosen), chosen[5:]
        found = np.zeros((*numbers.shape, len(rows), len(columns)), self.dtype)
        with self._lock:  # file readers are for one thread at a time
            for place in map(tuple, np.argwhere(numbers >= 0)):
                frame = self._recording.plane(int(numbers[place]))
                found[place] = frame[np.ix_(rows, columns)]
        return found

    def _numbers(self, chosen: Sequence[range]) -> NDArray[np.int64]:
        """Return the numbers of the chosen frames, [t, c, z, angle, phase]; below 0 = missing."""
        numbers: NDArray[np.int64] = self._recording.numbers[self._position]
        return numbers[np.ix_(*chosen[:5])]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Read all of it."""
        if copy is False:
            raise ValueError("expected that a copy may be made, since the frames are on the disk")
        return np.asarray(self[...], dtype=dtype)

    def to_dask(self) -> Any:
        """Return a dask array with one raw stack a chunk."""
        array = _imported("dask.array", "arrays")
        chunks = (1, 1, 1, *self.shape[3:])
        return array.from_array(self, chunks=chunks, name=False, asarray=False, lock=False)

    def to_xarray(self) -> Any:
        """Return an xarray DataArray over `to_dask`, with the pixels' places in µm."""
        xarray = _imported("xarray", "arrays")
        pixel_nm = self.settings.optics.pixel_nm
        coords: dict[str, Any] = {}
        if pixel_nm is not None:
            coords = {
                name: np.arange(n) * pixel_nm / 1000.0
                for name, n in (("y", self.shape[-2]), ("x", self.shape[-1]))
            }
        names = self._recording.channel_names
        if names:
            coords["c"] = list(names)
        attributes = {"source": str(self._recording.source), "y_x_unit": "µm"}
        return xarray.DataArray(self.to_dask(), dims=DIMS, coords=coords, attrs=attributes)

    def close(self) -> None:
        """Close the file; nothing can be read afterwards. It is closed in the end in any case."""
        self._finalizer()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what opens it again, so that other processes can read it."""
        return open, (self._recording.source.absolute(), self.settings, self._position)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {n}" for name, n in self.sizes.items())
        return f"<recording {self._recording.source}: {sizes}, {self.dtype}>"


def open(path: str | Path, settings: Settings, position: int = 0) -> LazyRecording:
    """Open a recording in any format that livesim reads, without reading its frames.

    Parameters
    ----------
    path
        A file or folder in a format that docs/use/recordings.md names.
    settings
        Of the microscope: how many angles and phases a raw stack has, and in which order.
    position
        Which position of a recording that has several.

    Raises
    ------
    DataError
        Naming the file, what was expected and what was found.
    """
    recording = open_recording(Path(path), settings.pattern)
    try:
        if settings.optics.pixel_nm is None and recording.pixel_nm is not None:
            optics = settings.optics.model_copy(update={"pixel_nm": recording.pixel_nm})
            settings = settings.model_copy(update={"optics": optics})
        return LazyRecording(recording, settings, position)
    except BaseException:
        recording.close()
        raise


def _imported(name: str, extra: str) -> Any:
    """Import a package of an extra; where it is not installed, say how it is."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        words = f"expected {name.partition('.')[0]}, found it not installed"
        raise ModuleNotFoundError(f"{words}: {install_command(extra)}") from error
