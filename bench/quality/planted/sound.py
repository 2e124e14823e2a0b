"""Draw recordings in which there is nothing to name, though much is not ideal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch

from bench.quality.planted.recording import (
    Planted,
    lit,
    modulated,
    sound_recording,
    with_keys,
)
from bench.quality.planted.scene import FINE, SEPARATE, draw, true_pattern
from livesim.config.settings import Optics


def sound(seed: int) -> Planted:
    return sound_recording(draw(seed))


def faint(seed: int) -> Planted:
    photons = float(np.random.default_rng(seed).choice([3.0, 8.0, 20.0]))
    return sound_recording(draw(seed, photons=photons))


def with_modulation(seed: int, least: float, most: float) -> Planted:
    scene = draw(seed)
    random = np.random.default_rng(seed + 5)
    own = random.uniform(least, most)
    return sound_recording(lit(scene, (modulated(angle, own) for angle in scene.pattern.angles)))


def weak_fringes(seed: int) -> Planted:
    return with_modulation(seed, 0.1, 0.3)


def uneven_phases(seed: int) -> Planted:
    scene = draw(seed)
    random = np.random.default_rng(seed + 5)
    uneven = float(random.choice([15.0, 45.0]))
    pattern = true_pattern(random, scene.steps, scene.optics, scene.size, 0.8, uneven)
    return sound_recording(replace(scene, pattern=pattern))


def two_angle_mirrors(seed: int) -> Planted:
    """Return phases whose fringes stay in the mean frame: those of a mirror-scanned microscope."""
    scene = draw(seed, ("3 x 3",))
    steps = ((0.0, 161.0, 199.0), (0.0, 106.0, 225.0), (0.0, 130.0, 215.0))
    angles = (
        replace(angle, phases_rad=tuple(np.deg2rad(own).tolist()))
        for angle, own in zip(scene.pattern.angles, steps, strict=True)
    )
    return sound_recording(lit(scene, angles))


def drifting(seed: int) -> Planted:
    """Return a specimen that moves by up to half a pixel from frame to frame."""
    scene = draw(seed, SEPARATE)
    dy, dx = scene.random.uniform(-1.0, 1.0, 2)
    stacks, count = [], scene.stack
    shape = scene.steps.stack_shape
    for time in range(scene.times):
        moved = [
            scene.density.roll((round(dy * n), round(dx * n)), (0, 1))
            for n in range(time * count, (time + 1) * count)
        ]
        stacks.append(scene.light(density=torch.stack(moved).unflatten(0, shape)))
    return sound_recording(scene, scene.counts(torch.cat(stacks)))


def stuck(seed: int) -> Planted:
    """Return frames with three stuck pixels and a hit in one frame."""
    scene = draw(seed)
    frames = scene.frames()
    high = float(frames.max())
    for _ in range(3):
        y, x = scene.random.integers(2, scene.size - 2, 2)
        frames[:, y, x] = min(100.0 + 2.0 * (high - 100.0), 65535.0)
    y, x = scene.random.integers(2, scene.size - 2, 2)
    frames[1, y, x] = min(3.0 * high, 65535.0)
    return sound_recording(scene, frames)


def defocused(seed: int) -> Planted:
    """Return a specimen of which half lies out of focus."""
    scene = draw(seed)
    blurred = torch.fft.fft2(scene.density)
    at = torch.fft.fftfreq(FINE * scene.size, dtype=torch.float64)
    blurred = blurred * torch.exp(-0.5 * (2.0 * torch.pi * 8.0) ** 2 * (at[:, None] ** 2 + at**2))
    far = torch.fft.ifft2(blurred).real.clamp(min=0.0)[::2, ::2]
    light = scene.light() + scene.photons * far / far.max()
    return sound_recording(scene, scene.counts(light.repeat(scene.times, 1, 1)))


def part_of_a_stack(seed: int) -> Planted:
    """Return a recording that ended within a stack."""
    scene = draw(seed, times=3)
    frames = scene.frames()
    return sound_recording(scene, frames[: -int(scene.random.integers(1, scene.stack))])


def jittering(seed: int) -> Planted:
    """Return a pattern whose phases drift by some degrees from stack to stack."""
    scene = draw(seed, times=3)
    stacks = []
    for time in range(3):
        angles = (
            replace(one, phases_rad=tuple(p + np.deg2rad(12.0 * time) for p in one.phases_rad))
            for one in scene.pattern.angles
        )
        stacks.append(lit(scene, angles).light())
    return sound_recording(scene, scene.counts(torch.cat(stacks)))


def coarse(seed: int) -> Planted:
    """Return pixels so large that no frequency lies beyond the cut-off."""
    optics = Optics(numerical_aperture=1.4, emission_nm=525.0, pixel_nm=92.0)
    random = np.random.default_rng(seed + 5)
    scene = draw(seed, optics=optics)
    pattern = true_pattern(random, scene.steps, optics, scene.size, 0.8)
    return sound_recording(replace(scene, pattern=pattern))


def right_damping(seed: int) -> Planted:
    """Return settings that state the true damping."""
    scene = draw(seed)
    settings = with_keys(scene, "optics", otf_damping=scene.damping)
    return replace(sound_recording(scene), settings=settings)


SOUND: Mapping[str, Callable[[int], Planted]] = {
    "none": sound,
    "faint light": faint,
    "weak fringes": weak_fringes,
    "uneven phases": uneven_phases,
    "fringes left in the mean": two_angle_mirrors,
    "moving specimen": drifting,
    "stuck pixels": stuck,
    "out of focus": defocused,
    "part of a stack": part_of_a_stack,
    "drifting phases": jittering,
    "coarse pixels": coarse,
    "right damping": right_damping,
}
"""Kinds in which there is nothing to name."""
