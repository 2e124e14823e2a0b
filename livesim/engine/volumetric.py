"""The seam between the engine and pipelines that make volumes of planes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from livesim.values.frames import RawStack
from livesim.values.results import Result


@dataclass(frozen=True, slots=True, eq=False)
class VolumeStep:
    """What became of one plane of a volume."""

    results: tuple[Result, ...] = ()
    """The preview of the plane, or every plane of the volume that it completes."""
    torn: tuple[str, ...] = ()
    """A sentence on every volume that was given up meanwhile."""
    steps_ms: tuple[tuple[str, float], ...] = ()


@runtime_checkable
class Volumetric(Protocol):
    """A pipeline that makes volumes of planes, each one as it arrives."""

    def add_plane(self, stack: RawStack, *, preview: bool) -> VolumeStep:
        """Take the raw stack of one plane; the last one of a volume finishes that.

        Raises
        ------
        ValueError, RuntimeError
            If this plane cannot be used.
        """
        ...

    def end_volumes(self) -> Sequence[str]:
        """Return a sentence on every volume that is still open: no more planes come."""
        ...
