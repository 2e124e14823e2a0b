"""Say among which results one moves in time: of one channel, position and plane, or of all."""

from __future__ import annotations

from dataclasses import dataclass

from livesim.values.frames import StackIndex


@dataclass(frozen=True, slots=True)
class Among:
    """The results of one channel, position and z; None = of all of them."""

    channel: int | None = None
    position: int | None = None
    z: int | None = None

    def has(self, index: StackIndex) -> bool:
        """Return whether a result is among them."""
        return (
            self.channel in (None, index.channel)
            and self.position in (None, index.position)
            and self.z in (None, index.z)
        )

    @property
    def all(self) -> bool:
        """Whether every result is among them."""
        return self == Among()
