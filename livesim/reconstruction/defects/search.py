"""Find defect pixels of a camera, and hits of single frames, in raw frames of a specimen.

A defect is a pixel that differs from what its neighbours say by more than noise and optics allow:
in the mean of all frames, or in a single one.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from livesim.config.settings import Camera, Optics
from livesim.reconstruction.defects.neighbours import Field
from livesim.reconstruction.defects.noise import BLOCK, Scatter, light_of, scatter_of
from livesim.reconstruction.defects.outliers import Limit, Outliers
from livesim.reconstruction.defects.replacement import field_of, prediction_of, put, replaced
from livesim.reconstruction.defects.sharpness import REACH
from livesim.values.defects import DefectKind, DefectPixel, Defects, Hit

SMALLEST = 4 * BLOCK
"""Pixels of the shorter side of a frame in which defects can be told."""
BLIND = 1.0
"""Bound of the remainders from which nothing can be told: light may be as sharp as a defect."""
MOST = 0.01
"""Share of pixels beyond which the optics of the settings are doubted, not the camera."""
_LASTING_ODDS, _HIT_ODDS = math.log(1e8), math.log(1e9)
"""Against noise beyond the limit at one pixel, their logarithm."""
_LASTING = 3
"""Frames in which a pixel is hit before it counts as a defect."""
_HOT = 4.0
"""Of the light around it, from which a bright pixel counts as hot."""
_DEAD = 0.2
"""Of the light around it, up to which a dark pixel counts as dead."""
_DARK_SAMPLES = 2**13


@torch.inference_mode()
def find_defects(counts: Tensor, optics: Optics, camera: Camera, pixel_nm: float) -> Defects:
    """Find what is wrong with single pixels; dear: about as long as it takes to reconstruct.

    Parameters
    ----------
    counts
        [..., y, x] raw frames; of [time, angle, phase, y, x] the times are averaged first.
    optics, camera, pixel_nm
        Of the microscope; of the camera its offset, and its gain where the frames tell none.

    Returns
    -------
    Defects
        With a `doubt` where frames or optics allow no search.
    """
    shape = (counts.shape[-2], counts.shape[-1])
    if min(shape) < SMALLEST:
        return Defects(shape, doubt=f"frames below {SMALLEST} pixels tell no defects")
    field = field_of(shape, optics, pixel_nm)
    if field.sharpness.leak >= BLIND:
        return Defects(shape, doubt=f"pixels of {pixel_nm:g} nm are too coarse to tell defects")
    if counts.is_floating_point() and not bool(counts.isfinite().all()):
        return Defects(shape, doubt="expected finite counts, found others")
    times = counts.shape[0] if counts.ndim == 5 else 1
    return _Search(
        field, counts.reshape(-1, *shape).to(torch.float32, copy=True), times, camera
    ).run()


def without_defects(
    counts: Tensor, optics: Optics, camera: Camera, pixel_nm: float
) -> tuple[Tensor, Defects]:
    """Return frames with all defects replaced that they show, and what those are.

    Parameters
    ----------
    counts, optics, camera, pixel_nm
        As of `find_defects`.
    """
    defects = find_defects(counts, optics, camera, pixel_nm)
    return replaced(counts, defects, optics, pixel_nm), defects


class _Search:
    """One search; `frames` [frame, y, x] are changed as defects are found."""

    def __init__(self, field: Field, frames: Tensor, times: int, camera: Camera) -> None:
        self._field, self._frames, self._times = field, frames, times
        self._gain = camera.gain
        self._noise_gain = float(field.sharpness.kernel.square().sum())
        self._remainders = _remainders(field, frames)
        self._light = light_of(frames)
        some = self._light.flatten()[:: max(self._light.numel() // _DARK_SAMPLES, 1)]
        dark = some.kthvalue(1 + len(some) // 100).values
        self._floor = min(camera.offset, float(dark))
        self._scatter = self._measured(self._remainders, self._light)

    def run(self) -> Defects:
        """Find pixels first, then hits; those that are hit again and again are pixels as well."""
        shape, size = self._field.shape, self._frames[0].numel()
        lasting = self._lasting(int(MOST * size))
        kinds = {int(pixel): self._kind(pixel) for pixel in lasting}
        self._replace_everywhere(lasting)
        hits = self._hits(int(MOST * self._frames.numel()))
        places, often = (hits % size).unique(return_counts=True)
        again = places[often >= _LASTING]
        kinds |= {int(pixel): self._blinking_or_stuck(pixel) for pixel in again}
        hits = hits[~torch.isin(hits % size, again)]
        if len(kinds) > MOST * size or len(hits) > MOST * self._frames.numel():
            return Defects(shape, doubt=_doubt(max(len(kinds), len(hits)), size))
        pixels = (DefectPixel(*divmod(n, shape[1]), kinds[n]) for n in sorted(kinds))
        return Defects(shape, tuple(pixels), _as_hits(hits, shape))

    def _lasting(self, most: int) -> Tensor:
        """Return the pixels that differ in the mean of all frames."""
        count = len(self._frames) // self._times
        averaged = 0.5 * len(self._frames)

        def limit_of(remainders: Tensor, light: Tensor) -> Limit:
            scatter = self._measured(remainders, light, averaged)
            scatter = replace(scatter, step=self._scatter.step)
            return Limit(scatter, self._floor, _LASTING_ODDS, averaged)

        values, remainders = (
            one.flatten(1) if self._times == 1 else one.view(self._times, count, -1).mean(dim=0)
            for one in (self._frames, self._remainders)
        )
        return Outliers(self._field, values, remainders, limit_of).find(most)

    def _hits(self, most: int) -> Tensor:
        """Return the pixels, numbered through all frames, that differ in single frames."""

        def limit_of(remainders: Tensor, light: Tensor) -> Limit:
            return Limit(self._measured(remainders, light), self._floor, _HIT_ODDS)

        values, remainders = self._frames.view(1, -1), self._remainders.view(1, -1)
        known = Limit(self._scatter, self._floor, _HIT_ODDS), self._light
        return Outliers(self._field, values, remainders, limit_of).find(most, known)

    def _measured(self, remainders: Tensor, light: Tensor, averaged: float = 1.0) -> Scatter:
        return scatter_of(remainders, light, self._gain / averaged, self._noise_gain)

    def _replace_everywhere(self, pixels: Tensor) -> None:
        """Replace pixels in all frames."""
        if not len(pixels):
            return
        values, remainders = self._frames.flatten(1), self._remainders.flatten(1)
        put(values, prediction_of(self._field, pixels, values.shape[1]))
        near = self._field.reached(pixels)
        remainders[:, near] = values[:, near] - self._field.predict(near)(values)
        self._light = light_of(self._frames)
        self._scatter = self._measured(self._remainders, self._light)

    def _kind(self, pixel: Tensor) -> DefectKind:
        """Return what is wrong with a pixel, before it is replaced."""
        frames = self._frames.flatten(1)
        own = frames[:, pixel]
        light = float(self._field.predict(pixel[None])(frames).median()) - self._floor
        found = float(own.median()) - self._floor
        if _never_changes(own):
            return "stuck"
        if found < light:
            return "dead" if found < _DEAD * light else "dim"
        return "hot" if found > _HOT * max(light, 0.0) else "warm"

    def _blinking_or_stuck(self, pixel: Tensor) -> DefectKind:
        return "stuck" if _never_changes(self._frames.flatten(1)[:, pixel]) else "warm"


def _remainders(field: Field, frames: Tensor) -> Tensor:
    """Return every pixel minus what its neighbours say, [frame, y, x]; rough at the border.

    There the frames are mirrored.
    """
    rows, columns = ((n + 2 * REACH + BLOCK - 1) // BLOCK * BLOCK for n in field.shape)
    kernel = torch.zeros(rows, columns)
    kernel[: 2 * REACH + 1, : 2 * REACH + 1] = field.sharpness.kernel
    spectrum = torch.fft.rfft2(kernel).conj()
    found = torch.empty_like(frames)
    for frame, own in zip(frames, found, strict=True):  # one by one they stay in the cache
        wide = pad(frame[None], (REACH,) * 4, mode="reflect")[0]
        moved = torch.fft.irfft2(torch.fft.rfft2(wide, (rows, columns)) * spectrum, (rows, columns))
        own.copy_(moved[: field.shape[0], : field.shape[1]])
    return found


def _never_changes(counts: Tensor) -> bool:
    return len(counts) > 1 and bool((counts == counts[0]).all())


def _as_hits(numbers: Tensor, shape: tuple[int, int]) -> tuple[Hit, ...]:
    places = ((*divmod(n // shape[1], shape[0]), n % shape[1]) for n in numbers.tolist())
    return tuple(Hit(*place) for place in places)


def _doubt(count: int, size: int) -> str:
    return (
        f"expected single pixels that stand out, found {count} in frames of {size}: is the image "
        "sharper than pixel_nm, numerical_aperture and emission_nm allow?"
    )
