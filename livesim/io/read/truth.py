"""The truth beside a simulated recording in, its objects and its light out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from livesim.config.settings import Settings, parse_settings
from livesim.io.read.planes import expecting
from livesim.io.read.zarr_planes import BAD_ZARR
from livesim.io.write.truth import FORMAT, KEY
from livesim.values.errors import DataError
from livesim.values.pattern import Pattern, PatternAngle
from livesim.values.results import Image


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What is true of a simulated recording, read when asked for."""

    folder: Path
    group: zarr.Group
    settings: Settings
    pixel_nm: float
    """Of the raw frames; the objects have half of it."""

    @property
    def stacks(self) -> int:
        """How many raw stacks it tells of."""
        return int(self._array("object").shape[0])

    def object(self, time: int) -> Image:
        """Return what the first frame of a raw stack looked at, [2 y, 2 x]."""
        return np.asarray(self._array("object")[time], dtype=np.float32)

    def pattern(self, time: int) -> Pattern:
        """Return the light of a raw stack."""
        k, phases, modulation, intensity = (
            np.asarray(self._array(name)[time])
            for name in ("k_cycles_per_um", "phases_rad", "modulation", "intensity")
        )
        angles = [
            PatternAngle(
                k_cycles_per_um=(float(k[angle, 0, vector, 0]), float(k[angle, 0, vector, 1])),
                phases_rad=tuple(phases[angle, :, vector].tolist()),
                modulation=tuple(modulation[angle, 0, vector].tolist()),
                intensity=tuple(intensity[angle].tolist()),
            )
            for angle in range(k.shape[0])
            for vector in range(k.shape[2])
        ]
        rows, columns = self._array("object").shape[1:]
        return Pattern(
            self.pixel_nm,
            (rows // 2, columns // 2),
            tuple(angles),
            layout=self.settings.pattern.layout,
        )

    def _array(self, name: str) -> zarr.Array[Any]:
        array = self.group.get(name)
        if not isinstance(array, zarr.Array):
            raise DataError(f"{self.folder}: expected the array '{name}' of a truth, found none")
        return array


def open_truth(folder: Path) -> Truth:
    """Open the truth that `livesim simulate` wrote.

    Raises
    ------
    DataError
        If the folder holds something else.
    """
    with expecting("the truth of a simulation", folder, *BAD_ZARR):
        node = zarr.open(folder, mode="r")
    stated = node.attrs.get(KEY)
    if not isinstance(node, zarr.Group) or not isinstance(stated, Mapping):
        raise DataError(f"{folder}: expected the truth of a simulation, found another Zarr")
    if stated.get("format") != FORMAT:
        raise DataError(f"{folder}: expected the format {FORMAT}, found {stated.get('format')}")
    values: Any = stated["settings"]
    pixel_nm: Any = stated["pixel_nm"]
    settings = parse_settings(values, str(folder), folder.parent)
    return Truth(folder, node, settings, float(pixel_nm))
