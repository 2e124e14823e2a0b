"""Read the map of a camera's pixels, and make counts of pixels that are all alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livesim.config.settings import Camera
from livesim.values.errors import DataError
from livesim.values.frames import Pixels

Image = NDArray[np.float32]


_FACTOR = 3.0
"""Between a map's median and what the settings say, from which they do not belong together."""
_COUNTS = 20.0
"""That offsets may differ in any case."""
_MOST_SPREAD = 2.0
"""Of gains: the highest hundredth over the median. That of variances is 10 or more."""
_LARGE_GAIN = 20.0
"""Counts per electron that only a register of high gain reaches, whose offset is higher."""


@dataclass(frozen=True, slots=True, eq=False)
class CameraMap:
    """What is known of each pixel: photo-electrons = (counts - offset) / gain."""

    camera: Camera
    """The camera of equal pixels whose counts are made."""
    offset: Image
    """[y, x] counts."""
    gain: Image
    """[y, x] counts per electron."""
    variance: Image | None = None
    """[y, x] of the counts without light, squared counts; None = the map has no such page."""

    def equalised(self, counts: Pixels) -> Image:
        """Return counts [..., y, x] as `camera`, of equal pixels, would have given them; float32.

        Raises
        ------
        DataError
            If the frames are of another size than the map.
        """
        if counts.shape[-2:] != self.offset.shape:
            raise DataError(
                f"{self.camera.map}: expected a map of (y, x) = {counts.shape[-2:]} as the frames, "
                f"found {self.offset.shape}"
            )
        scale = np.float32(self.camera.gain) / self.gain
        shift = np.float32(self.camera.offset) - scale * self.offset
        even: Image = counts.astype(np.float32) * scale + shift
        return even

    @property
    def read_noise(self) -> Image | None:
        """[y, x] electrons, standard deviation; None where the map does not tell it."""
        if self.variance is None:
            return None
        return np.asarray(np.sqrt(self.variance) / self.gain, dtype=np.float32)


def camera_map(camera: Camera) -> CameraMap | None:
    """Read the map that the settings name; None where they name none.

    Raises
    ------
    DataError
        If the file cannot be read or is no map.
    """
    if camera.map is None:
        return None
    pages = _pages(camera)
    if pages.ndim != 3 or len(pages) not in (2, 3):
        raise DataError(
            f"{camera.map}: expected two or three pages of offset, gain and variance, "
            f"found an array of shape {pages.shape}"
        )
    if not np.isfinite(pages).all() or pages[1].min() <= 0.0:
        raise DataError(f"{camera.map}: expected finite numbers, and gains above 0, found others")
    _check_order(pages, camera)
    return CameraMap(camera, pages[0], pages[1], pages[2] if len(pages) == 3 else None)


def _check_order(pages: Image, camera: Camera) -> None:
    """Refuse pages that cannot be what their places say: exchanged, or of other units."""
    offset, gain = (float(np.median(page)) for page in pages[:2])
    far = float(np.quantile(pages[1], 0.99)) / gain
    wrong = ""
    if len(pages) == 3 and pages[2].min() < 0.0:
        wrong = f"variances of 0 or more on page 3, found {pages[2].min():.3g}"
    elif far > _MOST_SPREAD:
        wrong = f"gains that are alike on page 2, found some of {far:.2g} times the others"
    elif gain >= _LARGE_GAIN and offset < gain:
        wrong = (
            f"offsets on page 1 and gains on page 2, found medians of {offset:.3g} and {gain:.3g}"
        )
    elif "gain" in camera.model_fields_set and _unlike(gain, camera.gain):
        wrong = f"gains near [camera] gain = {camera.gain:g} on page 2, found {gain:.3g}"
    elif "offset" in camera.model_fields_set and _unlike(offset + _COUNTS, camera.offset + _COUNTS):
        wrong = f"offsets near [camera] offset = {camera.offset:g} on page 1, found {offset:.3g}"
    if wrong:
        raise DataError(
            f"{camera.map}: expected {wrong}; pages are offset, gain and variance, in this order"
        )


def _unlike(found: float, expected: float) -> bool:
    return not 1.0 / _FACTOR < found / expected < _FACTOR


def _pages(camera: Camera) -> Image:
    import tifffile  # few settings name a map

    try:
        return np.asarray(tifffile.imread(camera.map), dtype=np.float32)
    except FileNotFoundError as error:
        raise DataError(
            f"{camera.map}: expected a TIFF of a camera's map, as [camera] map says, found no file"
        ) from error
    except (OSError, tifffile.TiffFileError, ValueError, TypeError) as error:
        raise DataError(
            f"{camera.map}: expected a TIFF of a camera's map, found: {error}"
        ) from error
