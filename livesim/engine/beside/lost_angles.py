"""Look for angles whose fringes were lost, in stacks that are reconstructed without them."""

from __future__ import annotations

from livesim.engine.beside.proposals import Prepare, Proposal, Trackable, found_again
from livesim.engine.beside.worker import Rest
from livesim.reconstruction.track.modulation import FOUND, PATIENCE
from livesim.values.frames import RawStack
from livesim.values.pattern import Pattern


class LostAngles:
    """The angles that are lost, and the last reconstruction that knew them."""

    def __init__(self) -> None:
        self._lost: tuple[int, ...] = ()
        self._probe: Trackable | None = None
        self._finds = 0
        self._probed: RawStack | None = None
        self._rest = Rest()

    def use(self, lost: tuple[int, ...], probe: Trackable | None) -> None:
        """Look for these angles from now on, with the reconstruction that knows them."""
        self._lost, self._probe, self._finds = lost, probe, 0

    def look(self, newest: RawStack, pattern: Pattern, prepare: Prepare) -> Proposal | None:
        """Look whether the newest stack shows the lost angles again.

        They are found once `PATIENCE` stacks, one after the other, have shown them.
        """
        probe, lost = self._probe, self._lost
        if probe is None or not lost or newest is self._probed or not self._rest.over:
            return None
        with self._rest:
            self._probed = newest
            readings = [one for one in probe.measure(newest) if one.harmonic == 1]
            strong = [one for one in readings if abs(one.ratio) - 3.0 * one.error > FOUND]
            back = {one.angle for one in strong} & set(lost)
            whole = pattern.layout != "hexagonal" or back == set(lost)
            self._finds = self._finds + 1 if back and whole else 0
            if self._finds < PATIENCE:
                return None
            return found_again(pattern, back, readings, prepare)
