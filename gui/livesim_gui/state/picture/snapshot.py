"""Save a stage as a PNG with a scale bar, as it is shown, and as a TIFF with its values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image as Pillow

from livesim.images.colour_tables import colours
from livesim.images.drawing import draw_scale_bar, draw_words, letter_height
from livesim.images.grey_levels import grey_levels
from livesim.images.levels import Levels
from livesim_gui.state.picture.stages import Stage

SMALLEST_SIDE = 512
"""Smaller images are enlarged by a whole factor, so that the scale bar can be read."""


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """One stage of one result, and how it was shown."""

    stage: Stage
    levels: Levels
    lut: str
    gamma: float
    pixel_um: float | None
    """Of the raw frames."""
    taken: datetime
    merged: NDArray[np.uint8] | None = None
    """[y, x, 3] the stage with all channels merged; the TIFF has this one's values alone."""

    @property
    def name(self) -> str:
        """Of its files, without their endings."""
        return f"livesim-{self.taken:%Y%m%d-%H%M%S-%f}-{self.stage.name}"

    @property
    def warning(self) -> str:
        """What is written into both files; empty for most stages."""
        stage = self.stage
        return f"{stage.title}, {stage.warning}" if stage.warning else ""


def save(snapshot: Snapshot, folder: Path) -> tuple[Path, Path]:
    """Write PNG and TIFF; return their paths. Each appears whole or not at all.

    Raises
    ------
    OSError
        If the folder cannot be made or written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    png, tiff = folder / f"{snapshot.name}.png", folder / f"{snapshot.name}.tif"
    _placed(tiff, lambda partial: _write_tiff(snapshot, partial))
    _placed(png, lambda partial: _picture(snapshot).save(partial, format="PNG"))
    return png, tiff


def _placed(target: Path, write: Callable[[Path], None]) -> None:
    partial = target.with_name(f"{target.name}.partial")
    try:
        write(partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _write_tiff(snapshot: Snapshot, path: Path) -> None:
    """Write the values as they are, float32, negative ones included, with the pixel size."""
    stage = snapshot.stage
    metadata = {"axes": "YX"} | ({"Info": snapshot.warning} if snapshot.warning else {})
    if snapshot.pixel_um is None:
        tifffile.imwrite(path, stage.image, imagej=True, metadata=metadata)
        return
    per_um = 1.0 / (snapshot.pixel_um * stage.step)
    tifffile.imwrite(
        path,
        stage.image,
        imagej=True,
        resolution=(per_um, per_um),
        metadata=metadata | {"unit": "um"},
    )


def _picture(snapshot: Snapshot) -> Pillow.Image:
    image = snapshot.stage.image
    zoom = -(-SMALLEST_SIDE // min(image.shape))
    table = colours(snapshot.lut, snapshot.gamma)
    own = snapshot.merged
    coloured = table[grey_levels(image, snapshot.levels)] if own is None else own
    picture = Pillow.fromarray(coloured.repeat(zoom, axis=0).repeat(zoom, axis=1))
    unit = snapshot.stage.step * (snapshot.pixel_um or 1.0) / zoom
    draw_scale_bar(picture, unit, in_um=snapshot.pixel_um is not None)
    if snapshot.warning:
        margin = letter_height(picture) / 2
        draw_words(picture, (margin, margin), snapshot.warning)
    return picture
