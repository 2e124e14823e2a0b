"""The seam between the engine and pipelines that make volumes of planes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from livesim.engine.seams import Reconstructed
from livesim.values.frames import RawStack
from livesim.values.results import Result


@dataclass(frozen=True, slots=True, eq=False)
class VolumeStep:
    """What became of one plane of a volume."""

    made: tuple[Reconstructed, ...] = ()
    """The preview of the plane, or every plane of the volume that it completes; the last one knows
    what is left for a network."""
    torn: tuple[str, ...] = ()
    """A sentence on every volume that was given up meanwhile."""

    @property
    def results(self) -> tuple[Result, ...]:
        """What is published."""
        return tuple(one.result for one in self.made)


@runtime_checkable
class Volumetric(Protocol):
    """A pipeline that makes volumes of planes, each one as it arrives."""

    def add_plane(self, stack: RawStack, *, preview: bool, plain: bool = False) -> VolumeStep:
        """Take the raw stack of one plane; the last one of a volume finishes that.

        Parameters
        ----------
        preview
            Whether the plane shall be shown by itself before its volume.
        plain
            Whether the plain volume comes first, and a network's is left for later.

        Raises
        ------
        ValueError, RuntimeError
            If this plane cannot be used.
        """
        ...

    def end_volumes(self) -> Sequence[str]:
        """Return a sentence on every volume that is still open: no more planes come."""
        ...
