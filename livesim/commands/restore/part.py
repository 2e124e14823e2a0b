"""A part of a recording that is restored by itself, and what it tells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel, ConfigDict

from livesim.config.settings import SettingsError
from livesim.values.frames import StackIndex


@dataclass(frozen=True, slots=True)
class Part:
    """One of so many parts of a recording, counted from 1."""

    number: int
    of: int

    @classmethod
    def parse(cls, words: str) -> Self:
        """Return the part that words such as 2/4 name.

        Raises
        ------
        SettingsError
            If they name none.
        """
        number, _, of = words.partition("/")
        if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
            raise SettingsError(f"--part: expected a part such as 2/4, found {words or 'nothing'}")
        return cls(int(number), int(of))

    def of_all(self, indices: Sequence[StackIndex]) -> Sequence[StackIndex]:
        """Return the raw stacks of this part, those beside each other in time."""
        first, last = (len(indices) * n // self.of for n in (self.number - 1, self.number))
        return indices[first:last]

    def __str__(self) -> str:
        """Return it as `parse` takes it."""
        return f"{self.number}/{self.of}"


class Told(BaseModel):
    """What a part tells when it is done."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    left_out: tuple[tuple[StackIndex, str], ...]
    """Raw stacks that could not be read, and why."""
    hits: int
    """Of single frames that were replaced in this part, since it was last begun."""
    uneven: tuple[tuple[StackIndex, str], ...] = ()
    """Raw stacks with a frame that is lit otherwise than others, and which."""
    windows: tuple[dict[int, tuple[float, float]], ...]
    """Of every position, the range of each channel."""


def missing_parts(told: Iterable[Part]) -> list[Part]:
    """Return the parts that have not told, of the division of which the fewest are missing."""
    there = set(told)
    divisions = [[Part(n, of) for n in range(1, of + 1)] for of in {one.of for one in there}]
    missing = ([one for one in parts if one not in there] for parts in divisions)
    return min(missing, key=len, default=[])
