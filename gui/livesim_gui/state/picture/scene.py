"""Paint the stages of a result: 8-bit grey levels, or merged colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livesim.images.colour_tables import Colours
from livesim.images.grey_levels import grey_levels
from livesim.images.levels import Levels
from livesim.images.merge import merged
from livesim.values.results import Image
from livesim_gui.state.picture.look import Look
from livesim_gui.state.picture.stages import Stage, stages_of
from livesim_gui.state.picture.tint import Tint
from livesim_gui.state.stream.channels import Layer
from livesim_gui.state.time.ring import Shot


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """One stage, ready for the screen."""

    stage: Stage
    pixels: NDArray[np.uint8]
    """[y, x] grey levels, or merged [y, x, 3] red, green, blue; its pixel (0, 0) has the
    same centre as the stage's."""
    step: float
    """A painted pixel in raw pixels."""
    levels: Levels


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """All that is on the screen, ready to be drawn."""

    shot: Shot
    main: Painted
    left: Painted | None
    """The other stage of a split view."""
    look: Look
    tint: Tint | None = None
    """The map that is laid over it."""
    layers: tuple[Layer, ...] = ()
    """The channels that are merged; empty where one is shown by itself."""
    is_plain: bool = False
    """Whether nothing of what networks changed is in the restored image."""


def paint(stage: Stage, levels: Levels, every: int = 1) -> Painted:
    """Return a stage as it is shown; of its rows and columns one in `every`."""
    thin = stage.image[::every, ::every]
    return Painted(stage, grey_levels(thin, levels), stage.step * every, levels)


def paint_merged(
    stage: Stage, levels: Levels, layers: Sequence[Painted], tables: Sequence[Colours], every: int
) -> Painted:
    """Return a stage with all channels in their colours, instead of its own channel alone.

    Parameters
    ----------
    stage, levels
        Of its own channel.
    layers
        The same stage of each channel, painted with levels of its own.
    tables
        One for each.
    """
    coloured = merged([layer.pixels for layer in layers], tables)
    return Painted(stage, coloured, stage.step * every, levels)


def same_stage(stage: Stage, shot: Shot) -> Stage | None:
    """Return the stage of this name of another channel's result; None where it does not fit."""
    own = stages_of(shot.result).get(stage.name)
    return own if own is not None and own.image.shape == stage.image.shape else None


def value_at(stage: Stage, x: float, y: float) -> float | None:
    """Return the photo-electrons of the pixel at a place in raw pixels; None outside the image."""
    row, column = round(y / stage.step), round(x / stage.step)
    if not (0 <= row < stage.image.shape[0] and 0 <= column < stage.image.shape[1]):
        return None
    return float(stage.image[row, column])


def value_words(
    stage: Stage,
    x: float,
    y: float,
    pixel_um: float | None,
    error: Image | None = None,
    axes: tuple[str, str] = ("x", "y"),
) -> str:
    """Say where the mouse is and what the stage has there; nothing outside the image.

    Parameters
    ----------
    error
        [y, x] of raw pixels, its standard deviation, where that is known.
    axes
        What runs to the right and down.
    """
    value = value_at(stage, x, y)
    if value is None:
        return ""
    off = None if error is None else value_at(Stage("", error, 1.0), x, y)
    exact = "" if off is None else f" ± {off:.1f}"
    um = "" if pixel_um is None else f" ({x * pixel_um:.2f} µm, {y * pixel_um:.2f} µm)"
    return f"{axes[0]} {x:.1f}, {axes[1]} {y:.1f}{um}: {value:.1f}{exact} photo-electrons"
