"""Fill one OME-Zarr 0.5 (Zarr 3), TCZYX float32, with the recipe inside; read that recipe."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from yaozarrs import DimSpec, v05

from livesim.io.recipe import Amend, Recipe, as_it_is
from livesim.io.write.chunk_files import chunk_path, chunk_writer, sharded
from livesim.io.write.contrast import Contrast
from livesim.io.write.output_layout import OutputLayout
from livesim.io.write.pyramid import halved_shape, lower_levels
from livesim.io.write.stack_codec import encode, stated_codec
from livesim.values.errors import DataError
from livesim.values.frames import StackIndex
from livesim.values.results import Image

AXES = ("t", "c", "z", "y", "x")
LEVEL = "0"
"""Name of the level of full resolution; the lower ones are 1, 2, ..."""
KEY = "livesim"
"""Group attribute that holds the recipe."""
COLORS = ("00FF00", "FF00FF", "00FFFF", "FFFF00", "FF0000", "0000FF")
"""Of several channels, in turn; a single one is grey."""


class OmeZarr:
    """An OME-Zarr 0.5, see `livesim.io.write.result_writer.Format`.

    The metadata are yaozarrs' checked models, the arrays zarr's. One position is one image at
    the root; several are the groups "0", "1", ... of the bioformats2raw layout. One chunk per
    plane, and one resolution level or a pyramid of them. Planes that were never written read as
    NaN, and a warning in the recipe counts them.

    Parameters
    ----------
    path
        The folder, under its temporary name.
    layout
        Sizes and scales.
    recipe
        Stored in the root group's attributes, under "livesim".
    name
        The folder's real name, which its images have too.
    laid_out
        Whether the folder has been laid out before, with the same layout. Any number of processes
        may fill one folder: a plane is a file, which appears whole.
    amend
        Asked at the end for the recipe that is stored in its place.
    """

    def __init__(
        self,
        path: Path,
        layout: OutputLayout,
        recipe: Recipe,
        name: str,
        amend: Amend = as_it_is,
        *,
        laid_out: bool = False,
    ) -> None:
        self._path, self._layout, self._recipe, self._name = path, layout, recipe, name
        self._amend = amend
        self.contrasts = [Contrast() for _ in range(layout.position)]
        """Of every position, from the planes that were put or seen."""
        if laid_out:
            self._open()
        else:
            self._lay_out()

    def _lay_out(self) -> None:
        self._root = zarr.create_group(self._path, zarr_format=3)
        self._store_recipe()
        self._groups = image_groups(self._root, self._layout.position)
        self._images = [
            create_image(group, self._layout, self._layout.image_shape, self._name)
            for group in self._groups
        ]
        self._lower = [_create_lower(group, self._layout) for group in self._groups]

    def _open(self) -> None:
        self._root = zarr.open_group(self._path, mode="r+", zarr_format=3)
        positions = self._layout.position
        inside = [] if positions == 1 else [str(position) for position in range(positions)]
        self._groups = [_group(self._root, name) for name in inside] or [self._root]
        self._images = [_image(group, LEVEL) for group in self._groups]
        names = [str(level) for level in range(1, self._layout.levels)]
        self._lower = [[_image(group, name) for name in names] for group in self._groups]

    def put(self, index: StackIndex, image: Image) -> None:
        """Write one result, [y, x], to its place, its lower levels before it.

        A plane that is there so has them all, whenever this was interrupted.
        """
        array = self._images[index.position]
        if image.shape != array.shape[-2:]:
            raise ValueError(f"expected an image of {array.shape[-2:]}, found {image.shape}")
        place = (index.time, index.channel, index.z)
        lower = self._lower[index.position]
        for level, smaller in zip(lower, lower_levels(image, len(lower)), strict=True):
            _put_plane(level, place, smaller)
        _put_plane(array, place, image)
        self.contrasts[index.position].see(index.channel, image)

    def holds(self, index: StackIndex) -> bool:
        """Whether a plane is there; only its file is looked for.

        An empty one is none: a power cut may leave a name without its content.
        """
        place = (index.time, index.channel, index.z)
        try:
            return chunk_path(self._images[index.position], place).stat().st_size > 0
        except FileNotFoundError:
            return False

    def see(self, index: StackIndex) -> bool:
        """Take a plane into account for the contrast; return whether it is there and whole."""
        if not self.holds(index):
            return False
        try:
            image = np.asarray(self._images[index.position][index.time, index.channel, index.z])
        except (ValueError, RuntimeError, SystemError):  # what Blosc says of chunks cut off
            return False
        self.contrasts[index.position].see(index.channel, image)
        return True

    def finish(self, written: NDArray[np.bool_]) -> None:
        """Describe the channels, whose contrast is known now, and count the missing planes."""
        self._check_still_there()
        for group, contrast in zip(self._groups, self.contrasts, strict=True):
            describe_image(group, self._layout, self._name, self._layout.channel, contrast)
        recipe = self._amend(self._recipe)
        if not written.all():
            recipe = recipe.with_warning(self._layout.missing_warning(written))
        if recipe is not self._recipe:
            self._recipe = recipe
            self._store_recipe()

    def _check_still_there(self) -> None:
        """Fail where the folder was removed in between: Zarr goes on in a new one, a part of it."""
        for image in self._images:
            (self._path / image.path / "zarr.json").stat()

    def close(self) -> None:
        """Do nothing: every chunk is a file that has been written and closed."""

    def _store_recipe(self) -> None:
        self._root.attrs[KEY] = {"recipe": self._recipe.to_json()}


def _group(root: zarr.Group, name: str) -> zarr.Group:
    found = root[name]
    assert isinstance(found, zarr.Group)
    return found


def _image(group: zarr.Group, level: str) -> zarr.Array[Any]:
    found = group[level]
    assert isinstance(found, zarr.Array)
    return found


def _put_plane(array: zarr.Array[Any], place: tuple[int, int, int], image: Image) -> None:
    """Write a plane; Zarr itself would make a folder again that was removed in between."""
    chunk_writer(array, AXES.index("t"))(place, encode(np.ascontiguousarray(image, "<f4")))


def image_groups(root: zarr.Group, positions: int) -> list[zarr.Group]:
    """Return the groups of the images: the root itself, or one per position inside it."""
    if positions == 1:
        return [root]
    groups = [root.create_group(str(position)) for position in range(positions)]
    list_positions(root, range(positions))
    return groups


def list_positions(root: zarr.Group, positions: Iterable[int]) -> None:
    """Say that the root holds the images of these positions, each in the group of its number."""
    names = [str(position) for position in sorted(positions)]
    root.attrs["ome"] = _dump(v05.Bf2Raw.model_validate({"bioformats2raw.layout": 3}))
    root.require_group("OME").attrs["ome"] = _dump(v05.Series(series=names))


def create_image(
    group: zarr.Group, layout: OutputLayout, shape: tuple[int, ...], name: str, shard: int = 1
) -> zarr.Array[Any]:
    """Create the image's array [t, c, z, y, x], empty, and describe it in the group.

    `shard` time points share a file.
    """
    array = _create_level(group, LEVEL, shape, shard)
    describe_image(group, layout, name)
    return array


def _create_lower(group: zarr.Group, layout: OutputLayout) -> list[zarr.Array[Any]]:
    """Create the arrays of the lower levels of an image, empty."""
    outer = layout.image_shape[:3]
    return [
        _create_level(group, str(level), (*outer, *halved_shape((layout.y, layout.x), level)), 1)
        for level in range(1, layout.levels)
    ]


def _create_level(
    group: zarr.Group, level: str, shape: tuple[int, ...], shard: int
) -> zarr.Array[Any]:
    chunks = (1, 1, 1, *shape[-2:])
    return group.create_array(
        level,
        shape=shape,
        chunks=chunks,
        shards=sharded(chunks, AXES.index("t"), shard),
        dtype=np.float32,
        fill_value=np.nan,
        compressors=stated_codec(np.dtype(np.float32)),
        dimension_names=AXES,
        config={"write_empty_chunks": True},
    )


def describe_image(
    group: zarr.Group,
    layout: OutputLayout,
    name: str,
    channels: int = 0,
    contrast: Contrast | None = None,
) -> None:
    """Write the OME attributes of an image; names and windows of channels once they are known."""
    omero = None if contrast is None else _omero(layout, channels, contrast)
    group.attrs["ome"] = _dump(v05.Image(multiscales=[_multiscale(layout, name)], omero=omero))


def _multiscale(layout: OutputLayout, name: str) -> v05.Multiscale:
    pixel_um = layout.pixel_nm / 1000
    z_um = None if layout.z_step_nm is None else layout.z_step_nm / 1000
    dims = [
        _dim("t", layout.interval_s, "second"),
        _dim("c", None, ""),
        _dim("z", z_um, "micrometer", scale_factor=1.0),
        _dim("y", pixel_um, "micrometer"),
        _dim("x", pixel_um, "micrometer"),
    ]
    described = v05.Multiscale.from_dims(dims, name=name, n_levels=layout.levels)
    return described if layout.levels == 1 else _centred(described)


def _centred(described: v05.Multiscale) -> v05.Multiscale:
    """Say where lower levels lie: the centre of their first pixel is that of several finer ones."""
    values = _dump(described)
    _, *lower = values["datasets"]
    for dataset in lower:
        (scaling,) = dataset["coordinateTransformations"]
        finest = values["datasets"][0]["coordinateTransformations"][0]["scale"]
        shift = [(one - first) / 2 for one, first in zip(scaling["scale"], finest, strict=True)]
        dataset["coordinateTransformations"].append({"type": "translation", "translation": shift})
    return v05.Multiscale.model_validate(values)


def _dim(name: str, scale: float | None, unit: str, scale_factor: float | None = None) -> DimSpec:
    """Return an axis; one of unknown scale counts in samples, without a unit."""
    if scale is None:
        return DimSpec(name=name, scale_factor=scale_factor)
    return DimSpec(name=name, scale=scale, unit=unit, scale_factor=scale_factor)


def _omero(layout: OutputLayout, channels: int, contrast: Contrast) -> v05.Omero:
    shown = [_omero_channel(layout, n, channels, contrast) for n in range(channels)]
    return v05.Omero.model_validate({"channels": shown})


def _omero_channel(
    layout: OutputLayout, number: int, channels: int, contrast: Contrast
) -> dict[str, Any]:
    low, high = contrast.window(number)
    return {
        "label": layout.channel_name(number),
        "color": "FFFFFF" if channels == 1 else COLORS[number % len(COLORS)],
        "window": {"start": low, "end": high, "min": low, "max": high},
        "active": True,
    }


def _dump(model: Any) -> dict[str, Any]:
    values: dict[str, Any] = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    return values


def read_recipe_of_zarr(path: Path) -> Recipe:
    """Return the recipe in the attributes of a Zarr that livesim wrote.

    Raises
    ------
    DataError
        If it is no Zarr 3 group, or holds no recipe.
    """
    try:
        document = json.loads((path / "zarr.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: expected a Zarr 3 group, found: {error}") from error
    try:
        values = document["attributes"][KEY]["recipe"]
    except (KeyError, TypeError) as error:
        raise DataError(
            f"{path}: expected a livesim recipe in its attributes, found none"
        ) from error
    return Recipe.from_json(values, str(path))
