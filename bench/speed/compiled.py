"""Separate and shift the bands in one compiled loop, to see what numba would give.

Only `bench.speed.frame_path` uses it, to tell whether such a kernel would be worth its half second
at start; for three angles of three phases, on one core.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numba import njit  # type: ignore[import-not-found]
from numpy.typing import NDArray
from torch import Tensor

from livesim.reconstruction.plan import Plan

Floats = NDArray[np.float32]


def compiled(plan: Plan, frames: Tensor) -> Callable[[], object]:
    """Return the compiled work on `frames` [frame, y, x]; it has run once and agrees with torch.

    Raises
    ------
    ValueError
        If the plan is for other raw stacks than 3 x 3.
    """
    bands = len(plan.ramps)
    if (bands, len(frames)) != (3, 9):
        raise ValueError(f"expected 3 bands of 9 frames, found {bands} of {len(frames)}")
    zero = np.empty(plan.shape, np.float32)
    side = np.empty((bands, plan.shape[0], 2 * plan.shape[1]), np.float32)
    ramps = torch.view_as_real(plan.ramps).flatten(-2).numpy()
    weights, bias = plan.unmixing.numpy(), plan.bias[:, 0].numpy()

    def work() -> None:
        _separated(frames.numpy(), weights, bias, ramps, zero, side)

    work()
    _check(plan, frames, zero, side)
    return work


def _check(plan: Plan, frames: Tensor, zero: Floats, side: Floats) -> None:
    planes = torch.addmm(plan.bias, plan.unmixing, frames.flatten(1).float()).view(-1, *plan.shape)
    expected = torch.view_as_real(torch.complex(planes[1:4], planes[4:]) * plan.ramps).flatten(-2)
    np.testing.assert_allclose(zero, planes[0], rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(side, expected, rtol=1e-3, atol=1e-1)


@njit(fastmath=True)  # type: ignore[untyped-decorator]
def _separated(
    frames: NDArray[Any], weights: Floats, bias: Floats, ramps: Floats, zero: Floats, side: Floats
) -> None:
    """Fill `zero` [y, x] and `side` [band, y, 2 x], real and imaginary parts in turn."""
    photons = np.empty((frames.shape[0], frames.shape[2]), np.float32)
    for y in range(frames.shape[1]):
        photons[:] = frames[:, y]
        zero[y] = bias[0]
        for band in range(3):
            a, b, c = photons[3 * band], photons[3 * band + 1], photons[3 * band + 2]
            mean = weights[0, 3 * band : 3 * band + 3]
            real = weights[1 + band, 3 * band : 3 * band + 3]
            imag = weights[4 + band, 3 * band : 3 * band + 3]
            for x in range(a.size):
                zero[y, x] += mean[0] * a[x] + mean[1] * b[x] + mean[2] * c[x]
            for x in range(a.size):
                re = bias[1 + band] + real[0] * a[x] + real[1] * b[x] + real[2] * c[x]
                im = bias[4 + band] + imag[0] * a[x] + imag[1] * b[x] + imag[2] * c[x]
                ramp_re, ramp_im = ramps[band, y, 2 * x], ramps[band, y, 2 * x + 1]
                side[band, y, 2 * x] = re * ramp_re - im * ramp_im
                side[band, y, 2 * x + 1] = re * ramp_im + im * ramp_re
