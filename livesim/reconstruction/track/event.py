"""Say in words what one stack has shown of one angle."""

from __future__ import annotations

import math
from dataclasses import dataclass

from livesim.values.illumination import ChangeKind


@dataclass(frozen=True, slots=True)
class Event:
    """Something that one stack has shown."""

    kind: ChangeKind
    angle: int
    reason: str

    @classmethod
    def jump(cls, angle: int, off: float, error: float) -> Event:
        """Report that the phases jumped by `off` ± `error` rad."""
        words = f"the phases jumped by {math.degrees(off):+.1f} ± {math.degrees(error):.1f} deg"
        return cls(ChangeKind.JUMP, angle, words)

    @classmethod
    def drift(cls, angle: int, off: float, error: float) -> Event:
        """Report that the phases in use were off by `off` ± `error` rad."""
        words = f"drifted by {math.degrees(off):+.2f} ± {math.degrees(error):.2f} deg"
        return cls(ChangeKind.DRIFT, angle, words)

    @classmethod
    def lost(cls, angle: int, modulation: float) -> Event:
        """Report an angle without fringes; `modulation` is over that of the first pattern."""
        words = f"no fringes: modulation {modulation:.2f} of that at the start"
        return cls(ChangeKind.LOST, angle, words)

    @classmethod
    def modulation(cls, angle: int, modulation: float, error: float) -> Event:
        """Report another modulation, over that of the first pattern."""
        words = f"modulation {modulation:.2f} ± {error:.2f} of that at the start"
        return cls(ChangeKind.MODULATION, angle, words)
