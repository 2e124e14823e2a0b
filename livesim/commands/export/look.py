"""Choose the contrast and the colours of each channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from livesim.commands.export.cut import Cut
from livesim.config.settings import SettingsError
from livesim.images.colour_tables import Colours, colours
from livesim.images.levels import Levels, levels_of, sampled
from livesim.images.merge import MERGED_LUTS
from livesim.values.errors import DataError

LOOKED_AT = 32
"""Time points that automatic contrast is taken from, spread over the whole cut."""


@dataclass(frozen=True, slots=True)
class LookRequest:
    """How values become colours."""

    contrast: str = ""
    """"LOW:HIGH" in the values' own unit, one for all channels or one each; empty = automatic."""
    gamma: float = 1.0
    luts: str = ""
    """Names, one for all channels or one each; empty = grey, of several channels a colour each."""


def levels_for(cut: Cut, contrast: str) -> tuple[Levels, ...]:
    """Return black and white of each channel: the same for the whole cut, so it never flickers.

    Raises
    ------
    SettingsError
        If `contrast` is not understood.
    DataError
        If an image cannot be read.
    """
    count = len(cut.channels)
    if not contrast:
        return tuple(_automatic(cut, channel) for channel in range(count))
    return tuple(_levels(pair) for pair in _each("--contrast", contrast, count))


def tables_for(cut: Cut, look: LookRequest) -> tuple[Colours, ...]:
    """Return the colour table of each channel.

    Raises
    ------
    SettingsError
        If a name or the gamma is none.
    """
    count = len(cut.channels)
    if look.luts:
        names = _each("--lut", look.luts, count)
    elif count == 1:
        names = ["grey"]
    else:
        # By the channel's own number: it keeps its colour where another is left out.
        names = [MERGED_LUTS[channel % len(MERGED_LUTS)] for channel in cut.channels]
    return tuple(colours(name, look.gamma) for name in names)


def _each(flag: str, text: str, count: int) -> list[str]:
    found = [part.strip() for part in text.split(",")]
    if len(found) not in (1, count):
        raise SettingsError(f"{flag} {text}: expected 1 or {count} of them, found {len(found)}")
    return found * count if len(found) == 1 else found


def _levels(pair: str) -> Levels:
    try:
        low, high = (float(part) for part in pair.split(":"))
        return Levels(low, high)
    except DataError as error:
        raise SettingsError(f"--contrast {pair}: {error}") from error
    except ValueError as error:
        raise SettingsError(
            f"--contrast: expected black and white such as 0:500, found {pair!r}"
        ) from error


def _automatic(cut: Cut, channel: int) -> Levels:
    times = np.unique(np.linspace(0, len(cut.times) - 1, LOOKED_AT).round().astype(int))
    middle = cut.layout.z // 2
    images = (cut.image(int(time), channel, middle) for time in times)
    return levels_of(*(sampled(image) for image in images if image is not None)) or Levels(0, 1)
