"""What differs from channel to channel: the tables `[channels.0]`, `[channels.1]` and so on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from livesim.config.section import Section
from livesim.values.frames import MOST_PLACES
from livesim.values.numbers import (
    Aperture,
    CameraOffset,
    Magnitude,
    Nanometres,
    ReadNoise,
    RefractiveIndex,
)

ChannelNumber = Annotated[int, Field(ge=0, lt=MOST_PLACES["channel"])]
"""As the frames' channel axis counts."""
Damping = Annotated[float, Field(gt=0, le=1)] | Literal["auto"]


class ChannelOptics(Section):
    """Keys of `[optics]`; None = as there. The pixel is that of all channels."""

    numerical_aperture: Aperture | None = None
    emission_nm: Nanometres | None = None
    refractive_index: RefractiveIndex | None = None
    otf_file: Path | None = None
    otf_damping: Damping | None = None


class ChannelPattern(Section):
    """Keys of `[pattern]`; None = as there. Angles and phases are those of all channels."""

    expected_period_nm: Nanometres | tuple[Nanometres, ...] | None = None
    expected_angles_deg: tuple[float, ...] | None = None


class ChannelCamera(Section):
    """Keys of `[camera]`, for a channel with a camera of its own; None = as there."""

    offset: CameraOffset | None = None
    gain: Magnitude | None = None
    read_noise: ReadNoise | None = None


class ChannelReconstruction(Section):
    """Keys of `[reconstruction]`; None = as there."""

    wiener: Magnitude | Literal["auto"] | None = None
    richardson_lucy_iterations: Annotated[int, Field(ge=0, le=200)] | None = None


class ChannelSteps(Section):
    """Keys of `[steps]`; None = as there."""

    one: str | None = None
    two: str | None = None
    all: str | None = None


class Channel(Section):
    """One channel, where it differs from what the file says of all."""

    name: Annotated[str, Field(min_length=1)] | None = None
    """Written into recordings, results and exports."""
    optics: ChannelOptics = ChannelOptics()
    pattern: ChannelPattern = ChannelPattern()
    camera: ChannelCamera = ChannelCamera()
    reconstruction: ChannelReconstruction = ChannelReconstruction()
    steps: ChannelSteps = ChannelSteps()
