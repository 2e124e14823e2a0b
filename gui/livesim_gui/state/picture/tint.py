"""Colour the maps of a review, which are laid over the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livesim.values.frames import StackIndex
from livesim.values.results import Image
from livesim.values.verdict import ERROR, MAPS, RESIDUAL, SHOWN
from livesim.wire.messages import TrustMaps
from livesim_gui.state.picture.look import Look

SIGMAS = 5.0
_BRIGHT = 99.5
"""Percentile of the error map that its scale has to reach."""
_ROUND = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0)
_STEPS = 256  # even: the middle of the scale has a colour of its own
Colour = tuple[int, int, int]
_DIVERGING: tuple[Colour, ...] = ((33, 102, 172), (247, 247, 247), (178, 24, 43))
_SEQUENTIAL: tuple[Colour, ...] = ((13, 8, 135), (156, 23, 158), (237, 121, 83), (240, 249, 33))
_OVERRULED: tuple[Colour, ...] = ((197, 27, 225), (247, 247, 247))


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of map is coloured and explained."""

    title: str
    meaning: str
    colours: tuple[Colour, ...]
    """From the low end of the scale to the high one."""
    clear: float
    """Where on the scale, 0 to 1, there is nothing to say and the picture is seen through."""
    most: float = 1.0
    """Opacity of the ends that are far from there."""


KINDS = {
    ERROR: Kind(
        "Error of the restored image",
        "How far the restored image may be off, in photo-electrons: two pixels of three are closer "
        "to the truth than this, 19 of 20 closer than twice this.",
        _SEQUENTIAL,
        0.0,
        most=0.7,  # bright structures have the largest error: they are to be seen beneath
    ),
    SHOWN: Kind(
        "Networks' change that is shown",
        "Clear: what the networks changed is shown. Violet: they were overruled, and the plain "
        "image stands there.",
        _OVERRULED,
        1.0,
    ),
    RESIDUAL: Kind(
        "Residual",
        "What the raw frames say against the plain image. Red: they ask for more light, blue: for "
        "less. Structure in it means that pattern, OTF or camera are not what the settings say.",
        _DIVERGING,
        0.5,
    ),
}
assert tuple(KINDS) == MAPS


@dataclass(frozen=True, slots=True)
class Bar:
    """The colour bar of a map."""

    title: str
    low: str
    high: str
    colours: tuple[Colour, ...]
    """From low to high."""


@dataclass(frozen=True, slots=True, eq=False)
class Tint:
    """A map, ready to be laid over the picture; one pixel for each raw pixel."""

    rgba: NDArray[np.uint8]
    """[y, x, 4]"""
    bar: Bar


@dataclass(frozen=True, slots=True)
class _Scale:
    """The values at the ends of a scale, and how they are written."""

    low: float
    high: float
    low_words: str
    high_words: str


def tint(name: str, image: Image, time: int, opacity: float) -> Tint:
    """Return a map as colours.

    Parameters
    ----------
    name
        Out of `livesim.values.verdict.MAPS`.
    image
        [y, x] in photo-electrons (error), 0 to 1 (shown) or sigmas (residual). What is not finite
        is clear.
    time
        Of the result that it is about.
    opacity
        0 to 1, of what has nothing to say; the far ends of the scale have more.
    """
    kind, scale = KINDS[name], _scale(name, image)
    share = (image - np.float32(scale.low)) / np.float32(scale.high - scale.low)
    known = np.where(np.isfinite(share), share, kind.clear).clip(0.0, 1.0)
    rgba = _table(kind, opacity)[np.rint(known * _STEPS).astype(np.intp)]
    bar = Bar(f"{kind.title}, result {time}", scale.low_words, scale.high_words, kind.colours)
    return Tint(rgba, bar)


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


def _scale(name: str, image: Image) -> _Scale:
    if name == RESIDUAL:
        return _Scale(-SIGMAS, SIGMAS, f"−{SIGMAS:.0f} σ", f"+{SIGMAS:.0f} σ")
    if name == SHOWN:
        return _Scale(0.0, 1.0, "0 %", "100 %")
    high = _rounded_up(image)
    return _Scale(0.0, high, "0", f"± {high:g} photo-electrons")


def _rounded_up(image: Image) -> float:
    """Return the next round number: the scale then seldom changes."""
    finite = image[np.isfinite(image)]
    most = float(np.percentile(finite, _BRIGHT)) if finite.size else 0.0
    if most <= 0.0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(power * one for one in _ROUND if power * one >= most)


def _table(kind: Kind, opacity: float) -> NDArray[np.uint8]:
    """Return red, green, blue and opacity from the low end of the scale to the high end."""
    share = np.linspace(0.0, 1.0, _STEPS + 1)
    at = np.linspace(0.0, 1.0, len(kind.colours))
    colours = [np.interp(share, at, channel) for channel in zip(*kind.colours, strict=True)]
    far = np.abs(share - kind.clear) / max(kind.clear, 1.0 - kind.clear)
    alpha = 255.0 * (opacity + (1.0 - opacity) * kind.most * far)
    table: NDArray[np.uint8] = np.rint(np.stack([*colours, alpha], axis=1)).astype(np.uint8)
    return table
