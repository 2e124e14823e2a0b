"""Hold one raw stack with its light: the value that training data are made of."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from livesim.config.settings import Optics
from livesim.values.pattern import Pattern, PatternAngle


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One raw stack, either as it was measured or as it would be without noise."""

    frames: Tensor
    """[angle, phase, y, x] photo-electrons: measured, or mean with the brightest pixel of the
    widefield image about 1."""
    truth: Tensor | None
    """[2 y, 2 x] the object in the same units, background included, as a perfect reconstruction
    shows it; None if measured."""
    pattern: Pattern
    """With the noise-to-signal ratio of the measured frames, or that of unit variance."""
    optics: Optics
    structure: str
    recording: str
    """Where it comes from: scenes of one recording all go into the same split."""
    read_noise: float = 0.0
    """Electrons, of the measured frames."""
    low: Tensor | None = None
    """[angle, phase, y, x] photo-electrons of the same field, measured in less light."""

    @property
    def shape(self) -> tuple[int, int]:
        """(y, x) of the frames."""
        return self.frames.shape[-2], self.frames.shape[-1]


def mirrored(scene: Scene) -> Scene:
    """Return the scene seen in a mirror: x points the other way, and so do the fringes.

    The doubled grid shares the centre of pixel 0 with the frames, so its mirror image is one column
    further; the first column of the truth becomes its own (the field is periodic in simulations).
    """
    width_um = (scene.shape[1] - 1) * scene.pattern.pixel_nm / 1000.0

    def angle(one: PatternAngle) -> PatternAngle:
        kx, ky = one.k_cycles_per_um
        return lit(one, (-kx, ky), 2.0 * math.pi * kx * width_um)

    return _seen(scene, lambda raw: raw.flip(-1), lambda fine: fine.flip(-1).roll(-1, -1), angle)


def transposed(scene: Scene) -> Scene:
    """Return the scene with x and y exchanged."""

    def angle(one: PatternAngle) -> PatternAngle:
        kx, ky = one.k_cycles_per_um
        return lit(one, (ky, kx))

    return _seen(scene, lambda raw: raw.mT, lambda fine: fine.mT, angle)


def cropped(scene: Scene, first: tuple[int, int], shape: tuple[int, int]) -> Scene:
    """Return the part of `shape` (y, x) that begins at the raw pixel `first` (y, x)."""
    (top, left), pixel_um = first, scene.pattern.pixel_nm / 1000.0
    bottom, right = top + shape[0], left + shape[1]

    def angle(one: PatternAngle) -> PatternAngle:
        kx, ky = one.k_cycles_per_um
        return lit(one, (kx, ky), 2.0 * math.pi * (kx * left + ky * top) * pixel_um)

    return _seen(
        scene,
        lambda raw: raw[..., top:bottom, left:right],
        lambda fine: fine[2 * top : 2 * bottom, 2 * left : 2 * right],
        angle,
    )


def turned(scene: Scene, symmetry: int) -> Scene:
    """Return the scene in one of the eight symmetries of the square, 0 ... 7; 0 changes nothing.

    Turns by 90 degrees are a transposition and a mirror.
    """
    if symmetry & 1:
        scene = transposed(scene)
    if symmetry & 2:
        scene = mirrored(scene)
    if symmetry & 4:
        scene = transposed(mirrored(transposed(scene)))
    return scene


def lit(angle: PatternAngle, k: tuple[float, float], turn_rad: float = 0.0) -> PatternAngle:
    """Return `angle` with the wave vector `k`, its phases turned; k made to point to x >= 0."""
    phases = [phase + turn_rad for phase in angle.phases_rad]
    if k[0] < 0 or (k[0] == 0 and k[1] < 0):
        k, phases = (-k[0], -k[1]), [-phase for phase in phases]
    return replace(angle, k_cycles_per_um=k, phases_rad=tuple(p % (2.0 * math.pi) for p in phases))


def _seen(
    scene: Scene,
    raw: Callable[[Tensor], Tensor],
    fine: Callable[[Tensor], Tensor],
    angle: Callable[[PatternAngle], PatternAngle],
) -> Scene:
    """Return the scene with its frames, its truth and its light seen in another way."""
    frames = raw(scene.frames)
    angles = tuple(angle(one) for one in scene.pattern.angles)
    shape = (frames.shape[-2], frames.shape[-1])
    return replace(
        scene,
        frames=frames,
        low=None if scene.low is None else raw(scene.low),
        truth=None if scene.truth is None else fine(scene.truth),
        pattern=replace(scene.pattern, angles=angles, shape=shape),
    )


def bright_share(scene: Scene) -> float:
    """Return the share of pixels above a tenth of the brightest, the floor taken off."""
    widefield = scene.frames.float().mean(dim=(0, 1))
    floor = torch.quantile(widefield.flatten()[:: max(1, widefield.numel() // 2**20)], 0.02)
    above = widefield - floor
    return float((above > 0.1 * above.max()).float().mean())
