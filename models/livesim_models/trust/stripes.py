"""Find stripes in an image that the light of the widefield does not have.

Stray fringes, a wrong wave vector or light out of focus leave something regular behind: a sharp
peak in the image's spectrum, far above its surroundings. A specimen that is regular itself has the
same peak in the widefield image, as far as that reaches.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

CLEAR = 100.0
"""A peak's power over that around it. In images of six recordings and seven simulations it was 48
at most, that of a resolution target; in five parts of a recording with stripes 157 to 510."""
VISIBLE = 0.005
"""Amplitude, of the range of the light."""
IN_WIDEFIELD = 10.0
"""A peak's power over that around it from which the widefield image has it too."""
_SLOWEST = 0.05
"""Cycles/pixel of the doubled grid: what is slower is the specimen's shape."""
_AROUND = 15
"""Pixels of the spectrum that count as around a peak."""
_DARK, _BRIGHT = 0.02, 0.99
_EULER = 0.5772
"""By how much the mean logarithm of noise's power lies below the logarithm of its mean."""
_TINY = 1e-30


@dataclass(frozen=True, slots=True)
class Stripes:
    """The strongest stripes of an image."""

    period: float
    """Pixels of the raw frames."""
    amplitude: float
    """Of the range of the light."""

    @property
    def words(self) -> str:
        """What is to be said of them."""
        return (
            f"stripes that the widefield does not show run through the image, {self.period:.1f} "
            f"raw pixels apart and {100.0 * self.amplitude:.1f} % of the light strong"
        )


def find_stripes(image: Tensor, widefield: Tensor) -> Stripes | None:
    """Return the strongest stripes of an image that its widefield does not show, if there are any.

    Parameters
    ----------
    image
        [2 y, 2 x]
    widefield
        [y, x] of the same field, in any unit.
    """
    power, weight = _power(image)
    range_ = _range(image)
    amplitude = 2.0 * power.sqrt() / (weight * max(range_, _TINY))
    rows, columns = (torch.fft.fftfreq(n, device=image.device) for n in image.shape)
    frequency = torch.hypot(rows[:, None], columns[None])
    found = (_clear(power) > CLEAR) & (amplitude > VISIBLE) & (frequency > _SLOWEST)
    found &= ~_doubled(_clear(_power(widefield)[0]) > IN_WIDEFIELD)
    if not bool(found.any()):
        return None
    place = int(torch.where(found, amplitude, 0.0).argmax())
    period = 0.5 / float(frequency.flatten()[place])
    return Stripes(period, float(amplitude.flatten()[place]))


def _power(image: Tensor) -> tuple[Tensor, float]:
    """Return the power [y, x] of the spectrum under a window, and the sum of that window."""
    rows, columns = (torch.hann_window(n, device=image.device) for n in image.shape)
    window = rows[:, None] * columns[None]
    spectrum = torch.fft.fft2((image - image.mean()) * window)
    return spectrum.abs().square(), float(window.sum())


def _clear(power: Tensor) -> Tensor:
    """Return each power over what is usual around it, a geometric mean: a peak hardly lifts it."""
    reach = _AROUND // 2
    logs = power.clamp(min=_TINY).log()[None, None]
    usual = avg_pool2d(pad(logs, (reach,) * 4, mode="circular"), _AROUND, stride=1)
    return power / (usual[0, 0] + _EULER).exp()


def _doubled(seen: Tensor) -> Tensor:
    """Return a mask [y, x] of frequencies on the doubled grid, false beyond the raw pixels' own."""
    rows, columns = seen.shape
    shifted = torch.fft.fftshift(seen)
    whole = pad(shifted, (columns - columns // 2, columns // 2, rows - rows // 2, rows // 2))
    return torch.fft.ifftshift(_widened(whole))


def _widened(mask: Tensor) -> Tensor:
    """Return a mask with its neighbours: a peak between two pixels lies in both."""
    near = torch.nn.functional.max_pool2d(mask[None, None].float(), 3, stride=1, padding=1)
    return near[0, 0] > 0.0


def _range(image: Tensor) -> float:
    values = image.flatten()
    values = values[:: max(1, values.numel() // 2**20)]
    dark, bright = torch.quantile(values, values.new_tensor([_DARK, _BRIGHT])).tolist()
    return bright - dark
