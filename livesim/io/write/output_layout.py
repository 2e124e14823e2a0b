"""Describe what is going to be written: sizes, scales and names of results and raw recordings."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livesim.values.frames import StackIndex
from livesim.values.results import Image

ERROR_SUFFIX = " error"
PLAIN_SUFFIX = " plain"
"""Ends the name of a channel that holds the standard deviation of another one's images."""


@dataclass(frozen=True, slots=True)
class OutputLayout:
    """Sizes and scales of a time-lapse of results.

    Raises
    ------
    ValueError
        If a size or a scale is not positive, or the channel names are not one per channel.
    """

    y: int
    x: int
    """Pixels of one result."""
    pixel_nm: float
    """Of the result: half the raw pixel."""
    time: int = 1
    channel: int = 1
    z: int = 1
    position: int = 1
    z_step_nm: float | None = None
    interval_s: float | None = None
    """From one time point to the next."""
    channel_names: tuple[str, ...] = ()
    """One per channel; empty = "channel 0", "channel 1", ..."""
    levels: int = 1
    """Of resolution, each of half the pixels in y and x of the one before; for OME-Zarr."""

    def __post_init__(self) -> None:
        for axis in ("time", "channel", "z", "position", "y", "x", "levels"):
            if getattr(self, axis) < 1:
                raise ValueError(f"expected {axis} >= 1, found {getattr(self, axis)}")
        for scale in ("pixel_nm", "z_step_nm", "interval_s"):
            _check_scale(scale, getattr(self, scale))
        if self.channel_names and len(self.channel_names) != self.channel:
            raise ValueError(
                f"expected {self.channel} channel names, found {list(self.channel_names)}"
            )

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """(position, time, channel, z)."""
        return (self.position, self.time, self.channel, self.z)

    @property
    def image_shape(self) -> tuple[int, int, int, int, int]:
        """(time, channel, z, y, x) of one position."""
        return (self.time, self.channel, self.z, self.y, self.x)

    def channel_name(self, channel: int) -> str:
        """Name to show for a channel, given or made up."""
        if channel < len(self.channel_names):
            return self.channel_names[channel]
        return f"channel {channel}"

    def check(self, index: StackIndex, image: Image) -> None:
        """Raise ValueError if the image does not fit its place in this layout."""
        self.check_shape(image)
        for axis, size in zip(("position", "time", "channel", "z"), self.sizes, strict=True):
            if not 0 <= getattr(index, axis) < size:
                raise ValueError(f"expected {axis} < {size}, found {getattr(index, axis)}")

    def check_shape(self, image: Image) -> None:
        """Raise ValueError if the image is not of this layout's size."""
        if image.shape != (self.y, self.x):
            raise ValueError(f"expected an image of {(self.y, self.x)}, found {image.shape}")

    def missing_warning(self, written: NDArray[np.bool_]) -> str:
        """Say how many planes [position, time, channel, z] hold no result, and the first."""
        first = zip(("position", "time", "channel", "z"), np.argwhere(~written)[0], strict=True)
        place = ", ".join(f"{axis} {at}" for axis, at in first)
        return f"{np.sum(~written)} of {written.size} planes hold no result (NaN), first: {place}"


@dataclass(frozen=True, slots=True)
class RawLayout:
    """What every raw stack of a recording has in common.

    Raises
    ------
    ValueError
        If a size or a scale is not positive.
    """

    angles: int
    phases: int
    y: int
    x: int
    pixel_nm: float
    """Of the camera, in the sample."""
    z_step_nm: float | None = None
    interval_s: float | None = None
    """From one time point to the next."""
    channel_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if min(self.shape) < 1:
            raise ValueError(f"expected sizes >= 1, found {self.shape}")
        for scale in ("pixel_nm", "z_step_nm", "interval_s"):
            _check_scale(scale, getattr(self, scale))

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(angle, phase, y, x) of one raw stack."""
        return (self.angles, self.phases, self.y, self.x)


def _check_scale(name: str, value: float | None) -> None:
    if value is not None and not (value > 0 and math.isfinite(value)):
        raise ValueError(f"expected {name} > 0, found {value}")
