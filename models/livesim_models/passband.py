"""Show a picture as a plain image shows the object: with its sharpness and its brightness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim_models.trust.bands import power_of, whole

_TINY = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Passband:
    """What a plain image passes of the object, and what a perfect one would."""

    plain: Tensor
    """[2 y, x + 1] of a half spectrum, `Plan.transfer`."""
    perfect: Tensor
    """[2 y, x + 1] `evaluation.reference.result_transfer`: the apodization alone."""

    @property
    def tensors(self) -> tuple[Tensor, Tensor]:
        """All parameters."""
        return self.plain, self.perfect

    def mapped(self, change: Callable[[Tensor], Tensor]) -> Passband:
        """Return the same with every tensor replaced by what `change` makes of it."""
        return Passband(change(self.plain), change(self.perfect))

    def shown(self, picture: Tensor, plain: Tensor) -> Tensor:
        """Return a picture [2 y, 2 x] of any brightness scale as a perfect image would show it.

        The scale is the one of least squares between the plain image and the picture seen as that
        sees the object, all frequencies but zero together; the mean is the plain image's. It is
        unbiased for a picture that is the mean of what the photons allow; a picture that has
        nothing to do with the object is scaled towards nothing, and no scale is negative.

        Parameters
        ----------
        picture
            Of the object, in its own scale and not blurred.
        plain
            [2 y, 2 x] photo-electrons.
        """
        drawn, known = torch.fft.rfft2(picture), torch.fft.rfft2(plain)
        seen = drawn * self.plain
        without_mean = torch.ones_like(self.plain)
        without_mean[0, 0] = 0.0
        agreed = whole((seen.conj() * known).real * without_mean)
        scale = agreed / whole(power_of(seen) * without_mean).clamp(min=_TINY)
        made = scale.clamp(min=0.0) * self.perfect * drawn * without_mean
        made = made + known * (1.0 - without_mean)
        return torch.fft.irfft2(made, s=plain.shape)
