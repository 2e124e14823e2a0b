"""Draw simulated recordings of any specimen, layout, optics and light."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.quality.specimens import SPECIMENS
from livesim.config.settings import Camera, Optics, PatternSettings, Settings
from livesim.reconstruction.forward.model import Sensor, expected_photons
from livesim.reconstruction.otf import Otf
from livesim.values.pattern import Pattern, PatternAngle

LAYOUTS = {
    "3 x 3": PatternSettings(),
    "3 x 5": PatternSettings(phases=5),
    "3 x 5, 2 harmonics": PatternSettings(phases=5, harmonics=2),
    "2 x 3": PatternSettings(angles=2),
    "hexagonal": PatternSettings(layout="hexagonal"),
}
SHARES = (0.5, 0.14, 0.1, 0.06, 0.2)
"""Of the layouts, where a fault leaves them open."""
MICROSCOPES = (
    Optics(numerical_aperture=1.2, emission_nm=525.0, pixel_nm=80.0),
    Optics(numerical_aperture=1.4, emission_nm=525.0, pixel_nm=65.0),
    Optics(numerical_aperture=1.49, emission_nm=610.0, pixel_nm=80.0),
    Optics(numerical_aperture=1.3, emission_nm=660.0, pixel_nm=100.0),
    Optics(numerical_aperture=1.0, emission_nm=525.0, pixel_nm=108.0, refractive_index=1.33),
)
SIZES, SIZE_SHARES = (64, 96, 128, 192, 256), (0.06, 0.14, 0.4, 0.2, 0.2)
PHOTONS = (30.0, 100.0, 300.0, 1000.0, 5000.0)
"""Of the brightest pixel."""
DAMPINGS = (1.0, 0.4, 0.15)
REACH = (0.6, 0.93)
"""Of the cut-off, where the highest harmonic lies."""
FINE = 2
SEPARATE = tuple(name for name in LAYOUTS if name != "hexagonal")
"""Layouts whose angles come one after the other."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A specimen under a microscope; everything that is true of a recording."""

    random: np.random.Generator
    kind: str
    layout: str
    size: int
    photons: float
    damping: float
    times: int
    optics: Optics
    camera: Camera
    pattern: Pattern
    density: Tensor
    """[2 y, 2 x]."""
    glow: float
    """Light without fringes, of the brightest pixel."""
    emccd: bool = False

    @property
    def stack(self) -> int:
        """Frames of one raw stack."""
        return self.steps.stack_frames

    @property
    def steps(self) -> PatternSettings:
        """What is true of the layout."""
        return LAYOUTS[self.layout]

    @property
    def settings(self) -> Settings:
        """What is true of all."""
        return Settings(optics=self.optics, pattern=self.steps, camera=self.camera)

    def light(self, pattern: Pattern | None = None, density: Tensor | None = None) -> Tensor:
        """Return the expected photo-electrons of one raw stack, [frame, y, x], phase fastest."""
        true = pattern or self.pattern
        otf = Otf(self.optics.cutoff_cycles_per_um, self.damping)
        frames = expected_photons(self.density if density is None else density, true, otf)
        frames = frames.flatten(0, 1)
        return self.photons * (frames / frames.max() + self.glow)

    def counts(self, light: Tensor) -> Tensor:
        """Return what the camera makes of `light` [frame, y, x], float32."""
        generator = torch.Generator().manual_seed(int(self.random.integers(1 << 40)))
        offset, gain, noise = torch.tensor(
            [self.camera.offset, self.camera.gain, self.camera.read_noise], dtype=torch.float64
        )
        sensor = Sensor(offset, gain, noise, electron_multiplying=self.emccd)
        return sensor.counts(light, generator).float()

    def frames(self, times: int | None = None, brightness: Tensor | None = None) -> Tensor:
        """Return so many raw stacks of counts, [frame, y, x]; `brightness` is [frame]."""
        light = self.light().repeat(times or self.times, 1, 1)
        return self.counts(light if brightness is None else light * brightness[:, None, None])


def draw(seed: int, layouts: tuple[str, ...] = (), **fixed: object) -> Scene:
    """Draw a scene; `fixed` are fields of it that are not left to chance."""
    random = np.random.default_rng(seed)
    layout = str(random.choice(list(LAYOUTS), p=SHARES))
    if layouts and layout not in layouts:
        layout = layouts[int(random.integers(len(layouts)))]
    kind = list(SPECIMENS)[int(random.integers(len(SPECIMENS)))]
    size = int(random.choice(SIZES, p=SIZE_SHARES))
    optics = MICROSCOPES[int(random.integers(len(MICROSCOPES)))]
    damping = DAMPINGS[int(random.integers(len(DAMPINGS)))]
    gain = float(random.choice([0.25, 1.0, 2.2]))
    camera = Camera(offset=100.0, gain=gain, read_noise=float(random.choice([0.8, 1.5, 3.0])))
    values: dict[str, object] = {
        "random": random,
        "kind": kind,
        "layout": layout,
        "size": size,
        "photons": float(random.choice(PHOTONS)),
        "damping": damping,
        "times": int(random.integers(1, 4)),
        "optics": optics,
        "camera": camera,
        "glow": float(random.uniform(0.0, 0.2)),
        "pattern": true_pattern(random, LAYOUTS[layout], optics, size, random.uniform(0.5, 0.95)),
        "density": torch.from_numpy(SPECIMENS[kind](FINE * size, random)),
    }
    return Scene(**(values | fixed))  # type: ignore[arg-type]


def true_pattern(
    random: np.random.Generator,
    steps: PatternSettings,
    optics: Optics,
    size: int,
    modulation: float,
    uneven_deg: float = 5.0,
) -> Pattern:
    """Draw the illumination."""
    assert optics.pixel_nm is not None
    vectors, hexagonal = steps.vectors, steps.layout == "hexagonal"
    length = random.uniform(*REACH) * optics.cutoff_cycles_per_um / steps.harmonics
    first, frames = random.uniform(0.0, np.pi), steps.stack_shape[1]
    angles = []
    for number in range(vectors):
        axis = (first + number * np.pi / vectors + 0.03 * random.standard_normal()) % np.pi
        axis -= np.pi if axis > 0.5 * np.pi else 0.0
        turns = 2**number if hexagonal else 1
        phases = 2.0 * np.pi * turns / frames * np.arange(frames) + random.uniform(0.0, 2.0 * np.pi)
        phases += np.deg2rad(uneven_deg) * random.uniform(-1.0, 1.0, frames)
        own = length * random.uniform(0.98, 1.02)
        part = 0.5 if hexagonal else 1.0 if steps.harmonics == 1 else 0.85
        angles.append(
            PatternAngle(
                (own * math.cos(axis), own * math.sin(axis)),
                tuple(phases.tolist()),
                (part * modulation,) * steps.harmonics,
            )
        )
    return Pattern(optics.pixel_nm, (size, size), tuple(angles), layout=steps.layout)
