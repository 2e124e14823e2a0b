"""Look up the 256 colours that a name and a gamma stand for: our own tables, and those of cmap."""

from __future__ import annotations

import difflib
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
    "blue": ((0, 0, 0), (0, 0, 255)),
    "green-hot": ((0, 0, 0), (0, 160, 40), (120, 240, 90), (255, 255, 255)),
    "fire": ((0, 0, 0), (110, 0, 110), (220, 40, 20), (255, 170, 0), (255, 255, 255)),
    "ice": ((0, 0, 0), (0, 60, 150), (0, 160, 220), (255, 255, 255)),
}
# Perceptually uniform: equal steps in light look equal, also to most who are colour-blind.
_UNIFORM = ("viridis", "magma", "inferno", "cividis")
RAINBOW = "turbo"
"""Every value in a colour of its own; brightest in its middle, so no table for reading shapes."""
NAMES = (*_STOPS, *_UNIFORM, RAINBOW)
"""Offered in menus; every other name that cmap knows is understood as well."""


@cache
def colours(name: str, gamma: float = 1.0) -> Colours:
    """Return the colours from black to white.

    Parameters
    ----------
    name
        One of `NAMES`, or of cmap's (https://cmap-docs.readthedocs.io), such as "cmocean:ice"; with
        "_r" at its end cmap turns a table round.
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
    if not gamma > 0:
        raise SettingsError(f"expected a positive gamma, found {gamma:g}")
    stops = np.asarray(_STOPS[name], float) if name in _STOPS else _from_cmap(name)
    places = np.linspace(0.0, 1.0, SIZE) ** gamma
    at = np.linspace(0.0, 1.0, len(stops))
    table = np.stack([np.interp(places, at, stops[:, c]) for c in range(3)], axis=1)
    coloured: Colours = np.rint(table).astype(np.uint8)
    coloured.flags.writeable = False
    return coloured


def _from_cmap(name: str) -> NDArray[np.float64]:
    """Return [256, 3] colours of cmap's table of this name, 0 to 255."""
    from cmap import Colormap  # takes a tenth of a second, which most commands do without

    try:
        return 255.0 * Colormap(name).lut(SIZE)[:, :3].astype(np.float64)
    except (ValueError, TypeError) as error:
        known = (*NAMES, *Colormap.catalog().unique_keys())
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
        raise SettingsError(
            f"expected a colour table of {', '.join(NAMES)} or another of cmap, found '{name}'; "
            f"did you mean '{near}'?"
        ) from error
