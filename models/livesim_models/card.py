"""What a model file says of its network: what it is, what it was trained on, how well it does."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from livesim.config_section import NonNegative, Positive, Section
from livesim_models.rcan import Architecture

FORMAT: Final = "livesim-model/1"


class Card(Section):
    """Travels inside the model file, as JSON."""

    format: Literal["livesim-model/1"] = FORMAT
    name: Annotated[str, Field(min_length=1)]
    step: Literal["one", "two"]
    description: str = ""
    licence: str = ""
    architecture: Architecture
    normalisation: Literal["stabilised", "levels"]
    """Of the input: photo-electrons of noise 1, or the widefield image's quantiles as 0 ... 1."""
    layout: Literal["angle-phase", "hexagonal"] = "angle-phase"
    frames: Annotated[int, Field(ge=1)] = 9
    """Of a raw stack."""
    harmonics: Literal[1, 2] = 1
    wiener: Positive | Literal["auto"] = "auto"
    """Of the reconstruction in front of step two."""
    photons: tuple[Positive, Positive]
    """Least and most at the brightest pixel of the widefield image."""
    read_noise: tuple[NonNegative, NonNegative]
    """Electrons, least and most."""
    structures: tuple[str, ...]
    behind: str | None = None
    """Of step two: the step one it was trained behind; None: the plain reconstruction."""
    recipe: str
    """The recipe's TOML, whole."""
    training: dict[str, str | float | int] = Field(default_factory=dict)
    """Date, steps, hours, machine."""
    metrics: dict[str, float] = Field(default_factory=dict)
    """On scenes that training never saw."""
