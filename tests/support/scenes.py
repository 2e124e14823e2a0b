"""Simulate raw stacks, with everything that is true of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tomli_w
import torch
from torch import Tensor

from livesim.config.settings import Camera, Optics, PatternSettings, Settings, Steps
from livesim.reconstruction.forward.model import camera_counts, expected_photons
from livesim.reconstruction.otf import Otf
from livesim.values.frames import RawStack, StackIndex
from livesim.values.pattern import Pattern, PatternAngle
from livesim_acquisition.specimens.filaments import Filaments

OPTICS = Optics(numerical_aperture=1.2, emission_nm=525.0, pixel_nm=80.0, otf_damping=1.0)
CAMERA = Camera(offset=100.0, gain=1.0, read_noise=1.5)
PLAIN = Steps(one="none", two="none")
PAIR = Steps(one="pair", two="pair")
"""For tests of the reconstruction itself, which compare pixels or know the truth of them."""
BACKGROUND = 0.05
"""Out-of-focus light without pattern, of the peak."""


def settings_text(*, networks: bool = True, **tables: dict[str, Any]) -> str:
    """Return a settings file of the microscope that all scenes have, with further tables."""
    own = {"optics": OPTICS, "camera": CAMERA} | ({} if networks else {"steps": PLAIN})
    values = {name: table.model_dump(mode="json", exclude_none=True) for name, table in own.items()}
    return tomli_w.dumps(values | tables)


@dataclass(frozen=True, eq=False)
class Scene:
    """A simulated recording."""

    optics: Optics
    camera: Camera
    settings: PatternSettings
    pattern: Pattern
    """The true one."""
    truth: Tensor
    """[2 y, 2 x] photo-electrons per raw pixel in uniform light, background not included."""
    expected: Tensor
    """[angle, phase, y, x] mean photo-electrons."""
    counts: Tensor
    """[time, angle, phase, y, x] uint16."""

    @property
    def otf(self) -> Otf:
        return Otf.theoretical(self.optics)

    @property
    def frames(self) -> np.ndarray:
        """[frame, y, x] uint16 in the order of acquisition."""
        return self.counts.flatten(0, 2).numpy().astype(np.uint16)

    @property
    def stack(self) -> RawStack:
        """The first raw stack."""
        return RawStack(stream="s", index=StackIndex(), pixels=self.counts[0].numpy())

    def described(self, **tables: Any) -> Settings:
        """Return settings as they are true, with further tables or others."""
        own = {"optics": self.optics, "camera": self.camera, "pattern": self.settings}
        return Settings(**(own | tables))


def random_pattern(
    seed: int,
    shape: tuple[int, int],
    settings: PatternSettings,
    optics: Optics = OPTICS,
    *,
    reach: float = 0.9,
    phase_error_deg: float = 0.0,
) -> Pattern:
    """Return a pattern whose highest harmonic lies at `reach` of the optical cut-off."""
    random = np.random.default_rng(seed)
    vectors = 3 if settings.layout == "hexagonal" else settings.angles
    k = reach * optics.cutoff_cycles_per_um / settings.harmonics
    first = random.uniform(0.0, np.pi)
    angles = []
    for number in range(vectors):
        direction = first + number * np.pi / vectors
        kx, ky = k * math.cos(direction), k * math.sin(direction)
        sign = -1.0 if kx < 0 else 1.0
        phases = random.uniform(0.0, 2 * np.pi) + _ladder(settings, number)
        phases += np.deg2rad(random.uniform(-1.0, 1.0, len(phases)) * phase_error_deg)
        modulation = tuple(random.uniform(0.75, 0.85, settings.harmonics).tolist())
        if settings.layout == "hexagonal":
            modulation = (modulation[0] / 2.0,)  # three patterns share the light
        angles.append(PatternAngle((sign * kx, sign * ky), tuple(phases.tolist()), modulation))
    assert optics.pixel_nm is not None
    return Pattern(optics.pixel_nm, shape, tuple(angles), layout=settings.layout)


def _ladder(settings: PatternSettings, vector: int) -> np.ndarray:
    """Return equal steps; of seven hexagonal frames, 1, 2 and 4 sevenths of a turn."""
    frames = settings.stack_shape[1]
    turns = 2**vector if settings.layout == "hexagonal" else 1
    return 2.0 * np.pi * turns / frames * np.arange(frames)


def mean_photons(specimen: Tensor, pattern: Pattern, otf: Otf) -> Tensor:
    """Return the expected frames [angle, phase, y, x]."""
    return expected_photons(specimen, pattern, otf)


def _brightness(pattern: Pattern) -> Tensor:
    """Return the relative brightness of every frame, [angle, phase]."""
    return torch.tensor(
        [angle.intensity or (1.0,) * len(angle.phases_rad) for angle in pattern.angles],
        dtype=torch.float64,
    )


def simulate(
    seed: int,
    shape: tuple[int, int] = (256, 256),
    peak: float = 1000.0,
    *,
    settings: PatternSettings | None = None,
    optics: Optics = OPTICS,
    camera: Camera = CAMERA,
    pattern: Pattern | None = None,
    times: int = 1,
    phase_error_deg: float = 0.0,
) -> Scene:
    """Return filaments under a pattern whose brightest pixel expects `peak` photo-electrons."""
    settings = settings or PatternSettings()
    pattern = pattern or random_pattern(
        seed, shape, settings, optics, phase_error_deg=phase_error_deg
    )
    otf = Otf.theoretical(optics)
    fine = (2 * shape[0], 2 * shape[1])
    count = max(round(30 * shape[0] * shape[1] / 256**2), 3)
    density = Filaments(fine, pattern.pixel_nm / 2.0, count=count, seed=seed).density()
    specimen = torch.from_numpy(density).double()
    light = mean_photons(specimen, pattern, otf)
    scale = peak / float(light.max())
    expected = light * scale + BACKGROUND * peak * _brightness(pattern)[: len(light), :, None, None]
    generator = torch.Generator().manual_seed(seed)
    counts = torch.stack([camera_counts(expected, camera, generator) for _ in range(times)])
    return Scene(optics, camera, settings, pattern, specimen * scale, expected, counts)


def pattern_errors(
    found: Sequence[PatternAngle], true: Pattern
) -> list[tuple[float, float, float]]:
    """Return per angle the errors of k (spectral pixels), phases (rms deg) and modulation (worst).

    Phases are compared at the centre of the field: where k errs by a few thousandths of a pixel,
    they turn by a degree towards the corners, and pixel (0, 0) is one.
    """
    pixel = true.pixel_nm / 1000.0
    centre = np.array([(n - 1) / 2.0 * pixel for n in true.shape[::-1]])
    lengths = np.array([n * pixel for n in true.shape[::-1]])
    errors = []
    for one, other in zip(_matched(found, true.angles), true.angles, strict=True):
        off = np.subtract(one.k_cycles_per_um, other.k_cycles_per_um)
        turn = np.subtract(one.phases_rad, other.phases_rad) + 2 * np.pi * off @ centre
        turn = np.rad2deg((turn + np.pi) % (2 * np.pi) - np.pi)
        modulation = np.abs(np.subtract(one.modulation, other.modulation)).max()
        phase = float(np.sqrt(np.mean(turn**2)))
        errors.append((float(np.hypot(*(off * lengths))), phase, float(modulation)))
    return errors


def _matched(found: Sequence[PatternAngle], true: Sequence[PatternAngle]) -> list[PatternAngle]:
    """Return for every true angle the found one that is nearest; hexagonal ones have no order."""
    return [min(found, key=lambda f: math.dist(f.k_cycles_per_um, t.k_cycles_per_um)) for t in true]
