"""Take an image or a movie of the user's as the specimen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from livesim.values.errors import DataError
from livesim_acquisition.specimens.drawing import Vector
from livesim_acquisition.specimens.specimen import Density

TIFF_SUFFIXES = (".tif", ".tiff")


@dataclass(frozen=True)
class Movie:
    """Frames of a TIFF, or one picture of another format, as fluorophore densities.

    Between two frames the density fades from one to the other. After the last frame the movie
    runs backwards, so that nothing ever jumps.
    """

    shape: tuple[int, int]
    pixel_nm: float
    file: Path
    file_pixel_nm: float | None = None
    """Of the picture, in the sample: it is repeated or cut to fill the field; None = the whole
    picture fills the field."""
    frame_interval_s: float = 1.0
    """From one frame of the file to the next."""

    def density(self, time_s: float = 0.0) -> Density:
        """Return the density [y, x] at `time_s`.

        Raises
        ------
        DataError
            If the file is no picture, or holds nothing bright.
        """
        place = abs(time_s) / self.frame_interval_s
        first = int(place)
        here, next_one = (self._frame(_there_and_back(n, self._frames)) for n in (first, first + 1))
        share = np.float32(place - first)
        return here * (np.float32(1.0) - share) + next_one * share

    @cached_property
    def _frames(self) -> int:
        return _count(self.file)

    @cached_property
    def _brightest(self) -> float:
        brightest = float(_read(self.file, 0).max())
        if brightest <= 0.0:
            raise DataError(f"{self.file}: expected a picture with light in it, found none")
        return brightest

    def _frame(self, number: int) -> Density:
        return _resampled_frame(self, number)

    def resampled(self, number: int) -> Density:
        """Return one frame of the file on the doubled grid."""
        picture = _read(self.file, number) / self._brightest
        for axis in (0, 1):
            width = picture.shape[axis] / self.shape[axis]
            if self.file_pixel_nm is not None:
                width = self.pixel_nm / self.file_pixel_nm
            picture = resample(picture, axis, self.shape[axis], width)
        return picture.astype(np.float32)


@lru_cache(maxsize=3)
def _resampled_frame(movie: Movie, number: int) -> Density:
    return movie.resampled(number)


def _there_and_back(number: int, frames: int) -> int:
    """Return which frame is shown: 0, 1 ... frames - 1, frames - 2 ... 1, 0, 1 ..."""
    number %= max(2 * (frames - 1), 1)
    return number if number < frames else 2 * (frames - 1) - number


def resample(picture: Vector, axis: int, count: int, width: float) -> Vector:
    """Return the mean over `count` pixels that are each `width` old ones wide, periodic.

    Means keep the light where pixels become larger; where they become smaller, they are taken over
    at least one old pixel, which is linear interpolation.
    """
    size = picture.shape[axis]
    sums = np.cumsum(np.moveaxis(picture, axis, 0), axis=0)
    sums = np.concatenate([np.zeros_like(sums[:1]), sums])
    half = max(width, 1.0) / 2.0
    middle = (np.arange(count, dtype=np.float64) + 0.5) * width
    inside = _sum_to(sums, middle + half, size) - _sum_to(sums, middle - half, size)
    return np.moveaxis(np.clip(inside / (2.0 * half), 0.0, None), 0, axis)


def _sum_to(sums: Vector, place: Vector, size: int) -> Vector:
    """Interpolate the running sums of a periodic picture at `place`, in pixels."""
    rounds, rest = np.divmod(place, size)
    low = np.minimum(rest.astype(np.intp), size - 1)
    share, rounds = (one.reshape(-1, *[1] * (sums.ndim - 1)) for one in (rest - low, rounds))
    whole: Vector = sums[low] * (1.0 - share) + sums[low + 1] * share + rounds * sums[-1]
    return whole


def _count(file: Path) -> int:
    if file.suffix.lower() not in TIFF_SUFFIXES:
        return 1
    try:
        with tifffile.TiffFile(file) as tiff:
            return len(tiff.pages)
    except (OSError, tifffile.TiffFileError) as error:
        raise DataError(f"{file}: expected a TIFF, found: {error}") from error


def _read(file: Path, number: int) -> Vector:
    """Read one frame as grey values [y, x]; negative ones are 0."""
    try:
        if file.suffix.lower() in TIFF_SUFFIXES:
            picture: NDArray[np.generic] = tifffile.imread(file, key=number)
        else:
            with Image.open(file) as opened:
                picture = np.asarray(opened.convert("F"))
    except (OSError, tifffile.TiffFileError, UnidentifiedImageError, ValueError) as error:
        raise DataError(f"{file}: expected a TIFF or another picture, found: {error}") from error
    grey = np.asarray(picture, np.float64)
    if grey.ndim == 3 and grey.shape[2] in (3, 4):
        grey = grey[..., :3].mean(axis=2)
    if grey.ndim != 2:
        raise DataError(f"{file}: expected frames [y, x], found {grey.shape}")
    if not np.isfinite(grey).all():
        raise DataError(f"{file}: expected finite values, found NaN or infinity")
    return grey.clip(min=0.0)
