"""Say which scenes are simulated for a training, and in how much light."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from livesim.config.section import NonNegative, Positive, Section
from livesim.config.specimens import SpecimenName

Range = tuple[Positive, Positive]
"""(least, most)."""
Split = Literal["one", "two", "validation", "test"]


class ScenesRecipe(Section):
    """The simulated scenes: every one has a structure, optics and a pattern of its own."""

    structures: Annotated[tuple[SpecimenName, ...], Field(min_length=1)] = (
        *("filaments", "network", "mitochondria", "vesicles", "beads"),
    )
    mixed: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Share of the scenes that show two structures."""
    size: Annotated[int, Field(ge=32, le=1024)] = 128
    """Raw pixels, both sides."""
    one: Annotated[int, Field(ge=0)] = 400
    """Scenes for step one."""
    two: Annotated[int, Field(ge=0)] = 400
    """Scenes for step two; other ones, so that it meets step one's true errors."""
    validation: Annotated[int, Field(ge=1)] = 40
    seed: Annotated[int, Field(ge=0)] = 0
    numerical_aperture: Range = (1.1, 1.49)
    emission_nm: Range = (500.0, 680.0)
    sampling: Range = (0.75, 1.0)
    """Raw pixel in units of the largest that holds the widefield cut-off."""
    otf_damping: Range = (0.2, 1.0)
    reach: Range = (0.75, 0.95)
    """Pattern frequency in units of the cut-off."""
    modulation: Range = (0.5, 0.95)
    phase_error_deg: NonNegative = 3.0
    background: tuple[NonNegative, Positive] = (0.0, 0.2)
    """Uniform light in units of the brightest pixel."""

    def count(self, split: Split) -> int:
        """Return the number of scenes; a test makes its own."""
        return {"one": self.one, "two": self.two, "validation": self.validation, "test": 0}[split]


class LightRecipe(Section):
    """The light and the camera noise of the samples."""

    photons: Range = (3.0, 1500.0)
    """At the brightest pixel of the widefield image; evenly drawn on a logarithmic scale."""
    read_noise: tuple[NonNegative, Positive] = (0.5, 2.5)
    """Electrons; evenly drawn."""
    thinning: Range = (10.0, 30.0)
    """Of measured recordings."""
