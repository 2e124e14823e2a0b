"""Colour the maps of a review, which are laid over the picture, in red and blue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livesim.values.frames import StackIndex
from livesim.values.results import Image
from livesim.values.verdict import CHANGE_ONE, CHANGE_TWO, MAPS, RESIDUAL, SPREAD
from livesim.wire.messages import TrustMaps
from livesim_gui.state.picture.look import Look

SIGMAS = 5.0
PERCENT = 20.0
_BLUE, _WHITE, _RED = (33, 102, 172), (247, 247, 247), (178, 24, 43)
_STEPS = 256  # even: the middle of the scale has a colour of its own, and lets all through
TITLES = {
    RESIDUAL: "Residual",
    CHANGE_ONE: "Change by step one",
    CHANGE_TWO: "Change by step two",
    SPREAD: "Spread of the flips",
}
MEANINGS = {
    RESIDUAL: "red: the photons ask for more light there, blue: for less",
    CHANGE_ONE: "red: step one made it brighter, in noise of the plain reconstruction",
    CHANGE_TWO: "red: step two made it brighter, in noise of the plain reconstruction",
    SPREAD: "red: the networks are undecided there, in % of the light",
}
assert tuple(TITLES) == MAPS


@dataclass(frozen=True, slots=True)
class Bar:
    """The colour bar of a map."""

    title: str
    low: str
    high: str
    colours: tuple[tuple[int, int, int], ...]
    """From low to high."""


@dataclass(frozen=True, slots=True, eq=False)
class Tint:
    """A map, ready to be laid over the picture; one pixel for each raw pixel."""

    rgba: NDArray[np.uint8]
    """[y, x, 4]"""
    bar: Bar


def tint(name: str, image: Image, time: int, opacity: float) -> Tint:
    """Return a map as colours.

    Parameters
    ----------
    name
        Out of `livesim.values.verdict.MAPS`.
    image
        [y, x] in sigmas, the spread in %.
    time
        Of the result that it is about.
    opacity
        0 to 1, of what lies in the middle of the scale; its ends are always opaque.
    """
    signed = name != SPREAD
    most = SIGMAS if signed else PERCENT
    share = np.clip(np.nan_to_num(image) / np.float32(most), -1.0 if signed else 0.0, 1.0)
    table = _table(opacity)
    rgba = table[np.rint((share + 1.0) * (_STEPS / 2.0)).astype(np.intp)]
    return Tint(rgba, _bar(name, time, signed=signed))


class Tinting:
    """Colours the map that is wanted, which takes milliseconds, only where it is another one."""

    def __init__(self) -> None:
        self._made_of: tuple[object, ...] = ()
        self._tint: Tint | None = None

    def tint(self, maps: TrustMaps | None, index: StackIndex, look: Look) -> Tint | None:
        """Return the map that is wanted over a result; None where there is none of this result."""
        name = look.map
        if maps is None or name is None or maps.index != index or name not in maps.maps:
            return None
        made_of = (maps, name, look.opacity)
        if made_of != self._made_of:
            self._tint = tint(name, maps.maps[name], maps.index.time, look.opacity)
            self._made_of = made_of
        return self._tint


def _table(opacity: float) -> NDArray[np.uint8]:
    """Return red, green, blue and opacity from the low end of the scale to the high end."""
    share = np.linspace(-1.0, 1.0, _STEPS + 1)
    colours = [
        np.interp(share, (-1.0, 0.0, 1.0), three) for three in zip(_BLUE, _WHITE, _RED, strict=True)
    ]
    alpha = 255.0 * (opacity + (1.0 - opacity) * np.abs(share))
    return np.rint(np.stack([*colours, alpha], axis=1)).astype(np.uint8)


def _bar(name: str, time: int, *, signed: bool) -> Bar:
    title = f"{TITLES[name]}, result {time}"
    if signed:
        return Bar(title, f"−{SIGMAS:.0f} σ", f"+{SIGMAS:.0f} σ", (_BLUE, _WHITE, _RED))
    return Bar(title, "0", f"{PERCENT:.0f} %", (_WHITE, _RED))
