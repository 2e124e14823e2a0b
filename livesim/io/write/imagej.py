"""Lay out and fill one ImageJ hyperstack of 16 bits, with what Fiji needs to show it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import tifffile
from numpy.typing import NDArray

from livesim.images.colour_tables import Colours
from livesim.images.levels import Levels
from livesim.io.recipe import Recipe
from livesim.io.write.ome_tiff import CLASSIC_LIMIT_BYTES
from livesim.io.write.output_layout import OutputLayout
from livesim.values.frames import StackIndex
from livesim.values.results import Image

MOST = np.iinfo(np.uint16).max
STRAIGHT_LINE = 0
"""ImageJ's number for a calibration value = c0 + c1 count."""


@dataclass(frozen=True, slots=True)
class CountScale:
    """What a 16-bit count stands for: value = zero + step · count."""

    zero: float = 0.0
    step: float = 1.0

    @classmethod
    def over(cls, low: float, high: float) -> Self:
        """Return the scale that spends all counts between the least and the greatest value."""
        return cls(low, max(high - low, 1e-6) / MOST)

    @property
    def is_plain(self) -> bool:
        """Whether the counts are the values themselves."""
        return (self.zero, self.step) == (0.0, 1.0)

    def counts(self, image: Image) -> NDArray[np.uint16]:
        """Return the nearest counts; what is not a number becomes 0."""
        low, high = self.zero, self.zero + MOST * self.step
        scaled = np.rint((np.nan_to_num(image, nan=low, neginf=low, posinf=high) - low) / self.step)
        return np.asarray(np.clip(scaled, 0, MOST), np.uint16)

    def words(self, unit: str) -> str:
        """Say in one line how to come back to values."""
        return f"{unit} = {self.zero:.9g} + {self.step:.9g} * count"


@dataclass(frozen=True, slots=True, eq=False)
class ImageJLook:
    """How Fiji first shows the file."""

    levels: tuple[Levels, ...]
    """Black and white of each channel, as values."""
    tables: tuple[Colours, ...]
    """Colour table of each channel."""
    labels: tuple[str, ...] = ()
    """One a plane, channels fastest, then z, then time; shown above the image."""


class ImageJ:
    """A hyperstack TZCYX laid out beforehand, see `livesim.io.write.result_writer.Format`.

    tifffile writes header and directory first; every image then goes straight to its place. Above
    4 GiB there is but one directory, as ImageJ itself writes it: only programs that know ImageJ's
    files read more than the first plane then. Images never written are 0.

    Parameters
    ----------
    path
        The file, under its temporary name.
    layout
        Sizes and scales, of one position.
    recipe
        Stored in the file's info, with the scale.
    scale
        What the counts stand for; Fiji shows values by it.
    look
        How it is shown at first.
    unit
        Of the values.

    Raises
    ------
    ValueError
        If the layout has several positions.
    """

    def __init__(
        self,
        path: Path,
        layout: OutputLayout,
        recipe: Recipe,
        scale: CountScale,
        look: ImageJLook,
        unit: str = "photo-electrons",
    ) -> None:
        if layout.position != 1:
            raise ValueError(f"expected one position, found {layout.position}")
        self._path, self._layout, self._recipe = path, layout, recipe
        self._scale, self._look, self._unit = scale, look, unit
        self._start = self._lay_out()
        self._file = path.open("r+b")

    def put(self, index: StackIndex, image: Image) -> None:
        """Write one image, [y, x], to its place, as 16-bit counts."""
        layout = self._layout
        place = (index.time, index.z, index.channel)
        plane = int(np.ravel_multi_index(place, (layout.time, layout.z, layout.channel)))
        self._file.seek(self._start + plane * 2 * layout.y * layout.x)
        self._file.write(self._scale.counts(image).astype(">u2").data)

    def finish(self, written: NDArray[np.bool_]) -> None:
        """Do nothing: what was not written is 0 already, and the file's info says so."""

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _lay_out(self) -> int:
        """Write everything but the pixels; return where they start."""
        layout = self._layout
        per_um = 1000.0 / layout.pixel_nm
        # ImageJ's own files are big-endian, and so are its beyond-4-GiB ones.
        with tifffile.TiffWriter(self._path, imagej=True, byteorder=">") as file:
            start, size = file.write(  # type: ignore[misc]  # returnoffset: never None
                shape=(layout.time, layout.z, layout.channel, layout.y, layout.x),
                dtype=np.uint16,
                photometric="minisblack",
                resolution=(per_um, per_um),
                metadata=self._metadata(),
                truncate=2 * int(np.prod(layout.image_shape)) > CLASSIC_LIMIT_BYTES,
                returnoffset=True,
            )
        with self._path.open("r+b") as whole:
            whole.truncate(max(whole.seek(0, 2), start + size))
        return int(start)

    def _metadata(self) -> dict[str, Any]:
        layout, look = self._layout, self._look
        shown = [self._counts_of(levels) for levels in look.levels]
        stated: dict[str, Any] = {
            "axes": "TZCYX",
            "unit": "um",
            "mode": "composite" if layout.channel > 1 else "grayscale",
            "min": shown[0][0],
            "max": shown[0][1],
            "Ranges": tuple(value for pair in shown for value in pair),
            "LUTs": [np.ascontiguousarray(table.T) for table in look.tables],
            "Info": self._info(),
        }
        if look.labels:
            stated["Labels"] = list(look.labels)
        if layout.z_step_nm is not None:
            stated["spacing"] = layout.z_step_nm / 1000
        if layout.interval_s is not None:
            stated |= {"finterval": layout.interval_s, "tunit": "sec"}
        return stated | self._calibration()

    def _calibration(self) -> dict[str, Any]:
        if self._scale.is_plain:
            return {}
        scale = self._scale
        return {"cf": STRAIGHT_LINE, "c0": scale.zero, "c1": scale.step, "vunit": self._unit}

    def _counts_of(self, levels: Levels) -> tuple[float, float]:
        low, high = ((v - self._scale.zero) / self._scale.step for v in (levels.low, levels.high))
        return max(low, 0.0), min(max(high, 1.0), float(MOST))

    def _info(self) -> str:
        """Return what Fiji shows under Image > Show Info."""
        lines = [
            f"values: {self._scale.words(self._unit)}",
            "stored in 16 bits: nothing is clipped; not a number, or no image, is 0",
            *(f"warning: {warning}" for warning in self._recipe.warnings),
            f"recipe: {json.dumps(self._recipe.to_json(), allow_nan=False)}",
        ]
        return "\n".join(lines)
