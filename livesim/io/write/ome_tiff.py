"""Lay out and fill one OME-TIFF, TCZYX float32, with the recipe inside; read that recipe."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from livesim.io.recipe import FORMAT, Amend, Recipe, as_it_is
from livesim.io.write.output_layout import OutputLayout
from livesim.values.errors import DataError
from livesim.values.frames import StackIndex
from livesim.values.results import Image
from livesim.values.version import VERSION

CLASSIC_LIMIT_BYTES = 2**32 - 2**25
"""Above this, 32-bit offsets do not reach the end of the file: BigTIFF."""
DIRECTORY_BYTES = 1024
"""Generous room for one page's directory."""


class OmeTiff:
    """An OME-TIFF laid out beforehand, see `livesim.io.write.result_writer.Format`.

    tifffile writes header, directories and OME-XML of the whole file first, with room for the
    pixels; every result then goes straight to its place. So the order of results is free, no
    more than one is held, and the file grows (sparsely) to its final size at once. Several
    positions are several images of one file. Uncompressed: float32 with noise hardly compresses.

    Planes that were never written are filled with NaN, and a warning in the recipe counts them.

    Parameters
    ----------
    path
        The file, under its temporary name.
    layout
        Sizes and scales.
    recipe
        Stored in the OME-XML as a comment annotation of the namespace "livesim-recipe/1".
    name
        The file's real name, for the OME-XML.
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
    ) -> None:
        self._path, self._layout, self._recipe, self._name = path, layout, recipe, name
        self._amend = amend
        self._starts = self._lay_out()
        self._file = path.open("r+b")

    def put(self, index: StackIndex, image: Image) -> None:
        """Write one result, [y, x], to its place."""
        inner = (index.time, index.channel, index.z)
        plane = int(np.ravel_multi_index(inner, self._layout.sizes[1:]))
        plane_bytes = 4 * self._layout.y * self._layout.x
        self._file.seek(self._starts[index.position] + plane * plane_bytes)
        self._file.write(np.ascontiguousarray(image, "<f4").data)

    def finish(self, written: NDArray[np.bool_]) -> None:
        """Fill the planes that were never written, and say so in the recipe."""
        recipe = self._amend(self._recipe)
        if not written.all():
            self._fill(written)
            recipe = recipe.with_warning(self._layout.missing_warning(written))
        if recipe is not self._recipe:
            self._recipe = recipe
            self._file.close()
            tifffile.tiffcomment(self._path, self._ome_xml())

    def _fill(self, written: NDArray[np.bool_]) -> None:
        empty = np.full((self._layout.y, self._layout.x), np.nan, np.float32)
        for position, time, channel, z in np.argwhere(~written):
            self.put(StackIndex(position, time, channel, z), empty)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _lay_out(self) -> list[int]:
        """Write everything but the pixels; return where the pixels of each position start."""
        layout = self._layout
        planes = layout.time * layout.channel * layout.z
        bytes_needed = layout.position * planes * (4 * layout.y * layout.x + DIRECTORY_BYTES)
        big = bytes_needed > CLASSIC_LIMIT_BYTES
        starts = []
        with tifffile.TiffWriter(self._path, bigtiff=big, byteorder="<") as file:
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
