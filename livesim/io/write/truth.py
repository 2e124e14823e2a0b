"""Write what is true of simulated raw stacks into a Zarr group beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import BloscCodec

from livesim.values.results import Image

FORMAT = "livesim-truth/1"
KEY = "livesim"
STACK_AXES = ("t", "angle", "phase")

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class FrameTruth:
    """What is true of every frame of one raw stack, [angle, phase, ...] as the file has them."""

    number: NDArray[np.int64]
    """Which frame of the microscope it is; ahead of the file after a lost frame."""
    expected_photons: NDArray[np.float32]
    """[angle, phase, y, x]."""
    k_cycles_per_um: Values
    """[angle, phase, vector, 2], (kx, ky)."""
    phases_rad: Values
    """[angle, phase, vector], r = 0 at the centre of raw pixel (0, 0)."""
    modulation: Values
    """[angle, phase, vector, harmonic]."""
    intensity: Values
    """[angle, phase], relative brightness."""
    shift_nm: Values
    """[angle, phase, 2], (y, x): drift and jumps of the stage."""


class TruthWriter:
    """Write the truth stack by stack; the caller moves the folder into place.

    Arrays: `object` [t, 2 y, 2 x] and those of `FrameTruth` with the time in front, named and with
    their axes; `visibility` [2 y, 2 x] where the modulation varies over the field.

    Parameters
    ----------
    folder
        Of the group, which does not exist yet.
    time
        How many raw stacks.
    attributes
        Stored under "livesim".
    """

    def __init__(self, folder: Path, time: int, attributes: Mapping[str, Any]) -> None:
        self._time = time
        self._root = zarr.create_group(folder, zarr_format=3)
        self._root.attrs[KEY] = {"format": FORMAT, **attributes}
        self._arrays: dict[str, zarr.Array[Any]] = {}

    def write(self, time: int, seen: Image, truth: FrameTruth) -> None:
        """Write one stack: what was looked at [2 y, 2 x], and all of its frames."""
        self._put("object", ("t", "y", "x"), time, seen)
        self._put("frame_number", STACK_AXES, time, truth.number)
        self._put("expected_photons", (*STACK_AXES, "y", "x"), time, truth.expected_photons)
        self._put("k_cycles_per_um", (*STACK_AXES, "vector", "xy"), time, truth.k_cycles_per_um)
        self._put("phases_rad", (*STACK_AXES, "vector"), time, truth.phases_rad)
        self._put("modulation", (*STACK_AXES, "vector", "harmonic"), time, truth.modulation)
        self._put("intensity", STACK_AXES, time, truth.intensity)
        self._put("shift_nm", (*STACK_AXES, "yx"), time, truth.shift_nm)

    def write_visibility(self, visibility: Image) -> None:
        """Write what multiplies the modulation over the field, [2 y, 2 x]."""
        self._root.create_array(
            "visibility", data=visibility, dimension_names=("y", "x"), compressors=_codec(4)
        )

    def _put(self, name: str, axes: tuple[str, ...], time: int, values: NDArray[Any]) -> None:
        if name not in self._arrays:
            self._arrays[name] = self._root.create_array(
                name,
                shape=(self._time, *values.shape),
                chunks=(1, *values.shape),
                dtype=values.dtype,
                dimension_names=axes,
                compressors=_codec(values.dtype.itemsize),
                config={"write_empty_chunks": True},
            )
        self._arrays[name][time] = values


def _codec(item_bytes: int) -> BloscCodec:
    return BloscCodec(cname="lz4", clevel=1, shuffle="bitshuffle", typesize=item_bytes)
