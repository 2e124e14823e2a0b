"""Find hits of single frames in one raw stack at a time; cheap enough for the frame path.

Only a pixel that is the brightest far around can be found. It is suspected where neither its
neighbours nor the same pixel in other frames come near to it, and held against the optics then.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from livesim.config.settings import Camera, Optics
from livesim.reconstruction.defects.search import find_defects
from livesim.values.defects import Hit
from livesim.values.frames import Pixels

_RUN = 8192
"""Pixels, in the order of memory, of which the brightest one is looked at."""
_TIMES = 2.0
"""The light of everything around, from which a pixel is suspected."""
_SPREADS = 6.0
"""Standard deviations of what is around, from which it is."""
_TRACK = 2
"""Pixels around that may be hit as well."""
_CUT = 64
"""Pixels on a side of what is searched around a suspect."""
_MOST = 8
"""Suspects in a raw stack; more of them are no cosmic rays."""
_AROUND = np.array([(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x]).T


class HitSearch:
    """Looks for pixels that something hit, stack by stack.

    Where nothing is suspected it takes some ten microseconds, else some milliseconds a suspect.

    Parameters
    ----------
    optics, camera, pixel_nm
        Of the microscope.
    """

    def __init__(self, optics: Optics, camera: Camera, pixel_nm: float) -> None:
        self._optics, self._camera, self._pixel_nm = optics, camera, pixel_nm

    def __call__(self, pixels: Pixels) -> tuple[Hit, ...]:
        """Return what was hit in the counts [angle, phase, y, x] of a raw stack."""
        frames = np.ascontiguousarray(pixels).reshape(-1, *pixels.shape[-2:])
        suspects = self._suspects(frames)
        if not 0 < len(suspects) <= _MOST:
            return ()
        found = {hit for one in suspects for hit in self._searched(frames, *one)}
        return tuple(sorted(found, key=lambda hit: (hit.frame, hit.y, hit.x)))

    def _suspects(self, frames: NDArray[np.generic]) -> list[tuple[int, int]]:
        """Return (y, x) of pixels that stand out in frames [frame, y, x]."""
        count, rows, columns = frames.shape
        flat = frames.reshape(count, -1)
        number, place = np.divmod(_brightest(frames.reshape(-1)), rows * columns)
        same = np.sort(flat[:, place], axis=0)[-1 - _TRACK].astype(np.float32)
        light = flat[number, place].astype(np.float32)
        offset = self._camera.offset
        kept = (light - offset > _TIMES * (same - offset)).nonzero()[0]
        if not len(kept):
            return []
        light, number, (y, x) = light[kept], number[kept], np.divmod(place[kept], columns)
        around = np.sort(_around(frames, number, y, x), axis=1)[:, :-_TRACK]
        far = light - around[:, -1] > _SPREADS * around.std(axis=1)
        far &= light - offset > _TIMES * (around[:, -1] - offset)
        return sorted({(int(y[n]), int(x[n])) for n in far.nonzero()[0]})

    def _searched(self, frames: NDArray[np.generic], y: int, x: int) -> list[Hit]:
        """Return what the search of defects finds around a suspect."""
        top, left = (_start(at, n) for at, n in zip((y, x), frames.shape[1:], strict=True))
        cut = torch.from_numpy(frames[:, top : top + _CUT, left : left + _CUT].copy())
        found = find_defects(cut, self._optics, self._camera, self._pixel_nm)
        hits = [(hit.frame, hit.y, hit.x) for hit in found.hits]
        hits += [(number, *place) for place in found.places for number in range(len(frames))]
        return [Hit(number, top + y, left + x) for number, y, x in hits]


def _around(
    frames: NDArray[np.generic], number: NDArray[np.intp], y: NDArray[np.intp], x: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Return neighbours of pixels and the same pixels in other frames, [pixel, value]."""
    count, rows, columns = frames.shape
    # Beyond a border lies what is on its other side.
    near_y = rows - 1 - np.abs(rows - 1 - np.abs(y[:, None] + _AROUND[0]))
    near_x = columns - 1 - np.abs(columns - 1 - np.abs(x[:, None] + _AROUND[1]))
    others = (number[:, None] + np.arange(1, count)) % count
    parts = frames[number[:, None], near_y, near_x], frames[others, y[:, None], x[:, None]]
    return np.concatenate(parts, axis=1).astype(np.float32)


def _start(at: int, length: int) -> int:
    return min(max(at - _CUT // 2, 0), max(length - _CUT, 0))


def _brightest(flat: NDArray[np.generic]) -> NDArray[np.intp]:
    """Return the place of the brightest pixel of every run."""
    runs = len(flat) // _RUN
    whole = runs * _RUN
    places = flat[:whole].reshape(runs, _RUN).argmax(axis=1) + np.arange(runs) * _RUN
    if whole == len(flat):
        return places
    return np.append(places, whole + flat[whole:].argmax())
