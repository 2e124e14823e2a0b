"""Draw the stacks that estimates are counted on: `bench.quality.estimates`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from bench.quality.specimens import FINE_NM, SPECIMENS, Draw, few_filaments
from livesim.config.settings import Camera, Optics, PatternSettings
from livesim.reconstruction.forward.model import camera_counts, expected_photons
from livesim.reconstruction.otf import Otf
from livesim.values.pattern import Pattern, PatternAngle

PIXEL_NM = 2.0 * FINE_NM
OPTICS = Optics(numerical_aperture=1.2, emission_nm=525.0, pixel_nm=PIXEL_NM)
CAMERA = Camera(offset=100.0, gain=1.0, read_noise=1.5)
LAYOUTS = {
    "3 x 3": PatternSettings(),
    "3 x 5": PatternSettings(phases=5),
    "3 x 5, 2 harmonics": PatternSettings(phases=5, harmonics=2),
    "5 x 5": PatternSettings(angles=5, phases=5),
    "hexagonal": PatternSettings(layout="hexagonal"),
}
SHARES = (0.4, 0.15, 0.1, 0.15, 0.2)
"""Of the layouts."""
UNEVEN_DEG, UNEVEN_SHARES = (0.0, 15.0, 45.0, 90.0), (0.5, 0.2, 0.15, 0.15)
DAMPINGS = (1.0, 0.4, 0.15)
WRONG_DAMPING, WRONG_SHARE = 2.5, 0.35
BLEACHED_SHARE = 0.25
REACH = (0.6, 0.95)
"""Of the cut-off, where the highest harmonic lies."""
GOOD_PHOTONS, GOOD_MODULATION = 50.0, 0.3


@dataclass(frozen=True, slots=True)
class Drawn:
    """What specimens, fields, light and fringes cases are drawn from."""

    specimens: Mapping[str, Draw]
    sizes: tuple[int, ...]
    size_shares: tuple[float, ...]
    photons: tuple[float, ...]
    """Of the brightest pixel."""
    modulations: tuple[float, ...]


USUAL = Drawn(
    SPECIMENS,
    (64, 96, 128, 192, 256, 512),
    (0.12, 0.08, 0.38, 0.1, 0.28, 0.04),
    (5.0, 20.0, 50.0, 200.0, 1000.0, 5000.0),
    (0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0),
)
FEW = Drawn(
    {"few filaments": few_filaments},
    (64, 96, 128),
    (0.4, 0.4, 0.2),
    (200.0, 2000.0, 20000.0),
    (0.3, 0.7, 1.0),
)
"""Two to four filaments alone in a small field: their fringes look alike at some wave vectors."""
_DRAWS = {**USUAL.specimens, **FEW.specimens}


@dataclass(frozen=True, slots=True)
class Case:
    """What one stack is simulated with."""

    number: int
    seed: int
    kind: str
    layout: str
    size: int
    photons: float
    modulation: float
    uneven_deg: float
    damping: float
    believed: float
    """The damping that the settings state."""
    bleached: bool
    hot: int = 0
    """Pixels of the stack that are stuck."""

    @property
    def good(self) -> bool:
        """Whether the light and the fringes are strong enough to be found without excuse."""
        return self.photons >= GOOD_PHOTONS and self.own_modulation >= GOOD_MODULATION

    @property
    def own_modulation(self) -> float:
        """Of every order: those that share the light have less."""
        settings = LAYOUTS[self.layout]
        if settings.layout == "hexagonal":
            return 0.5 * self.modulation
        return self.modulation if settings.harmonics == 1 else 0.85 * self.modulation


def cases(count: int, seed: int, hot: int = 0, drawn: Drawn = USUAL) -> list[Case]:
    """Draw the cases of a table, with so many pixels of each stack stuck."""
    random = np.random.default_rng(seed)
    kinds, found = list(drawn.specimens), []
    for number in range(count):
        damping = DAMPINGS[int(random.integers(len(DAMPINGS)))]
        factor = WRONG_DAMPING if random.random() < 0.5 else 1.0 / WRONG_DAMPING
        wrong = min(damping * factor, 1.0) if random.random() < WRONG_SHARE else damping
        found.append(
            Case(
                number=number,
                seed=1000 * seed + number,
                kind=kinds[number % len(kinds)],
                layout=str(random.choice(list(LAYOUTS), p=SHARES)),
                size=int(random.choice(drawn.sizes, p=drawn.size_shares)),
                photons=float(random.choice(drawn.photons)),
                modulation=float(random.choice(drawn.modulations)),
                uneven_deg=float(random.choice(UNEVEN_DEG, p=UNEVEN_SHARES)),
                damping=damping,
                believed=wrong,
                bleached=bool(random.random() < BLEACHED_SHARE),
                hot=hot,
            )
        )
    return found


def true_pattern(case: Case, random: np.random.Generator) -> Pattern:
    """Draw the illumination of a case."""
    settings = LAYOUTS[case.layout]
    vectors, frames = settings.vectors, settings.stack_frames
    length = random.uniform(*REACH) * OPTICS.cutoff_cycles_per_um / settings.harmonics
    first = random.uniform(0.0, np.pi)
    left = np.linspace(1.0, 0.5, frames) if case.bleached else np.ones(frames)
    angles = []
    for number in range(vectors):
        axis = (first + number * np.pi / vectors + 0.03 * random.standard_normal()) % np.pi
        axis -= np.pi if axis > 0.5 * np.pi else 0.0
        own = length * random.uniform(0.97, 1.03)
        phases = random.uniform(0.0, 2.0 * np.pi) + _ladder(settings, number)
        phases += np.deg2rad(random.uniform(-1.0, 1.0, len(phases)) * case.uneven_deg)
        of_angle = slice(0, frames) if settings.layout == "hexagonal" else None
        of_angle = of_angle or slice(number * len(phases), (number + 1) * len(phases))
        angles.append(
            PatternAngle(
                (own * math.cos(axis), own * math.sin(axis)),
                tuple(phases.tolist()),
                (case.own_modulation,) * settings.harmonics,
                intensity=tuple(left[of_angle].tolist()),
            )
        )
    shape = (case.size, case.size)
    return Pattern(PIXEL_NM, shape, tuple(angles), layout=settings.layout)


def _ladder(settings: PatternSettings, vector: int) -> np.ndarray:
    frames = settings.stack_shape[1]
    turns = 2**vector if settings.layout == "hexagonal" else 1
    return 2.0 * np.pi * turns / frames * np.arange(frames)


def counts_of(case: Case) -> tuple[torch.Tensor, Pattern, torch.Tensor]:
    """Return the counts [1, angle, phase, y, x] of a case, its pattern and its specimen."""
    random = np.random.default_rng(case.seed)
    pattern = true_pattern(case, random)
    density = torch.from_numpy(_DRAWS[case.kind](2 * case.size, random))
    light = expected_photons(density, pattern, Otf(OPTICS.cutoff_cycles_per_um, case.damping))
    brightness = torch.tensor([angle.intensity for angle in pattern.angles][: len(light)])
    light = light / light.max() + random.uniform(0.0, 0.2) * brightness[..., None, None]
    generator = torch.Generator().manual_seed(case.seed)
    counts = camera_counts(case.photons * light, CAMERA, generator)
    for _ in range(case.hot):
        y, x = random.integers(0, case.size, 2)
        counts[..., y, x] = int(100 + 20 * case.photons)
    return counts[None], pattern, density[::2, ::2]
