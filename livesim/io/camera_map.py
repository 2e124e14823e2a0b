"""Read the map of a camera's pixels, and make counts of pixels that are all alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livesim.config.settings import Camera
from livesim.values.errors import DataError
from livesim.values.frames import Pixels

Image = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class CameraMap:
    """What is known of each pixel: photo-electrons = (counts - offset) / gain."""

    camera: Camera
    """The camera of equal pixels whose counts are made."""
    offset: Image
    """[y, x] counts."""
    gain: Image
    """[y, x] counts per electron."""

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
    return CameraMap(camera, pages[0], pages[1])


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
