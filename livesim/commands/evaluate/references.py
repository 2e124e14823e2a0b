"""Find the picture that each image is compared with: a truth, or images of the user's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from livesim.commands.simulate.files import RAW_NAME, TRUTH_NAME
from livesim.io.read.open import open_planes
from livesim.io.read.planes import NO_PLANE, PlaneFile
from livesim.io.read.truth import Truth
from livesim.reconstruction.otf import Otf
from livesim.values.errors import DataError
from livesim_models.evaluation.doubled import doubled
from livesim_models.evaluation.reference import reference
from livesim_models.evaluation.similarity import Picture

TRUTH_ARRAYS = ("object", "k_cycles_per_um")
"""What the truth of a simulation has and other Zarr folders have not."""
Pictures = Callable[[int], Picture]
"""The number of an image -> its picture [y, x]."""


def truth_beside(raw: Path) -> Path | None:
    """Return the truth that `livesim simulate` wrote beside a recording, if it did."""
    beside = raw.with_name(TRUTH_NAME)
    return beside if raw.name == RAW_NAME and beside.is_dir() else None


def is_truth(path: Path) -> bool:
    """Whether a folder is the truth of a simulation."""
    return all((path / part / "zarr.json").is_file() for part in ("", *TRUTH_ARRAYS))


def ideal_pictures(truth: Truth) -> Pictures:
    """Return what an ideal SIM image of every raw stack looks like, [2 y, 2 x]."""

    def picture(number: int) -> Picture:
        if number >= truth.stacks:
            raise DataError(
                f"{truth.folder}: expected the truth of {number + 1} raw stacks, "
                f"found {truth.stacks}"
            )
        otf = Otf.theoretical(truth.settings.optics)
        settings = truth.settings.reconstruction.apodization
        return reference(truth.object(number), truth.pattern(number), otf, settings)

    return picture


def images_in(file: PlaneFile) -> int:
    """Return how many images a file holds."""
    return int((file.grid.numbers != NO_PLANE).sum())


@contextmanager
def open_pictures(path: Path) -> Iterator[tuple[PlaneFile, Pictures]]:
    """Open a file of images; a file of one image has the same one for every number.

    Raises
    ------
    DataError
        If it cannot be read, or holds no such image.
    """
    file = open_planes(path)
    numbers = file.grid.numbers[file.grid.numbers != NO_PLANE].ravel()

    def picture(number: int) -> Picture:
        if number >= len(numbers) > 1:
            raise DataError(f"{path}: expected at least {number + 1} images, found {len(numbers)}")
        values = np.asarray(file.read(int(numbers[number if len(numbers) > 1 else 0])), np.float64)
        if not np.isfinite(values).all():
            raise DataError(f"{path}: expected finite pixels in image {number}, found others")
        return values

    try:
        yield file, picture
    finally:
        file.close()


def on_grid_of(picture: Picture, aim: Picture, name: str) -> Picture:
    """Return `picture` on the grid of `aim`: as it is, or continued if it has half the size.

    Raises
    ------
    DataError
        If it has another size; it names `name`.
    """
    if picture.shape == aim.shape:
        return picture
    if tuple(2 * n for n in picture.shape) == aim.shape:
        return doubled(picture)
    raise DataError(
        f"{name}: expected images of {aim.shape} as the reference, or half of it, "
        f"found {picture.shape}"
    )
