"""Read the results in livesim's own files, finished or still growing, as a time-lapse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import zarr
from numpy.typing import NDArray

from livesim.io.read.layout import AXES
from livesim.io.read.planes import NO_PLANE, PlaneFile, check_size, expecting
from livesim.io.read.scales import channel_names, z_step_nm
from livesim.io.read.tiff import open_tiff
from livesim.io.read.time_lapse import TimeLapse, moments_since_first
from livesim.io.read.zarr import ZarrImage, find_images
from livesim.io.read.zarr_planes import BAD_ZARR, read_region
from livesim.io.recipe import Recipe
from livesim.io.recording_files import finished_name
from livesim.io.write.ome_tiff import read_recipe_of_tiff
from livesim.io.write.ome_zarr import read_recipe_of_zarr
from livesim.io.write.output_layout import OutputLayout
from livesim.io.write.recording_folder import identity
from livesim.values.errors import DataError
from livesim.values.frames import StackIndex
from livesim.values.results import Image

RESULT_AXES = AXES[:4]
Log = NDArray[np.int64]


def open_result(path: Path) -> TimeLapse:
    """Open a result or a recording of results.

    Raises
    ------
    DataError
        If it is neither, holds no image, or no recipe says how it was made.
    """
    if not path.exists():
        raise DataError(f"{path}: expected a file or folder, found nothing there")
    return _open_zarr(path) if path.is_dir() else _open_tiff(path)


def _open_zarr(path: Path) -> TimeLapse:
    recipe = read_recipe_of_zarr(path)
    zarrs = _Zarrs(path)
    images, logs = zarrs.images, zarrs.logs
    written = _together("written", logs) > 0
    if not written.any():
        raise DataError(f"{path}: expected results, found none yet")
    ends = [int(at.max()) + 1 for at in np.nonzero(written)]
    received = _together("last_received_ns", logs)
    kept = (slice(None), *(slice(end) for end in ends[1:]))
    return TimeLapse(
        source=path,
        layout=_layout(next(iter(images.values())), recipe, (len(written), *ends[1:])),
        written=written[kept],
        moments_s=moments_since_first(received[kept]),
        recipe=recipe,
        read=zarrs.read,
        received_ns=received[kept],
        networked=_networked(recipe, logs, kept),
    )


def _networked(
    recipe: Recipe, logs: Mapping[int, dict[str, Log]], kept: tuple[slice, ...]
) -> NDArray[np.bool_] | None:
    """Return which images networks have worked on; None where that was the same for all."""
    if recipe.steps == ("reconstruct",) or not all("networks" in log for log in logs.values()):
        return None
    return (_together("networks", logs) > 0)[kept]


class _Zarrs:
    """The images of a folder, by their position, while its recording goes on or ends.

    Then the folder is renamed; a single image is moved within it when a second position comes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.logs: dict[int, dict[str, Log]] = {}
        self.images: dict[int, ZarrImage] = {}
        self._open()

    def _open(self) -> None:
        with expecting("an OME-Zarr of results", self._path, *BAD_ZARR):
            root = zarr.open_group(self._path, mode="r")
            # The log before the image: what it vouches for lies within the image's shape.
            self.logs = {at: _log(group) for at, group in _groups(root, self._path).items()}
            images = {_position(one): one for one in find_images(root, self._path)}
            self.images = {position: images[position] for position in self.logs}
            for position, image in self.images.items():
                log = self.logs[position]
                _check_axes(image, self._path)
                check_size(image.array.shape[:-2], image.array.shape[-2:], self._path)
                log.setdefault("written", np.ones(image.array.shape[:3], np.int64))
                log.setdefault("last_received_ns", np.zeros(image.array.shape[:3], np.int64))
        self._found = self._first

    def read(self, index: StackIndex) -> Image:
        image = self._read(index)
        if not self._stayed:  # its chunks were missing, which Zarr reads as NaN
            self._path = self._path if self._path.exists() else finished_name(self._path)
            self._open()
            image = self._read(index)
        return image

    @property
    def _stayed(self) -> bool:
        """Whether the images lie where they were found."""
        return self._found is not None and self._found == self._first

    @property
    def _first(self) -> tuple[int, int] | None:
        """What lies now where the first image was found."""
        return identity(self._path / next(iter(self.images.values())).array.path)

    def _read(self, index: StackIndex) -> Image:
        if index.position not in self.images:
            y, x = next(iter(self.images.values())).array.shape[-2:]
            return np.full((y, x), np.nan, np.float32)
        with expecting(f"a readable image at time {index.time}", self._path, *BAD_ZARR):
            array = self.images[index.position].array
            place = (index.time, index.channel, index.z)
            return np.asarray(read_region(array, place), np.float32)


