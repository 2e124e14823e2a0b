"""Say over which processes a training is spread, and whether this one writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Strategy = Literal["auto", "ddp"]


@dataclass(frozen=True, slots=True)
class Spread:
    """The processes of a training, one for each device; together they are its ranks."""

    devices: int | None = None
    """On each machine; None = as the recipe says."""
    num_nodes: int = 1
    """Machines."""
    strategy: Strategy = "auto"
    """Lightning's name of how the ranks work together."""
    first: bool = True
    """Whether this process is the first of all, which alone writes."""

    @property
    def many(self) -> bool:
        """Whether there is more than one process."""
        return (self.devices or 1) * self.num_nodes > 1


ALONE = Spread()
"""One process, or what the recipe says."""
