"""Simulate a dense specimen, and compare volumes of it with its truth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from livesim.config.settings import Optics, PatternSettings, Reconstruction, Settings
from livesim.reconstruction.estimate.estimation import estimate_pattern
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.reconstruction.volume.plan import axial_cutoff, make_volume_plan
from livesim.reconstruction.volume.reconstructor import VolumeReconstructor
from livesim.reconstruction.volume.stack import VolumeOptics
from livesim.values.volume_pattern import VolumePattern
from livesim_acquisition.microscope.volume_microscope import VolumeMicroscope

STEP_NM, PIXEL_NM = 125.0, 80.0
AXIAL_PHASE_DEG = 15.0
LINES_NM = 203.5


def settings(size: int, planes: int, seed: int) -> Settings:
    """Return the microscope that looks at a dense specimen."""
    return Settings.model_validate(
        {
            "optics": {
                "numerical_aperture": 1.4,
                "emission_nm": 525.0,
                "excitation_nm": 488.0,
                "refractive_index": 1.515,
                "pixel_nm": PIXEL_NM,
                "otf_damping": 0.3,
            },
            "pattern": {
                "phases": 5,
                "harmonics": 2,
                "order": ["phase", "z", "angle"],
                "sizes": {"z": planes},
            },
            "camera": {"offset": 100.0, "read_noise": 1.5},
            "simulation": {
                "specimen": ["filaments", "vesicles", "beads"],
                "size": [size, size],
                "seed": seed,
                "peak_photons": 1.0,
                "pattern": {"period_nm": 2.0 * LINES_NM},
                "vesicles": {"diameter_nm": 900.0},
                "volume": {
                    "z_step_nm": STEP_NM,
                    "beyond_um": planes * STEP_NM / 2000.0,
                    "axial_phase_deg": AXIAL_PHASE_DEG,
                },
            },
        }
    )


@dataclass(eq=False)
class Scene:
    """A dense specimen, its light and what a perfect result of it is."""

    seed: int
    size: int = 128
    planes: int = 24

    def __post_init__(self) -> None:
        chosen = settings(self.size, self.planes, self.seed)
        microscope = VolumeMicroscope(chosen)
        self.optics, self.camera, self.pattern = chosen.optics, chosen.camera, microscope.pattern
        self.known = VolumeOptics(self.optics, 488.0, PIXEL_NM, STEP_NM)
        self._light = microscope.expected.float()
        inside = slice(microscope.beyond, microscope.beyond + self.planes)
        self.truth = perfect(microscope.specimen, self.pattern, self.optics)[inside]

    def counts(self, photons: float) -> Tensor:
        """Return what the camera counts, [z, angle, phase, y, x]."""
        generator = torch.Generator().manual_seed(1000 * self.seed + int(photons))
        electrons = torch.poisson(photons * self._light, generator=generator)
        noise = self.camera.read_noise * torch.randn(electrons.shape, generator=generator)
        return ((electrons + noise).round() + self.camera.offset).clamp(0.0, 65535.0)


def perfect(specimen: Tensor, pattern: VolumePattern, optics: Optics) -> Tensor:
    """Return the specimen [layer, 2 y, 2 x] with a cosine from 0 to where no band reaches."""
    rows, columns = specimen.shape[1:]
    kz = torch.fft.fftfreq(len(specimen), d=pattern.z_step_um).double()[:, None, None]
    fine = pattern.lateral.pixel_nm / 2000.0
    fy = torch.fft.fftfreq(rows, d=fine).double()[None, :, None]
    fx = torch.fft.fftfreq(columns, d=fine).double()[None, None]
    fringes = [pattern.axial_frequency(one.k_cycles_per_um) for one in pattern.lateral.angles]
    reach_z = axial_cutoff(optics) + max(fringes)
    edge = 1.9 * optics.cutoff_cycles_per_um
    relative = torch.sqrt((fy**2 + fx**2) / edge**2 + (kz / reach_z) ** 2).clamp(max=1.0)
    spectrum = torch.fft.fft2(torch.fft.fft(specimen.double(), dim=0))
    passed = torch.cos(0.5 * torch.pi * relative)
    image: Tensor = torch.fft.ifft(torch.fft.ifft2(spectrum * passed), dim=0).real
    return image


def psnr(image: Tensor, truth: Tensor) -> float:
    """Return the peak signal-to-noise ratio in dB of the inner planes after a linear fit."""
    inner = (slice(4, -4), slice(16, -16), slice(16, -16))
    found, expected = image[inner].double().flatten(), truth[inner].flatten()
    design = torch.stack([found, torch.ones_like(found)], dim=1)
    fitted = design @ torch.linalg.lstsq(design, expected[:, None]).solution
    peak = np.quantile(expected.numpy(), 0.999)
    return 10.0 * math.log10(peak**2 / float((fitted[:, 0] - expected).square().mean()))


def widefield(counts: Tensor) -> Tensor:
    """Return the mean frame of each plane on the doubled grid."""
    mean = counts.double().mean(dim=(1, 2))
    spectrum = torch.fft.fftshift(torch.fft.fft2(mean - mean.mean()), dim=(1, 2))
    half = mean.shape[1] // 2
    padded = torch.nn.functional.pad(spectrum, (half,) * 4)
    image: Tensor = torch.fft.ifft2(torch.fft.ifftshift(padded, dim=(1, 2))).real
    return image


def plane_by_plane(scene: Scene, counts: Tensor) -> Tensor:
    """Return what livesim makes of every plane on its own."""
    steps = PatternSettings(phases=5, harmonics=2)
    found = estimate_pattern(counts, scene.optics, steps, scene.camera, PIXEL_NM)
    plan = make_plan(found, Otf.theoretical(scene.optics), scene.camera, Reconstruction())
    return Reconstructor(plan)(counts.flatten(1, 2)).image


def volume(scene: Scene, counts: Tensor, pattern: VolumePattern) -> Tensor:
    """Return the volume with livesim's default settings."""
    plan = make_volume_plan(pattern, scene.optics, scene.camera, Reconstruction())
    return VolumeReconstructor(plan)(counts)
