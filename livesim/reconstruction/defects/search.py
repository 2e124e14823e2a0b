"""Find defect pixels of a camera, and hits of single frames, in raw frames of a specimen.

A pixel is one where it differs from what its neighbours say by more than noise and optics allow: in
the middle of all frames, or in a single one. The tails of the noise are bounded by Bernstein's
inequality, which holds of Poisson light and of an electron-multiplying register alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.config.settings import Camera, Optics
from livesim.reconstruction.defects.neighbours import Field, Prediction
from livesim.reconstruction.defects.noise import BLOCK, Scatter, light_of, scatter_of
from livesim.reconstruction.defects.replacement import field_of, prediction_of, put
from livesim.reconstruction.defects.sharpness import REACH
from livesim.values.defects import DefectKind, DefectPixel, Defects, Hit

SMALLEST = 4 * BLOCK
"""Pixels of the shorter side of a frame in which defects can be told."""
BLIND = 1.0
"""Bound of the remainders from which nothing can be told: light may be as sharp as a defect."""
MOST = 0.01
"""Share of pixels beyond which the optics of the settings are doubted, not the camera."""
_CHANCE = math.log(1e10)
"""Of noise to reach the threshold at one pixel, the logarithm of one over it."""
_LASTING = 3
"""Frames in which a pixel is hit before it counts as a defect."""
_HOT = 4.0
"""Of the light around it, from which a bright pixel counts as hot."""
_ROUNDS = 8


@torch.inference_mode()
def find_defects(counts: Tensor, optics: Optics, camera: Camera, pixel_nm: float) -> Defects:
    """Find what is wrong with single pixels.

    Parameters
    ----------
    counts
        [..., y, x] raw frames; of [time, angle, phase, y, x] the times are averaged first.
    optics, camera, pixel_nm
        Of the microscope; of the camera its gain where the frames do not tell it.

    Returns
    -------
    Defects
        With a `doubt` where frames or optics allow no search.
    """
    shape = (counts.shape[-2], counts.shape[-1])
    if min(shape) < SMALLEST:
        return Defects(shape, doubt=f"frames below {SMALLEST} pixels tell no defects")
    field = field_of(shape, optics, pixel_nm)
    times = counts.shape[0] if counts.ndim == 5 else 1
    search = _Search(field, counts.reshape(-1, *shape).float(), times, camera)
    if search.leak >= BLIND:
        return Defects(shape, doubt=f"pixels of {pixel_nm:g} nm are too coarse to tell defects")
    return search.run()


@dataclass(frozen=True, slots=True, eq=False)
class _Limit:
    """By how much a pixel may differ from what its neighbours say."""

    scatter: Scatter
    floor: float
    """Counts without light."""
    share: float
    """Of `scatter.step`: one over the frames of which the mean is meant."""

    def screen(self, light: Tensor, noise_gain: float) -> Tensor:
        """Return the limit for noise alone, where the mean light is `light`."""
        noise = (2.0 * _CHANCE * noise_gain * self.scatter.variance(light)).sqrt()
        return noise + 0.5 * _CHANCE * self.share * self.scatter.step

    def __call__(self, brightest: Tensor, noise_gain: Tensor, leak: Tensor) -> Tensor:
        """Return the limit where the brightest neighbour is so bright."""
        noise = (2.0 * _CHANCE * noise_gain * self.scatter.variance(brightest)).sqrt()
        tail = 0.5 * _CHANCE * self.share * self.scatter.step
        return noise + tail + leak * (brightest - self.floor).clamp(min=0.0)


class _Search:
    """One search; `frames` [frame, y, x] are changed as defects are found."""

    def __init__(self, field: Field, frames: Tensor, times: int, camera: Camera) -> None:
        self._field, self._frames, self._times = field, frames, times
        self._kernel = field.sharpness.kernel
        self._gain = camera.gain
        self._noise_gain = float(self._kernel.square().sum())
        self.leak = float(field.predict(torch.tensor([_middle(field.shape)]))[1])
        self._border = field.border
        self._at_border, _ = field.predict(self._border)
        self._remainders = self._all_remainders()
        self._light = light_of(frames)
        dark = float(self._light.flatten()[:: max(self._light.numel() // 2**16, 1)].quantile(0.01))
        self._floor = min(camera.offset, dark)

    def run(self) -> Defects:
        """Find pixels first, then hits; those that are hit again and again are pixels as well."""
        shape, size = self._field.shape, self._frames[0].numel()
        lasting = self._lasting()
        if len(lasting) > MOST * size:
            return Defects(shape, doubt=_doubt(len(lasting), size))
        kinds = {int(pixel): self._kind(pixel) for pixel in lasting}
        self._replace_everywhere(lasting)
        hits = self._hits()
        places, often = (hits % size).unique(return_counts=True)
        again = places[often >= _LASTING]
        kinds |= {int(pixel): self._stuck_or_warm(pixel) for pixel in again}
        hits = hits[~torch.isin(hits % size, torch.tensor(sorted(kinds), dtype=torch.long))]
        if len(kinds) > MOST * size or len(hits) > MOST * self._frames.numel():
            return Defects(shape, doubt=_doubt(max(len(kinds), len(hits)), size))
        return Defects(shape, self._pixels(kinds), _as_hits(hits.sort().values, shape))

    def _all_remainders(self) -> Tensor:
        """Return every pixel minus what its neighbours say, [frame, y, x]."""
        rows, columns = self._field.shape
        kernel = torch.zeros(rows, columns)
        kernel[: 2 * REACH + 1, : 2 * REACH + 1] = self._kernel
        spectrum = torch.fft.rfft2(kernel.roll((-REACH, -REACH), (0, 1))).conj()
        found = torch.empty_like(self._frames)
        for frame, own in zip(self._frames, found, strict=True):
            level = frame.mean()  # a large mean would cost digits
            own.copy_(torch.fft.irfft2(torch.fft.rfft2(frame - level) * spectrum, s=frame.shape))
        flat, values = found.flatten(1), self._frames.flatten(1)
        flat[:, self._border] = values[:, self._border] - self._at_border(values)
        return found

    def _lasting(self) -> Tensor:
        """Return the pixels that differ in the middle of all frames."""
        count = len(self._frames) // self._times
        means = self._frames.view(self._times, count, -1).mean(dim=0)
        remainders = self._remainders.view(self._times, count, -1).mean(dim=0)
        middle, shape = remainders.median(dim=0).values, self._field.shape
        light = light_of(means.mean(dim=0).view(1, *shape))
        scatter = scatter_of(middle.view(1, *shape), light, self._gain, self._noise_gain)
        step = self._hit_scatter().step
        scatter = Scatter(scatter.constant, scatter.slope, scatter.square, scatter.least, step)
        limit = _Limit(scatter, self._floor, 2.0 / len(self._frames))
        return self._outliers(means, middle, light, limit)

    def _hits(self) -> Tensor:
        """Return the pixels, numbered through all frames, that differ in single frames."""
        scatter = self._hit_scatter()
        limit = _Limit(scatter, self._floor, 1.0)
        values, remainders = self._frames.view(1, -1), self._remainders.view(-1)
        return self._outliers(values, remainders, self._light, limit)

    def _hit_scatter(self) -> Scatter:
        return scatter_of(self._remainders, self._light, self._gain, self._noise_gain)

    def _outliers(self, values: Tensor, middle: Tensor, light: Tensor, limit: _Limit) -> Tensor:
        """Return the pixels whose remainders are beyond the limit, and replace them in `values`.

        Parameters
        ----------
        values
            [map, pixel]; remainders are the middle ones over the maps.
        middle
            [pixel] their remainders; changed where pixels are replaced.
        light
            [frame, block, block] of as many pixels as there are.
        """
        screen = _spread(limit.screen(light, self._noise_gain), self._field.shape).flatten()
        bad = torch.zeros(len(middle), dtype=torch.bool)
        tops = self._tops(values)
        for _ in range(_ROUNDS):
            candidates = ((middle.abs() > screen) & ~bad).nonzero()[:, 0]
            new = self._standing_out(candidates, values, middle, limit, tops)
            if not len(new) or len(new) > MOST * len(middle) + 1:
                return torch.cat([bad.nonzero()[:, 0], new])
            bad[new] = True
            self._replace(values, middle, new, bad)
        return bad.nonzero()[:, 0]

    def _standing_out(
        self, candidates: Tensor, values: Tensor, middle: Tensor, limit: _Limit, tops: Tensor
    ) -> Tensor:
        """Return the candidates beyond the limit that no stronger one nearby explains."""
        if not len(candidates):
            return candidates
        prediction, leak = self._field.predict(candidates)
        brightest = prediction.brightest(values).amax(dim=0)
        noise_gain = 1.0 + prediction.weights.square().sum(dim=1)
        excess = middle[candidates].abs() / limit(brightest, noise_gain, leak)
        strength = torch.zeros_like(middle)
        strength[candidates] = excess
        alone = excess >= strength[prediction.neighbours].amax(dim=1)
        saturated = tops[prediction.neighbours].sum(dim=1) > 1
        return candidates[(excess > 1.0) & alone & ~saturated]

    def _replace(self, values: Tensor, middle: Tensor, new: Tensor, bad: Tensor) -> None:
        """Replace new pixels, and see what the remainders around them are now."""
        put(values, self._field.predict(new, bad)[0])
        numbers, inside = self._field.around(new)
        near = torch.cat([numbers[inside], new]).unique()
        prediction, _ = self._field.predict(near)
        middle[near] = (values[:, near] - prediction(values)).median(dim=0).values

    def _replace_everywhere(self, pixels: Tensor) -> None:
        """Replace pixels in all frames."""
        if not len(pixels):
            return
        values, remainders = self._frames.flatten(1), self._remainders.flatten(1)
        put(values, prediction_of(self._field, pixels, values.shape[1]))
        numbers, inside = self._field.around(pixels)
        near = torch.cat([numbers[inside], pixels]).unique()
        prediction: Prediction = self._field.predict(near)[0]
        remainders[:, near] = values[:, near] - prediction(values)

    def _tops(self, values: Tensor) -> Tensor:
        """Return which pixels hold the highest count that there is."""
        highest = values.amax(dim=0)
        return highest >= highest.max()

    def _kind(self, pixel: Tensor) -> DefectKind:
        frames = self._frames.flatten(1)
        own, expected = frames[:, pixel], self._field.predict(pixel[None])[0](frames)[:, 0]
        return _kind(own, expected - self._floor, self._floor)

    def _stuck_or_warm(self, pixel: Tensor) -> DefectKind:
        own = self._frames.flatten(1)[:, pixel]
        return "stuck" if len(own) > 1 and bool((own == own[0]).all()) else "warm"

    def _pixels(self, kinds: dict[int, DefectKind]) -> tuple[DefectPixel, ...]:
        columns = self._field.shape[1]
        return tuple(DefectPixel(n // columns, n % columns, kinds[n]) for n in sorted(kinds))


def _kind(own: Tensor, expected: Tensor, floor: float) -> DefectKind:
    """Return what is wrong with a pixel of counts [frame] where such light is expected."""
    if len(own) > 1 and bool((own == own[0]).all()):
        return "stuck"
    found, light = float(own.median()) - floor, max(float(expected.median()), 0.0)
    if found < light:
        return "dead"
    return "hot" if found > _HOT * light else "warm"


def _as_hits(numbers: Tensor, shape: tuple[int, int]) -> tuple[Hit, ...]:
    rows, columns = shape
    return tuple(Hit(n // (rows * columns), n // columns % rows, n % columns) for n in numbers.tolist())


def _spread(blocks: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return values of blocks [frame, block, block] at every pixel [frame, y, x]."""
    rows = blocks.repeat_interleave(BLOCK, dim=1)[:, : shape[0]]
    return rows.repeat_interleave(BLOCK, dim=2)[:, :, : shape[1]]


def _middle(shape: Sequence[int]) -> int:
    return shape[0] // 2 * shape[1] + shape[1] // 2


def _doubt(count: int, size: int) -> str:
    return (
        f"expected single pixels that stand out, found {count} of {size}: is the image sharper "
        "than pixel_nm, numerical_aperture and emission_nm allow?"
    )
