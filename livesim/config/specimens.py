"""The `[simulation.STRUCTURE]` tables: what each structure of the simulated microscope is like."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from livesim.config.section import Section
from livesim.values.numbers import NonNegative, Positive, Share

SpecimenName = Literal[
    "filaments",
    "network",
    "mitochondria",
    "vesicles",
    "beads",
    "line_pairs",
    "siemens_star",
    "file",
]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class FilamentSettings(Section):
    """Microtubule-like filaments that glide along themselves."""

    count: Count | None = None
    """None: 9 in 100 square µm."""
    length_um: Annotated[float, Field(ge=0.1, le=1000)] = 12.0
    persistence_um: Positive = 8.0
    speed_nm_per_s: NonNegative = 300.0


class NetworkSettings(Section):
    """Tubules and sheets like those of the endoplasmic reticulum."""

    mesh_um: Annotated[float, Field(ge=0.1, le=100)] = 1.2
    """Typical width of a mesh."""
    sheets: Share = 0.06
    """Share of the meshes that are filled."""
    speed_nm_per_s: NonNegative = 150.0
    """Root mean square; about."""


class MitochondriaSettings(Section):
    """Worm-like bodies that drift and bend."""

    count: Count | None = None
    """None: 5 in 100 square µm."""
    length_um: Annotated[float, Field(ge=0.1, le=100)] = 3.0
    """Median."""
    width_nm: Annotated[float, Field(ge=50, le=5000)] = 450.0
    label: Literal["membrane", "matrix"] = "membrane"
    """Outlined or filled."""
    speed_nm_per_s: NonNegative = 100.0
    """Root mean square; about."""


class VesicleSettings(Section):
    """Small spheres that run along straight lines and diffuse in between."""

    count: Count | None = None
    """None: 40 in 100 square µm."""
    diameter_nm: Annotated[float, Field(ge=10, le=5000)] = 120.0
    run_speed_nm_per_s: NonNegative = 800.0
    diffusion_um2_per_s: NonNegative = 0.02


class BeadSettings(Section):
    """Beads smaller than the resolution; they stand still."""

    count: Count | None = None
    """None: 35 in 100 square µm."""
    diameter_nm: Annotated[float, Field(ge=1, le=5000)] = 40.0
    brightness_spread: Annotated[float, Field(ge=0, le=3)] = 0.1
    """Standard deviation of the logarithm."""


class LinePairSettings(Section):
    """Groups of five lines."""

    spacings_nm: Annotated[tuple[Positive, ...], Field(min_length=1)] = (
        *(300, 250, 200, 170, 150, 130, 120, 110, 100, 90, 80),
    )


class SiemensStarSettings(Section):
    """One star in the middle of the field."""

    spokes: Annotated[int, Field(ge=2, le=1000)] = 36


class FileSettings(Section):
    """An image or a movie of one's own."""

    path: Path | None = None
    """A TIFF (its pages are the frames of a movie), PNG or any picture Pillow reads."""
    pixel_nm: Positive | None = None
    """Of the picture, in the sample; None: the picture fills the field."""
    frame_interval_s: Positive = 1.0
    page_step_nm: Positive | None = None
    """Of a volume: distance of two pages; None: they fill its depth."""
