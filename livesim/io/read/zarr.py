"""Read OME-Zarr (0.4, 0.5), livesim's own and plain Zarr folders (v2, v3), plane by plane."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zarr

from livesim.io.read.file_names import natural
from livesim.io.read.metadata import NM, SECONDS, names_of, not_square, positive
from livesim.io.read.own import is_own_recording, open_own_recording
from livesim.io.read.planes import (
    UNNAMED,
    PlaneFile,
    PlaneGrid,
    Recorded,
    check_size,
    expecting,
    fit_side_by_side,
    side_by_side,
)
from livesim.io.read.zarr_planes import BAD_ZARR, plane_reader, recorded_planes
from livesim.values.errors import DataError

MARKS = ("zarr.json", ".zarray", ".zgroup")
AXIS_NAMES = {"t": "time", "c": "channel", "p": "position", "a": "angle"}


@dataclass(frozen=True, slots=True)
class ZarrImage:
    """One array and what its group says of it."""

    array: zarr.Array[Any]
    names: tuple[str, ...]
    pixel_nm: float | None = None
    pixel_y_nm: float | None = None
    interval_s: float | None = None
    z_step_nm: float | None = None
    channel_names: tuple[str, ...] = ()


def open_zarr(folder: Path, recorded: Recorded = ()) -> PlaneFile:
    """Open a Zarr folder; no pixel is read yet.

    Parameters
    ----------
    recorded
        As it was when the folder was opened before; then its chunks, of which there may be a
        million, are not looked for, unless it is of other sizes.

    Raises
    ------
    DataError
        If it holds no image, several that differ, or one without [y, x].
    """
    with expecting("a Zarr array or OME-Zarr image", folder, *BAD_ZARR):
        node = zarr.open(folder, mode="r")
        if isinstance(node, zarr.Group) and is_own_recording(node):
            return open_own_recording(node, folder)
        images = find_images(node, folder)
    first = images[0]
    for image in images:
        _check_image(image, first, folder)
    shape = first.array.shape
    frames = sum(math.prod(image.array.shape[:-2]) for image in images)
    check_size((frames,), shape[-2:], folder)
    with expecting("readable frames", folder, *BAD_ZARR):
        if [one.shape for one in recorded] != [image.array.shape[:-2] for image in images]:
            recorded = tuple(recorded_planes(image.array, folder) for image in images)
    reads = [plane_reader(image.array, folder) for image in images]
    numbers, read = side_by_side(recorded, reads)
    return PlaneFile(
        source=folder,
        frame_shape=(shape[-2], shape[-1]),
        dtype=first.array.dtype,
        grid=PlaneGrid(("position", *first.names[:-2]), numbers),
        read=read,
        close=lambda: None,  # zarr keeps no file open
        pixel_nm=first.pixel_nm,
        interval_s=first.interval_s,
        z_step_nm=first.z_step_nm,
        channel_names=first.channel_names,
        warnings=not_square(first.pixel_nm, first.pixel_y_nm, folder),
        recorded=recorded,
    )


def find_images(node: zarr.Array[Any] | zarr.Group, folder: Path) -> list[ZarrImage]:
    """Return the image of a Zarr, or those of all its positions.

    Raises
    ------
    DataError
        If there is none.
    """
    if isinstance(node, zarr.Array):
        return [_plain(node)]
    attributes = _ome(node.attrs.asdict())
    if attributes.get("multiscales"):
        # Several in one group are positions: some writers of Zarr 2 have no group for each.
        return [_multiscale(node, one, attributes) for one in attributes["multiscales"]]
    paths = _paths_of_positions(node, attributes, folder)
    if paths:
        return [image for path in paths for image in find_images(_group(node, path), folder)]
    arrays = [array for _, array in sorted(node.arrays())]
    if len(arrays) != 1:
        raise DataError(
            f"{folder}: expected an OME-Zarr image or one array, "
            f"found a group of {len(arrays)} arrays"
            f"{f': give one of them, such as {arrays[0].basename}' if arrays else ''}"
        )
    return [_plain(arrays[0])]


def _paths_of_positions(node: zarr.Group, attributes: Mapping[str, Any], folder: Path) -> list[str]:
    """Return the groups of the positions: of a plate, of a well, or of a series of images."""
    if "plate" in attributes:
        return [well["path"] for well in attributes["plate"]["wells"]]
    if "well" in attributes:
        return [image["path"] for image in attributes["well"]["images"]]
    if "bioformats2raw.layout" not in attributes:
        return _groups_of_images(node)
    names = node.get("OME")
    series = _ome(names.attrs.asdict()).get("series") if isinstance(names, zarr.Group) else None
    keys = series or _groups_of_images(node)
    if not keys:
        raise DataError(f"{folder}: expected the images 0, 1 ... in the group, found none")
    return list(keys)


def _groups_of_images(node: zarr.Group) -> list[str]:
    """Return the groups that hold an image each, numbers by their value: 2 before 10."""
    keys = [key for key, group in node.groups() if "multiscales" in _ome(group.attrs.asdict())]
    return sorted(keys, key=natural)


def _group(node: zarr.Group, path: str) -> zarr.Group:
    group = node[path]
    if not isinstance(group, zarr.Group):
        raise TypeError(f"{path} is an array")
    return group


def _ome(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return OME's attributes: below "ome" in 0.5, at the top in 0.4."""
    below = attributes.get("ome")
    return below if isinstance(below, Mapping) else attributes


