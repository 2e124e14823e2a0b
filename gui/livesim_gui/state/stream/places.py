"""Choose the position and the plane in z that are shown, of a stream that has several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from livesim_gui.state.time.among import Among
from livesim_gui.state.time.archive import PastShot
from livesim_gui.state.time.ring import Shot


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a stream as the window shows it."""

    name: str
    places: tuple[int, ...]
    """Those of which there are results, from 0."""
    shown: int
    chosen: bool
    """Whether the user has chosen it; else the newest result of any place is shown."""

    @property
    def words(self) -> str:
        """Which one is shown, counted from 1."""
        at = self.places.index(self.shown) if self.shown in self.places else 0
        return f"{at + 1} of {len(self.places)}"


class Places:
    """Knows positions and planes in z, and which of them the user wants; for one thread."""

    def __init__(self) -> None:
        self._available: dict[str, tuple[int, ...]] = {}
        self._chosen: dict[str, int] = {}
        self._settled = False
        """Whether the user has said which plane of volumes to show, or it has been chosen here."""

    def see(self, shots: Sequence[Shot], past: Sequence[PastShot] = ()) -> None:
        """Learn which places the results in memory and on the disk have."""
        indices = [*(one.result.index for one in shots), *(one.index for one in past)]
        self._available = {
            "position": tuple(sorted({index.position for index in indices})),
            "z": tuple(sorted({index.z for index in indices})),
        }
        planes = next((one.result.volume.of for one in shots if one.result.volume), None)
        if planes is not None and not self._settled:
            # The newest of any plane would run through the volume again and again.
            self._settled, self._chosen["z"] = True, planes // 2

    def choose(self, name: str, place: int | None) -> None:
        """Show one place of an axis; None = the newest result of any."""
        self._settled = self._settled or name == "z"
        if place is None:
            self._chosen.pop(name, None)
        else:
            self._chosen[name] = place

    def forget(self) -> None:
        """Show the newest results of another stream, wherever they are."""
        self._chosen.clear()
        self._settled = False

    def among(self, channel: int | None) -> Among:
        """Return among which results the user moves in time."""
        known = {
            name: place
            for name, place in self._chosen.items()
            if place in self._available.get(name, ())
        }
        return Among(channel, known.get("position"), known.get("z"))

    def axes(self, shown: Shot | None) -> tuple[Axis, ...]:
        """Return the axes that have several places, as they are shown."""
        if shown is None:
            return ()
        at = {"position": shown.result.index.position, "z": shown.result.index.z}
        return tuple(
            Axis(name, places, at[name], name in self._chosen)
            for name, places in self._available.items()
            if len(places) > 1
        )