def _groups(root: zarr.Group, path: Path) -> dict[int, zarr.Group]:
    """Return the groups of the positions that have an image: the root, or those named by number."""
    groups = {}
    for image in find_images(root, path):
        name = image.array.path.rpartition("/")[0]
        group = root[name] if name else root
        assert isinstance(group, zarr.Group)
        groups[_position(image)] = group
    return groups


def _position(image: ZarrImage) -> int:
    return int(image.array.path.rpartition("/")[0] or 0)


def _log(group: zarr.Group) -> dict[str, Log]:
    """Read what was noted of every image, where it was recorded."""
    found = {name: group.get(name) for name in ("written", "last_received_ns", "networks")}
    return {
        name: np.asarray(array[:], np.int64)
        for name, array in found.items()
        if isinstance(array, zarr.Array)
    }


def _check_axes(image: ZarrImage, path: Path) -> None:
    if image.names != ("time", "channel", "z", "y", "x"):
        raise DataError(
            f"{path}: expected an image [time, channel, z, y, x], found [{', '.join(image.names)}]"
        )


def _together(name: str, logs: Mapping[int, Mapping[str, Log]]) -> Log:
    """Return one log of all positions, [position, time, channel, z]; 0 where there is none."""
    columns = {position: log[name] for position, log in logs.items()}
    shape = np.max([column.shape for column in columns.values()], axis=0)
    whole = np.zeros((max(columns) + 1, *shape), np.int64)
    for position, column in columns.items():
        time, channel, z = column.shape
        whole[position, :time, :channel, :z] = column
    return whole


def _layout(image: ZarrImage, recipe: Recipe, sizes: Sequence[int]) -> OutputLayout:
    y, x = image.array.shape[-2:]
    return _layout_of((y, x), image, recipe, sizes)


def _layout_of(
    shape: tuple[int, int], stated: ZarrImage | PlaneFile, recipe: Recipe, sizes: Sequence[int]
) -> OutputLayout:
    raw_nm = recipe.settings.optics.pixel_nm
    position, time, channel, z = sizes
    return OutputLayout(
        y=shape[0],
        x=shape[1],
        pixel_nm=stated.pixel_nm or (raw_nm or 1.0) / 2,
        time=time,
        channel=channel,
        z=z,
        position=position,
        z_step_nm=z_step_nm(recipe.settings, z, stated.z_step_nm),
        interval_s=stated.interval_s,
        channel_names=channel_names(recipe.settings, channel, stated.channel_names),
    )


def _open_tiff(path: Path) -> TimeLapse:
    recipe = read_recipe_of_tiff(path)
    file = open_tiff(path)
    try:
        numbers = _by_axes(file)
    except DataError:
        file.close()
        raise

    def read(index: StackIndex) -> Image:
        number = numbers[index.position, index.time, index.channel, index.z]
        return np.asarray(file.read(int(number)), np.float32)

    return TimeLapse(
        source=path,
        layout=_layout_of(file.frame_shape, file, recipe, numbers.shape),
        written=numbers != NO_PLANE,
        moments_s=None,
        recipe=recipe,
        read=read,
        close=file.close,
    )


def _by_axes(file: PlaneFile) -> NDArray[np.int64]:
    """Return plane numbers [position, time, channel, z]."""
    grid = file.grid
    long = [name for name, n in zip(grid.names, grid.numbers.shape, strict=True) if n > 1]
    if not set(long) <= set(RESULT_AXES):
        raise DataError(
            f"{file.source}: expected the axes {', '.join(RESULT_AXES)}, found {', '.join(long)}"
        )
    numbers = grid.numbers.squeeze()
    present = [axis for axis in RESULT_AXES if axis in long]
    ordered = numbers.transpose([long.index(axis) for axis in present])
    sizes = dict(zip(present, ordered.shape, strict=True))
    return ordered.reshape([sizes.get(axis, 1) for axis in RESULT_AXES])
