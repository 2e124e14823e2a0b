"""Compare images with their truth, for `livesim evaluate --truth`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from livesim.commands.evaluate.references import (
    Pictures,
    ideal_pictures,
    images_in,
    is_truth,
    on_grid_of,
    open_pictures,
)
from livesim.commands.evaluate.report import Item, Report, labels
from livesim.commands.progress import words_console
from livesim.config.settings import SettingsError
from livesim.io.read.planes import PlaneFile
from livesim.io.read.truth import open_truth
from livesim_models.evaluation.table import Known


def evaluate_images(
    images: Sequence[Path], truth: Path, report: Report, pixel_nm: float | None = None
) -> None:
    """Compare images with a truth: every file is a stage, every image in it a row.

    Parameters
    ----------
    images
        Files of images on the doubled grid, or on the raw one (widefield).
    truth
        Of `livesim simulate`, or a file of images.
    report
        Takes the numbers.
    pixel_nm
        Of the truth, where no file says.

    Raises
    ------
    DataError
        If a file cannot be read, or the sizes do not fit.
    SettingsError
        If the pixel size is not known.
    """
    with ExitStack() as stack:
        opened = [stack.enter_context(open_pictures(path)) for path in images]
        aims = _aims(truth, [file for file, _ in opened], pixel_nm, stack)
        count = max(images_in(file) for file, _ in opened)
        stages = dict(zip(labels(images), opened, strict=True))

        def item(number: int) -> Item:
            aim = aims.picture(number)
            pictures = {
                stage: on_grid_of(picture(number), aim, str(file.source))
                for stage, (file, picture) in stages.items()
            }
            return Item(f"image {number}", pictures, Known(aims.pixel_nm, aim))

        console = words_console()
        report.take((item(number) for number in range(count)), count, console)
        report.finish(console)


@dataclass(frozen=True, slots=True)
class _Aims:
    picture: Pictures
    pixel_nm: float


def _aims(
    truth: Path, files: Sequence[PlaneFile], pixel_nm: float | None, stack: ExitStack
) -> _Aims:
    """Return what the images are compared with."""
    if is_truth(truth):
        simulated = open_truth(truth)
        return _Aims(ideal_pictures(simulated), simulated.pixel_nm / 2.0)
    file, picture = stack.enter_context(open_pictures(truth))
    same = [one.pixel_nm for one in files if one.frame_shape == file.frame_shape]
    found = next((one for one in (pixel_nm, file.pixel_nm, *same) if one is not None), None)
    if found is None:
        raise SettingsError(f"{truth}: expected a pixel size in the file or --pixel, found none")
    return _Aims(picture, found)
