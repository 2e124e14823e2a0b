"""Find clipped pixels and a wrong offset in the camera counts."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from livesim.config.settings import Camera
from livesim.reconstruction.camera_noise import CameraNoise
from livesim.values.finding import MOST_SURE, Fault, Finding, mending

_CEILINGS = (255, 1023, 4095, 16383, 65535)
_FEWEST_CLIPPED = 8
_SHARE = 1e-5  # of all pixels: fewer are hot pixels
_PILE = 4.0  # times more pixels at the top than in the range below it
_BLOCK = 8  # pixels


def saturation_findings(frames: Tensor) -> list[Finding]:
    """Return a finding where pixels pile up at the highest count of `frames` [frame, y, x].

    Light has no highest value: without clipping the top of the histogram thins out.
    """
    top = float(frames.max())
    if top <= float(frames.min()):
        return []
    full = frames == top
    clipped = int(full.sum())
    width = max(0.02 * (top - float(frames.median())), 1.0)
    below = int(((frames < top) & (frames >= top - width)).sum())
    usual = max(below / width, 1.0) * (1.0 if width < 2.0 else 2.0)
    known = top in _CEILINGS
    if clipped < max(_FEWEST_CLIPPED, _SHARE * frames.numel()):
        return []
    if int(full.any(dim=0).sum()) < _FEWEST_CLIPPED:  # pixels that are stuck
        return []
    if clipped < _PILE * usual * (0.5 if known else 1.0):
        return []
    odds = (clipped / usual) ** (2.0 if known else 1.0)
    kind = f", the top of {math.ceil(math.log2(top + 1.0)):.0f} bits" if known else ""
    return [
        Finding(
            Fault.SATURATION,
            f"{clipped} pixels ({100.0 * clipped / frames.numel():.2g} %) "
            f"are clipped at {top:.0f} counts{kind}",
            min(1.0 - 1.0 / (1.0 + odds), MOST_SURE),
            None,
            "expose shorter or use less light: clipped fringes cannot be repaired",
            value=clipped / frames.numel(),
        )
    ]


def believed_camera(frames: Tensor, camera: Camera) -> Camera:
    """Return the camera with the highest offset that `frames` [frame, y, x] allow.

    Brightness below no light would make nonsense of everything else.
    """
    if not offset_findings(frames, camera):
        return camera
    pool = torch.nn.functional.avg_pool2d(frames.mean(dim=0)[None, None], _BLOCK)
    return camera.model_copy(update={"offset": max(math.floor(float(pool.min())), 0.0)})


def offset_findings(
    frames: Tensor, camera: Camera, measured: CameraNoise | None = None
) -> list[Finding]:
    """Return a finding where places in `frames` [frame, y, x] are darker than no light.

    The darkest place tells the highest offset possible; noise that was `measured` a better one.
    """
    mean = frames.mean(dim=0)
    pool = torch.nn.functional.avg_pool2d(mean[None, None], _BLOCK)
    darkest = float(pool.min())
    spread = frames - mean
    local = torch.nn.functional.avg_pool2d(spread.square().mean(dim=0)[None, None], _BLOCK)
    noise = math.sqrt(float(local.flatten()[pool.argmin()]) / (len(frames) * _BLOCK**2))
    # The darkest of many places is low by chance as well.
    chance = math.sqrt(2.0 * math.log(max(pool.numel(), 2)))
    short = (camera.offset - darkest) / max(noise, 1e-6) - chance
    step = max(0.5, 0.002 * camera.offset)
    if camera.offset - darkest < step or short < 4.0:
        return []
    highest = float(math.floor(darkest))
    if measured is not None and measured.told:
        highest = min(highest, max(measured.offset(camera.read_noise)[0], 0.0))
    return [
        Finding(
            Fault.WRONG_OFFSET,
            f"the darkest place has {darkest:.1f} counts, less than no light "
            f"(offset {camera.offset:g})",
            MOST_SURE,
            mending("camera", f"offset = {highest:.1f}"),
            "from the darkest place and the noise; a frame without light shows it exactly",
        )
    ]
