"""List what is measured: the data sets, the noise sweep and the phase errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.quality.seeds.fields import DATA, Field, fields, kodak, lit
from livesim_models.data.stacks import EXACT

NOISES = tuple(float(n) for n in range(10))
"""Standard deviation of the noise in that of the frame: from 0 to 9 in ML-SIM's fig. 6."""
PHASE_ERRORS_DEG = (0.0, 30.0, 45.0, 60.0, 90.0)
"""± of every frame."""
NOISE, PHASES = "noise", "phase errors"


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A field of a part of the comparison."""

    part: str
    """A data set, `NOISE` or `PHASES`."""
    value: float | None
    """Of the sweep; None of a data set."""
    field: Field


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    side: int
    """Pixels."""
    pictures: int
    """Of every data set."""
    swept: int
    """Pictures of each sweep."""


def cases(parts: list[str], folder: Path, extent: Extent) -> Iterator[Case]:
    """Yield the cases of some parts, one after the other."""
    for part in parts:
        if part in DATA:
            for field in fields(part, folder, extent.side, extent.pictures):
                yield Case(part, None, field)
        else:
            yield from _swept(part, folder, extent)


def _swept(part: str, folder: Path, extent: Extent) -> Iterator[Case]:
    values = NOISES if part == NOISE else PHASE_ERRORS_DEG
    for seed, (name, picture) in enumerate(kodak(folder, extent.side, extent.swept)):
        for value in values:
            changed = {"noise": (value, 0.0)} if part == NOISE else {"phase_deg": value}
            light = EXACT.model_copy(update=changed)
            yield Case(part, value, lit(name, picture, light, seed))
