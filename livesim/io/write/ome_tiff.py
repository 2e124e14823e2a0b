"""Results in any order -> one OME-TIFF, TCZYX float32, recipe inside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import tifffile

from livesim.io.recipe import FORMAT, Recipe
from livesim.io.write.output_layout import OutputLayout
from livesim.io.write.placement import Placement
from livesim.values.errors import DataError
from livesim.values.frames import StackIndex
from livesim.values.results import Image
from livesim.values.version import VERSION

CLASSIC_LIMIT_BYTES = 2**32 - 2**25
"""Above this, 32-bit offsets do not reach the end of the file: BigTIFF."""
DIRECTORY_BYTES = 1024
"""Generous room for one page's directory."""


class OmeTiffWriter:
    """Write results into an OME-TIFF laid out beforehand.

    tifffile writes header, directories and OME-XML of the whole file first, with room for the
    pixels; every result then goes straight to its place. So the order of results is free, no
    more than one is held, and the file grows (sparsely) to its final size at once. Several
    positions are several images of one file. Uncompressed: float32 with noise hardly compresses.

    Planes that were never written are filled with NaN, and a warning in the recipe counts them.

    Parameters
    ----------
    path
        The file; it appears when the context ends without an error.
    layout
        Sizes and scales.
    recipe
        Stored in the OME-XML as a comment annotation of the namespace "livesim-recipe/1".
    overwrite
        Replace an existing file.

    Raises
    ------
    DataError
        If the file exists already and `overwrite` is false, or its folder does not exist.
    """

    def __init__(
        self, path: Path, layout: OutputLayout, recipe: Recipe, *, overwrite: bool = False
    ) -> None:
        self._layout = layout
        self._recipe = recipe
        self._name = path.name
        self._written = np.zeros(layout.sizes, bool)
        self._placement = Placement(path, overwrite=overwrite)
        with self._placement.preparing():
            self._starts = self._lay_out()
            self._file = self._placement.partial.open("r+b")

    def write(self, index: StackIndex, image: Image) -> None:
        """Write one result, [y, x], to its place.

        Raises
        ------
        ValueError
            If it does not fit the layout.
        """
        self._layout.check(index, image)
        place = (index.position, index.time, index.channel, index.z)
        self._put(place, image)
        self._written[place] = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._placement:
            with self._file:
                if kind is None:
                    self._fill_missing()
            if kind is None:
                self._finish()

    def _lay_out(self) -> list[int]:
        """Write everything but the pixels; return where the pixels of each position start."""
        layout = self._layout
        planes = layout.time * layout.channel * layout.z
        bytes_needed = layout.position * planes * (4 * layout.y * layout.x + DIRECTORY_BYTES)
        starts = []
        with tifffile.TiffWriter(
            self._placement.partial, bigtiff=bytes_needed > CLASSIC_LIMIT_BYTES, byteorder="<"
        ) as file:
            for position in range(layout.position):
                start, _ = file.write(  # type: ignore[misc]  # returnoffset: never None
                    shape=(planes, layout.y, layout.x),
                    dtype=np.float32,
                    photometric="minisblack",
                    metadata=None,
                    description=self._ome_xml() if position == 0 else None,
                    software=f"livesim {VERSION}",
                    resolution=(1e7 / layout.pixel_nm, 1e7 / layout.pixel_nm),
                    resolutionunit="CENTIMETER",
                    returnoffset=True,
                )
                starts.append(start)
        return starts

    def _put(self, place: tuple[int, ...], image: Image) -> None:
        position, *inner = place
        plane = int(np.ravel_multi_index(inner, self._layout.sizes[1:]))
        self._file.seek(self._starts[position] + plane * 4 * self._layout.y * self._layout.x)
        self._file.write(np.ascontiguousarray(image, "<f4").data)

    def _fill_missing(self) -> None:
        missing = np.argwhere(~self._written)
        if len(missing) == 0:
            return
        empty = np.full((self._layout.y, self._layout.x), np.nan, np.float32)
        for place in missing:
            self._put(tuple(place), empty)
        self._recipe = self._recipe.with_warning(self._layout.missing_warning(self._written))

    def _finish(self) -> None:
        if not self._written.all():
            tifffile.tiffcomment(self._placement.partial, self._ome_xml())
        self._placement.commit()

    def _ome_xml(self) -> bytes:
        return ome_xml(self._layout, self._recipe, self._name).encode()


def ome_xml(layout: OutputLayout, recipe: Recipe, name: str) -> str:
    """Return the OME-XML of a file whose planes follow each other in the order T, C, Z."""
    xml = tifffile.OmeXml(Creator=f"livesim {VERSION}")
    planes = layout.time * layout.channel * layout.z
    note = {
        "Namespace": FORMAT,
        "Description": "How livesim made these pixels (JSON)",
        "Value": json.dumps(recipe.to_json(), allow_nan=False),
    }
    for position in range(layout.position):
        xml.addimage(
            dtype=np.float32,
            shape=layout.image_shape,
            storedshape=(planes, 1, 1, layout.y, layout.x, 1),
            axes="TCZYX",
            Name=name if layout.position == 1 else f"{name} position {position}",
            CommentAnnotation=note if position == 0 else None,
            Channel={"Name": [layout.channel_name(c) for c in range(layout.channel)]},
            **_scales(layout),
        )
    return xml.tostring(declaration=True)


def _scales(layout: OutputLayout) -> dict[str, float | str]:
    scales: dict[str, float | str] = {
        "PhysicalSizeX": layout.pixel_nm / 1000,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": layout.pixel_nm / 1000,
        "PhysicalSizeYUnit": "µm",
    }
    if layout.z_step_nm is not None:
        scales |= {"PhysicalSizeZ": layout.z_step_nm / 1000, "PhysicalSizeZUnit": "µm"}
    if layout.interval_s is not None:
        scales |= {"TimeIncrement": layout.interval_s, "TimeIncrementUnit": "s"}
    return scales


def read_recipe_of_tiff(path: Path) -> Recipe:
    """Return the recipe inside an OME-TIFF that livesim wrote.

    Raises
    ------
    DataError
        If the file is no TIFF, or holds no recipe.
    """
    try:
        with tifffile.TiffFile(path) as file:
            metadata = file.ome_metadata
    except (OSError, tifffile.TiffFileError) as error:
        raise DataError(f"{path}: expected an OME-TIFF, found: {error}") from error
    for note in _comments(metadata):
        if note.get("Namespace") == FORMAT:
            return Recipe.from_json(json.loads(note["Value"]), str(path))
    raise DataError(f"{path}: expected a livesim recipe in the OME-XML, found none")


def _comments(xml: str | None) -> Iterator[dict[str, Any]]:
    """Yield the comment annotations of an OME-XML text."""
    if xml is None:
        return
    annotations = tifffile.xml2dict(xml).get("OME", {}).get("StructuredAnnotations", {})
    found = annotations.get("CommentAnnotation", []) if isinstance(annotations, dict) else []
    yield from [found] if isinstance(found, dict) else found