def _plain(array: zarr.Array[Any]) -> ZarrImage:
    stated = array.metadata.to_dict().get("dimension_names")
    names = stated if isinstance(stated, Sequence) else [None] * array.ndim
    return ZarrImage(array, tuple(_axis_name(name) for name in names))


def _axis_name(name: Any) -> str:
    """Return livesim's word for an axis; dim_0, dim_1 ... are xarray's way to say nothing."""
    if not isinstance(name, str) or name.startswith("dim_"):
        return UNNAMED
    return AXIS_NAMES.get(name.lower(), name.lower())


def _multiscale(
    node: zarr.Group, multiscale: Mapping[str, Any], attributes: Mapping[str, Any]
) -> ZarrImage:
    dataset = multiscale["datasets"][0]
    array = node[dataset["path"]]
    if not isinstance(array, zarr.Array):
        raise TypeError(f"{dataset['path']} is a group")
    axes = _axes(multiscale)
    scale = _scale(dataset.get("coordinateTransformations", ()), len(axes))
    overall = _scale(multiscale.get("coordinateTransformations", ()), len(axes))
    known = {
        axis["name"]: (own * whole, axis.get("unit"))
        for axis, own, whole in zip(axes, scale, overall, strict=True)
    }
    x, x_unit = known.get("x", (0.0, None))
    y, y_unit = known.get("y", (0.0, None))
    t, t_unit = known.get("t", (0.0, None))
    z, z_unit = known.get("z", (0.0, None))
    return ZarrImage(
        array=array,
        names=tuple(_axis_name(axis["name"]) for axis in axes),
        pixel_nm=positive(x, NM.get(x_unit or "")),
        pixel_y_nm=positive(y, NM.get(y_unit or "")),
        interval_s=positive(t, SECONDS.get(t_unit or "")),
        z_step_nm=positive(z, NM.get(z_unit or "")),
        channel_names=_labels(attributes.get("omero")),
    )


def _axes(multiscale: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the axes; they are names alone in OME-Zarr 0.3, and always t, c, z, y, x before."""
    stated = multiscale.get("axes", "tczyx")
    return [{"name": axis} if isinstance(axis, str) else axis for axis in stated]


def _labels(omero: Any) -> tuple[str, ...]:
    """Return the channels' names, which stand in a part that not every writer makes."""
    shown = omero.get("channels") if isinstance(omero, Mapping) else None
    shown = shown if isinstance(shown, list) else []
    return names_of([one.get("label") if isinstance(one, Mapping) else None for one in shown])


def _scale(transformations: Sequence[Mapping[str, Any]], count: int) -> Sequence[float]:
    scales = [one["scale"] for one in transformations if one.get("type") == "scale"]
    return scales[0] if scales else [1.0] * count


def _check_image(image: ZarrImage, first: ZarrImage, folder: Path) -> None:
    array = image.array
    if array.ndim < 2 or len(image.names) != array.ndim:
        raise DataError(
            f"{folder}: expected an array [..., y, x] and a name for each of its axes, "
            f"found {array.ndim} axes {array.shape} and {len(image.names)} names"
        )
    if not array.size:
        raise DataError(f"{folder}: expected frames, found an array of the shape {array.shape}")
    if image.names[-2:] not in (("y", "x"), (UNNAMED, UNNAMED)):
        raise DataError(f"{folder}: expected y, x as the last axes, found {image.names[-2:]}")
    alike = (array.dtype, image.names) == (first.array.dtype, first.names)
    if not alike or not fit_side_by_side(image.names, array.shape, first.array.shape):
        raise DataError(
            f"{folder}: expected positions of one shape and type, found {first.array.shape} "
            f"{first.array.dtype} and {array.shape} {array.dtype}"
        )
