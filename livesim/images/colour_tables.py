"""A colour table's name and a gamma in, its 256 colours out."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from livesim.config.settings import SettingsError

SIZE = 256
GAMMAS = (0.2, 3.0)
Colours = NDArray[np.uint8]

_STOPS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "grey": ((0, 0, 0), (255, 255, 255)),
    "inverted": ((255, 255, 255), (0, 0, 0)),
    "green": ((0, 0, 0), (0, 255, 0)),
    "magenta": ((0, 0, 0), (255, 0, 255)),
    "cyan": ((0, 0, 0), (0, 255, 255)),
    "yellow": ((0, 0, 0), (255, 255, 0)),
    "green-hot": ((0, 0, 0), (0, 160, 40), (120, 240, 90), (255, 255, 255)),
    "fire": ((0, 0, 0), (110, 0, 110), (220, 40, 20), (255, 170, 0), (255, 255, 255)),
    "ice": ((0, 0, 0), (0, 60, 150), (0, 160, 220), (255, 255, 255)),
}
NAMES = tuple(_STOPS)


@cache
def colours(name: str, gamma: float = 1.0) -> Colours:
    """Return the colours from black to white.

    Parameters
    ----------
    name
        One of `NAMES`.
    gamma
        A value v between 0 and 1 is shown as v ** gamma: below 1 brightens what is dim.

    Returns
    -------
    Colours
        [256, 3] uint8, red, green, blue.

    Raises
    ------
    SettingsError
        If the name is unknown, or gamma is not positive.
    """
    if name not in _STOPS:
        raise SettingsError(f"expected a colour table of {', '.join(NAMES)}, found '{name}'")
    if not gamma > 0:
        raise SettingsError(f"expected a positive gamma, found {gamma:g}")
    stops = np.asarray(_STOPS[name], float)
    places = np.linspace(0.0, 1.0, SIZE) ** gamma
    at = np.linspace(0.0, 1.0, len(stops))
    table = np.stack([np.interp(places, at, stops[:, c]) for c in range(3)], axis=1)
    coloured: Colours = np.rint(table).astype(np.uint8)
    coloured.flags.writeable = False
    return coloured
