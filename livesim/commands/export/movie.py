"""Write cuts as a movie with scale bar and time stamp, one or two panels wide."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from livesim.commands.export.cut import Cut
from livesim.commands.export.look import LookRequest, levels_for, tables_for
from livesim.commands.progress import Step
from livesim.config.settings import SettingsError
from livesim.images.colour_tables import Colours
from livesim.images.drawing import draw_scale_bar, draw_words, letter_height
from livesim.images.grey_levels import grey_levels
from livesim.images.levels import Levels
from livesim.images.merge import merged
from livesim.images.time_stamp import time_stamp
from livesim.io.write.movie import MovieWriter
from livesim.io.write.output_layout import OutputLayout
from livesim.io.write.picture import upsample

SMALLEST_SIDE = 512
"""Smaller images are enlarged by a whole factor, so that bar and stamp can be read."""
GAP = 4


@dataclass(frozen=True, slots=True)
class MovieRequest:
    """What a movie is to be like."""

    look: LookRequest
    fps: float = 10.0
    marks: bool = True
    """Whether scale bar, time stamp and titles are drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One of the images that are shown beside each other."""

    cut: Cut
    title: str
    levels: tuple[Levels, ...]
    tables: tuple[Colours, ...]
    zoom: int
    """By which its images are enlarged."""
    doubled: bool = False
    """Whether they are first interpolated to the sampling of the finer ones beside them."""

    @classmethod
    def of(cls, cut: Cut, title: str, look: LookRequest, finest: OutputLayout) -> Self:
        """Return a panel with the contrast that holds for the whole movie."""
        zoom = math.ceil(SMALLEST_SIDE / min(finest.y, finest.x))
        levels, tables = levels_for(cut, look.contrast), tables_for(cut, look)
        return cls(cut, title, levels, tables, zoom, finest.y == 2 * cut.layout.y)

    def picture(self, time: int) -> Pillow.Image:
        """Paint one time point; black, and said so, where there is no image."""
        images = [self.cut.image(time, channel) for channel in range(len(self.cut.channels))]
        nothing = np.full((self.cut.layout.y, self.cut.layout.x), np.nan, np.float32)
        shown = [nothing if image is None else image for image in images]
        if self.doubled:
            shown = [upsample(image) for image in shown]
        painted = [grey_levels(*one) for one in zip(shown, self.levels, strict=True)]
        coloured = merged(painted, self.tables)
        coloured = coloured.repeat(self.zoom, axis=0).repeat(self.zoom, axis=1)
        picture = Pillow.fromarray(coloured)
        if all(image is None for image in images):
            centre = (picture.width / 2, picture.height / 2)
            draw_words(picture, centre, "no image", anchor="mm")
        return picture


def check_movie(cut: Cut) -> None:
    """Refuse what no movie can show.

    Raises
    ------
    SettingsError
        If there are several planes in z.
    """
    if cut.layout.z > 1:
        raise SettingsError(
            f"expected --z PLACE or --max-projection for a movie, found {cut.layout.z} planes in z"
        )


def export_movie(
    titled: Sequence[tuple[str, Cut]], out: Path, request: MovieRequest, step: Step, overwrite: bool
) -> None:
    """Write the cuts beside each other, the last one the finest.

    Raises
    ------
    SettingsError
        If the contrast or the colours are not understood, or nothing here encodes movies.
    DataError
        If an image cannot be read, or `out` exists already.
    """
    finest = titled[-1][1].layout
    others = LookRequest("", request.look.gamma, request.look.luts)
    looks = [others] * (len(titled) - 1) + [request.look]
    panels = [
        Panel.of(cut, title, look, finest) for (title, cut), look in zip(titled, looks, strict=True)
    ]
    zoom = panels[-1].zoom
    unit = finest.pixel_nm / 1000 / zoom
    shape = (zoom * finest.y, len(panels) * (zoom * finest.x + GAP) - GAP)
    with MovieWriter(out, shape, request.fps, out.stem, overwrite=overwrite) as movie:
        for time in range(finest.time):
            pictures = [panel.picture(time) for panel in panels]
            if request.marks:
                _mark(pictures, panels, time, unit)
            movie.write(_beside(pictures))
            step()


def _mark(pictures: list[Pillow.Image], panels: Sequence[Panel], time: int, unit: float) -> None:
    """Draw title, time and scale bar into the corners."""
    margin = letter_height(pictures[0]) // 2
    if len(panels) > 1:
        for picture, panel in zip(pictures, panels, strict=True):
            draw_words(picture, (margin, margin), panel.title)
    cut = panels[-1].cut
    moment_s = cut.moment_s(time)
    words = f"time {cut.times[time]}" if moment_s is None else time_stamp(moment_s)
    draw_words(pictures[0], (margin, pictures[0].height - margin), words, anchor="ld")
    draw_scale_bar(pictures[-1], unit)


def _beside(pictures: Sequence[Pillow.Image]) -> NDArray[np.uint8]:
    gap = np.zeros((pictures[0].height, GAP, 3), np.uint8)
    parts = [part for picture in pictures for part in (np.asarray(picture), gap)]
    return np.concatenate(parts[:-1], axis=1)
