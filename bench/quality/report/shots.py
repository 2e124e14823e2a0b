"""Make raw stacks like the report's: one microscope, two structures, full light and a twentieth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from livesim.config.settings import Camera, Optics, Reconstruction, Settings, parse_settings
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.values.pattern import Pattern
from livesim_acquisition.microscope.microscope import SimulatedMicroscope

MICROTUBULES, ER = "microtubules", "ER"
DRAWN: Mapping[str, tuple[str, float]] = {
    MICROTUBULES: ("filaments", 561.0),
    ER: ("network", 488.0),
}
"""What the report imaged -> what is drawn instead, and its wavelength in nm (its Table 1)."""
PERIOD_NM = 376.0
"""For which fairSIM's automatic cut-offs are 1.59 and 1.68, as in its Table 1."""
SIZE = 128
"""Raw pixels; the report's images have 512."""
LIGHT, THINNED = 400.0, 20.0
"""Photo-electrons at the brightest raw pixel in full light, and how much less the low images have;
the report states the second alone."""
REPORT = Reconstruction(preset="report")


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One field in full light and in a twentieth of it."""

    kind: str
    number: int
    high: Tensor
    """[frame, y, x] photo-electrons."""
    low: Tensor
    """As the report draws it: Poisson numbers about a twentieth of the noisy image."""
    pattern: Pattern
    settings: Settings

    def image(self, frames: Tensor) -> Tensor:
        """Return what the report's preset makes of frames [frame, y, x] of any scale."""
        return _reconstructor(self.pattern, self.settings.optics)(frames[None]).image[0].clone()


def shot(kind: str, number: int) -> Shot:
    """Return a field of a kind; every number is another one."""
    settings = _settings(kind, number)
    stack = SimulatedMicroscope(settings).stack(0)
    generator = torch.Generator().manual_seed(number)
    high = torch.poisson(torch.from_numpy(stack.expected), generator=generator)
    low = torch.poisson(high / THINNED, generator=generator)
    return Shot(kind, number, high, low, stack.pattern, settings)


def _settings(kind: str, number: int) -> Settings:
    drawn, wavelength = DRAWN[kind]
    random = np.random.default_rng((41, list(DRAWN).index(kind), number))

    def between(low: float, high: float) -> float:
        return float(np.exp(random.uniform(np.log(low), np.log(high))))

    values = {
        "optics": {
            "numerical_aperture": 1.1,
            "emission_nm": wavelength,
            "pixel_nm": 107.0,
            "otf_damping": 0.15,
        },
        "simulation": {
            "specimen": [drawn],
            "size": [SIZE, SIZE],
            "peak_photons": LIGHT,
            "seed": int(random.integers(2**31)),
            "background": {"uniform": 0.05},
            "pattern": {
                "period_nm": PERIOD_NM,
                "directions_deg": [12.0, 72.0, 132.0],
                "modulation": 0.8,
            },
            "filaments": {"persistence_um": between(2.0, 20.0), "length_um": between(4.0, 30.0)},
            "network": {"mesh_um": between(0.7, 2.0), "sheets": float(random.uniform(0.0, 0.15))},
        },
    }
    return parse_settings(values, "the report's microscope")


@lru_cache(maxsize=4)
def _reconstructor(pattern: Pattern, optics: Optics) -> Reconstructor:
    """Return the preset's reconstruction of frames in any unit, its pattern known."""
    return Reconstructor(make_plan(pattern, Otf.theoretical(optics), Camera(), REPORT))
