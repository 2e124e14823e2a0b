"""The pixels of a camera that do not tell the light, and the single counts that something hit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from livesim.values.numbers import Count
from livesim.values.wording import count

DefectKind = Literal["hot", "warm", "dim", "dead", "stuck"]
"""Far too bright, too bright, too dark, without any light, or of one count whatever the light."""
Place = tuple[Count, Count]
"""(y, x) of a pixel."""


@dataclass(frozen=True, slots=True)
class DefectPixel:
    """A pixel that is wrong in every frame."""

    y: int
    x: int
    kind: DefectKind


@dataclass(frozen=True, slots=True)
class Hit:
    """A pixel that is wrong in one frame, as of a cosmic ray."""

    frame: int
    """Counted through all raw stacks that were searched."""
    y: int
    x: int


@dataclass(frozen=True, slots=True)
class Defects:
    """What a search for defects has found in raw frames of one camera."""

    shape: tuple[int, int]
    """(y, x) of the frames."""
    pixels: tuple[DefectPixel, ...] = ()
    hits: tuple[Hit, ...] = ()
    doubt: str = ""
    """Why nothing can be said, or what was found is not believed; "" = it is."""

    @property
    def places(self) -> tuple[Place, ...]:
        """Where the pixels are that are wrong in every frame."""
        return tuple((one.y, one.x) for one in self.pixels)

    @property
    def kinds(self) -> str:
        """How many pixels of which kind, in words; "" where there are none."""
        kinds = Counter(one.kind for one in self.pixels)
        return ", ".join(count(number, f"{kind} pixel") for kind, number in kinds.most_common())
