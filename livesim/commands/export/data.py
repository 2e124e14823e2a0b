"""Write a cut with its values: as OME-TIFF, OME-Zarr or ImageJ hyperstack."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from livesim.commands.export.cut import Cut
from livesim.commands.export.look import LookRequest, levels_for, tables_for
from livesim.commands.progress import Step
from livesim.images.time_stamp import time_stamp
from livesim.io.write.imagej import CountScale, ImageJ, ImageJLook
from livesim.io.write.result_writer import ResultWriter
from livesim.io.write.results import open_writer


def export_ome(cut: Cut, out: Path, step: Step, *, overwrite: bool) -> None:
    """Write an OME-TIFF or OME-Zarr, float32: the values as they are.

    Raises
    ------
    DataError
        If an image cannot be read, or `out` exists already.
    """
    with open_writer(out, cut.layout, cut.recipe, overwrite=overwrite) as writer:
        _copy(cut, writer, step)


def export_imagej(
    cut: Cut, out: Path, look: LookRequest, step: Step, *, overwrite: bool
) -> CountScale:
    """Write an ImageJ hyperstack of 16 bits; return what its counts stand for.

    Everything is read twice: first for the least and the greatest value, so that nothing is
    clipped; camera counts are written as they are, and read once.

    Raises
    ------
    SettingsError
        If the contrast or the colours are not understood.
    DataError
        If an image cannot be read, or `out` exists already.
    """
    shown = ImageJLook(levels_for(cut, look.contrast), tables_for(cut, look), _labels(cut))
    scale = CountScale() if cut.whole.counts else _scale(cut, step)
    unit = "counts" if cut.whole.counts else "photo-electrons"

    def begin(partial: Path) -> ImageJ:
        return ImageJ(partial, cut.layout, cut.recipe, scale, shown, unit)

    with ResultWriter(out, cut.layout, begin, overwrite=overwrite) as writer:
        _copy(cut, writer, step)
    return scale


def imagej_steps(cut: Cut) -> int:
    """Return how many steps `export_imagej` takes."""
    return len(cut) if cut.whole.counts else 2 * len(cut)


def _copy(cut: Cut, writer: ResultWriter, step: Step) -> None:
    for index, image in cut.images():
        if image is not None:
            writer.write(index, image)
        step()


def _scale(cut: Cut, step: Step) -> CountScale:
    low, high = np.inf, -np.inf
    for _, image in cut.images():
        known = image[np.isfinite(image)] if image is not None else np.empty(0)
        if known.size:
            low, high = min(low, float(known.min())), max(high, float(known.max()))
        step()
    return CountScale.over(low, high) if high > low else CountScale.over(0.0, 1.0)


def _labels(cut: Cut) -> tuple[str, ...]:
    """Return what Fiji writes above each image: the time, and which channel."""
    layout = cut.layout
    labels = []
    for time, _, channel in np.ndindex(layout.time, layout.z, layout.channel):
        moment_s = cut.moment_s(time)
        words = f"time {cut.times[time]}" if moment_s is None else time_stamp(moment_s)
        labels.append(f"{words} {layout.channel_name(channel)}" if layout.channel > 1 else words)
    return tuple(labels)
