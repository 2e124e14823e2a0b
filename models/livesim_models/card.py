"""Describe a network in its model file: what it is, its training, and how well it does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from pydantic import Field
from torch import Tensor

from livesim.config.section import Section
from livesim.values.numbers import NonNegative, Positive
from livesim.values.pattern import Levels
from livesim_models.domain import Domain
from livesim_models.registry import AnyArchitecture

FORMAT: Final = "livesim-model/1"


class AdaptedTo(Section):
    """What a network was taught on without any truth, and what that gave on what was held out."""

    model: str
    """From which it began."""
    model_sha256: str
    recordings: dict[str, Annotated[int, Field(ge=1)]]
    """Name -> raw stacks taken of it."""
    error_before: float
    """Mean square error on what was held out, the plain image's being 1; and of this network."""
    error_after: float
    uncertainty: NonNegative
    """Standard error of the difference."""


class Card(Section):
    """The card of a network, which its model file carries as JSON."""

    format: Literal["livesim-model/1"] = FORMAT
    name: Annotated[str, Field(min_length=1)]
    step: Literal["one", "two", "all"]
    description: str = ""
    licence: str = ""
    architecture: AnyArchitecture
    normalisation: Literal["stabilised", "levels", "conditions", "range", "planes", "orders"]
    """Of the input: photo-electrons of noise 1; the widefield image's quantiles as 0 ... 1; a plain
    image with the conditions it was made under, to which the output is added; the darkest pixel
    of a raw stack as 0, its brightest as 1; a plane of a plain volume with those beside it and
    its conditions, to which the output is added; or the orders of a plane's raw frames with those
    beside it, in standard deviations of the noise."""
    layout: Literal["angle-phase", "hexagonal", "any"] = "angle-phase"
    """Of raw stacks; where it is any, `frames` and `harmonics` say nothing."""
    frames: Annotated[int, Field(ge=1)] = 9
    """Of a raw stack."""
    kept: tuple[Annotated[int, Field(ge=0)], ...] = ()
    """Those that a network from end to end sees, counted from 0; () = all."""
    harmonics: Literal[1, 2] = 1
    wiener: Positive | Literal["auto"] = "auto"
    """Of the reconstruction in front of step two."""
    photons: tuple[Positive, Positive]
    """Least and most at the brightest pixel of the widefield image."""
    read_noise: tuple[NonNegative, NonNegative]
    """Electrons, least and most."""
    structures: tuple[str, ...]
    photographs: dict[str, str] = Field(default_factory=dict)
    """That the training saw -> their licences."""
    domain: Domain | None = None
    """What the widefield images of the training looked like."""
    behind: str | None = None
    """Of step two: the step one it was trained behind; None: the plain reconstruction."""
    recipe: str
    """The recipe's TOML, whole."""
    adapted_to: AdaptedTo | None = None
    """The sample that it was taught on after the training; None: on none."""
    training: dict[str, str | float | int] = Field(default_factory=dict)
    """Date, steps, hours, machine."""
    metrics: dict[str, float] = Field(default_factory=dict)
    """On scenes that training never saw."""

    @property
    def on_plain(self) -> bool:
        """Whether it works on plain images alone, without a step one."""
        return self.normalisation == "conditions"

    @property
    def on_volumes(self) -> bool:
        """Whether it works on planes of volumes, with those beside them."""
        return self.normalisation in ("planes", "orders")

    def warnings(self, widefields: Sequence[Tensor], levels: Levels) -> list[str]:
        """Return what about a stream lies outside of the training, from some of its images.

        Parameters
        ----------
        widefields
            [y, x] each, photo-electrons.
        levels
            Of the stream.
        """
        found = [] if self.domain is None else [self.domain.warning(widefields)]
        low, high = self.photons
        if not low <= levels.high <= high:
            found.append(
                f"expected {low:g} to {high:g} photo-electrons at the brightest pixel as in the "
                f"training, found {levels.high:.3g}; check [camera] gain"
            )
        return [words for words in found if words]
