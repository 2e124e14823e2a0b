"""Take one volume in much light, thin its photons, restore it, and compare."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import process_time

import numpy as np
import torch
from skimage.metrics import structural_similarity
from torch import Tensor

from bench.quality.volumes.scene import settings, widefield
from bench.quality.volumes_networks.specimens import KINDS
from bench.report import Row
from livesim.config.settings import Reconstruction, Settings
from livesim.pipeline.volume.networks import (
    VolumeNetworks,
    load_volume_networks,
    why_no_networks,
)
from livesim.pipeline.volume.restorer import RestoredVolume, VolumeRestorer
from livesim.reconstruction.forward.pupil import Pupil
from livesim.reconstruction.volume.estimate import (
    estimate_volume_pattern,
    volume_noise_to_signal,
)
from livesim.reconstruction.volume.forward import expected_volume
from livesim.reconstruction.volume.plan import VolumePlan, make_volume_plan
from livesim.reconstruction.volume.reconstructor import VolumeReconstructor
from livesim.reconstruction.volume.stack import VolumeOptics
from livesim.values.volume_pattern import VolumePattern
from livesim_acquisition.microscope.volume_microscope import VolumeMicroscope
from livesim_models.data.volumes.scenery import Grid
from livesim_models.data.volumes.truth import perfect_volume

THINNED = 20
PHOTONS = (200.0, 1000.0, 4000.0)
"""Of the full light, in turn."""
SIZE, PLANES, BEYOND = 64, 16, 6
WRONG_DAMPING = 1.5
_INSIDE = (slice(3, -3), slice(12, -12), slice(12, -12))
WIDEFIELD, PLAIN, FIXED = "widefield", "plain", "plain, Wiener 0.05"
"""The last one as the prototype was measured whose figures the bars were set against."""
_FIXED = 0.05
SHOWN = ", shown"
"""Ends the name of a stage of which as much is shown as the photons support."""
NOT_RUN = "not run"
"""Of volumes in which too few fringes are found: there livesim shows the plain volume."""


@dataclass(frozen=True, eq=False)
class Restored:
    """All images of one volume, [z, 2 y, 2 x] each."""

    images: dict[str, Tensor]
    """By stage, of the thinned light."""
    full: Tensor
    """The plain volume in full light."""
    truth: Tensor
    made: dict[str, RestoredVolume]
    """By the names of the networks."""
    words: dict[str, str]
    """Likewise, the verdict."""
    seconds: dict[str, float]
    """Likewise, of a processor, and those of the plain volume."""


def networks_named(one: str, two: str) -> VolumeNetworks:
    """Return networks for volumes, shipped or in files."""
    own = settings(SIZE, PLANES, 0)
    steps = own.steps.model_copy(update={"one": one, "two": two})
    networks = load_volume_networks(own.model_copy(update={"steps": steps}))
    assert networks is not None
    return networks


def restored(
    networks: Mapping[str, VolumeNetworks],
    kind: str,
    number: int,
    photons: float,
    beyond: int = BEYOND,
) -> Restored:
    """Return one volume of a kind; of every second one the damping is believed wrong by half.

    Parameters
    ----------
    networks
        By name; each name becomes two stages, the networks alone and what is shown of them.
    beyond
        Layers of the specimen before the first plane, and behind the last.
    """
    taken = _taken(kind, number, photons, beyond)
    counts, found, believed = taken.low, taken.pattern, taken.believed
    plan = _plan(found, believed)
    make = VolumeReconstructor(plan)
    began = process_time()
    begun = make.begin()
    seen = torch.stack([make.add(begun, z, plane) for z, plane in enumerate(counts)])
    spectrum = make.spectrum(begun).clone()
    plain = make.image(spectrum)
    seconds, made, words = {PLAIN: process_time() - began}, {}, {}
    images = {WIDEFIELD: widefield(counts), PLAIN: plain}
    fixed = make_volume_plan(found, believed.optics, believed.camera, Reconstruction(wiener=_FIXED))
    images[FIXED] = VolumeReconstructor(fixed)(counts)
    for name, own in networks.items():
        restore = VolumeRestorer(plan, found.pattern, believed, own)
        began = process_time()
        made[name] = restore(spectrum, seen, counts.__getitem__)
        seconds[name] = process_time() - began
        words[name] = restore.trust(made[name]).verdict.word.value
        if why_no_networks(found.pattern, own):
            made[name], words[name] = replace(made[name], image=plain, shown=0.0), NOT_RUN
        images |= {name: made[name].network, name + SHOWN: made[name].image}
    return Restored(images, taken.full, taken.truth, made, words, seconds)


@dataclass(frozen=True, eq=False)
class _Taken:
    """One volume in little light, and what is known of it."""

    low: Tensor
    """[z, angle, phase, y, x] counts."""
    full: Tensor
    truth: Tensor
    pattern: VolumePattern
    """As found in the full light, with the noise of the little."""
    believed: Settings


def _taken(kind: str, number: int, photons: float, beyond: int) -> _Taken:
    random = np.random.default_rng((78, sorted(KINDS).index(kind), number))
    own = settings(SIZE, PLANES, number)
    wrong = own.optics.otf_damping * (1.0, WRONG_DAMPING, 1.0, 1.0 / WRONG_DAMPING)[number % 4]
    believed = _with_damping(own, wrong)
    pattern = VolumeMicroscope(_turned(own, random)).pattern
    grid = Grid((PLANES + 2 * beyond, 2 * SIZE, 2 * SIZE), pattern.z_step_nm, 40.0)
    density = torch.from_numpy(KINDS[kind](grid, random)).double()
    light = expected_volume(density, pattern, Pupil(own.optics), first=beyond)
    scale = photons / float(light.mean(dim=(1, 2)).max())
    generator = torch.Generator().manual_seed(1000 * number + int(photons))
    electrons = torch.poisson(scale * light, generator=generator)
    low = torch.binomial(electrons, torch.full_like(electrons, 1.0 / THINNED), generator=generator)
    counts = [_counted(one, own, generator) for one in (electrons, low)]
    known = VolumeOptics(believed.optics, 488.0, pattern.lateral.pixel_nm, pattern.z_step_nm)
    found = estimate_volume_pattern(counts[0], known, own.camera)
    full = VolumeReconstructor(_plan(found, believed))(counts[0])
    dim = (counts[1] - own.camera.offset).mean(dim=(1, 2)) / own.camera.gain
    truth = perfect_volume(density, pattern, own.optics)[beyond : beyond + PLANES]
    noise = volume_noise_to_signal(dim, known, 3)
    return _Taken(counts[1], full, truth, found.with_noise(noise), believed)


def measured(found: Restored) -> Row:
    """Return PSNR and SSIM of every stage against full light and truth, and what is said."""
    row: Row = {"full light, truth, dB": likeness(found.full, found.truth)[0]}
    for name, reference in (("full", found.full), ("truth", found.truth)):
        for stage, image in found.images.items():
            psnr, ssim = likeness(image, reference)
            row[f"{stage}, {name}, dB"], row[f"{stage}, {name}, SSIM"] = psnr, ssim
    for name, seconds in found.seconds.items():
        row[f"{name}, s"] = seconds
    for name, made in found.made.items():
        said = _said(made, found.truth) | {"word": found.words[name], "shown": made.shown}
        row |= {f"{name}, {what}": value for what, value in said.items()}
    return row


def _said(made: RestoredVolume, truth: Tensor) -> Row:
    """Compare the error that is said of what is shown with the one that it has."""
    image, wanted, said = (one[_INSIDE].double().numpy() for one in (made.image, truth, made.error))
    slope, offset = np.polyfit(wanted.ravel(), image.ravel(), 1)
    off = image - slope * wanted - offset
    return {
        "error said / found": float(np.sqrt(np.square(said).mean() / np.square(off).mean())),
        "within 2 errors": float((np.abs(off) < 2.0 * said).mean()),
        "correlation": float(np.corrcoef(image.ravel(), wanted.ravel())[0, 1]),
    }


def likeness(image: Tensor, reference: Tensor) -> tuple[float, float]:
    """Return PSNR in dB and SSIM of the inner planes after a linear fit; the peak is the range."""
    values, expected = (one[_INSIDE].double().numpy() for one in (image, reference))
    slope, offset = np.polyfit(values.ravel(), expected.ravel(), 1)
    fitted = slope * values + offset
    span = float(np.quantile(expected, 0.999) - np.quantile(expected, 0.001))
    off = float(np.square(fitted - expected).mean())
    planes = [
        structural_similarity(
            one, other, data_range=span, gaussian_weights=True, use_sample_covariance=False
        )
        for one, other in zip(fitted, expected, strict=True)
    ]
    return 10.0 * math.log10(span**2 / off), float(np.mean(planes))


def _counted(electrons: Tensor, own: Settings, generator: torch.Generator) -> Tensor:
    """Return what the camera counts, [z, angle, phase, y, x]."""
    noise = own.camera.read_noise * torch.randn(electrons.shape, generator=generator)
    return ((electrons + noise).round() + own.camera.offset).clamp(0.0, 65535.0).float()


def _plan(pattern: VolumePattern, own: Settings) -> VolumePlan:
    return make_volume_plan(pattern, own.optics, own.camera, Reconstruction())


def _with_damping(own: Settings, damping: float) -> Settings:
    optics = own.optics.model_copy(update={"otf_damping": min(1.0, damping)})
    return own.model_copy(update={"optics": optics})


def _turned(own: Settings, random: np.random.Generator) -> Settings:
    """Return settings whose pattern points elsewhere, with an axial phase of its own."""
    assert own.simulation is not None
    assert own.simulation.volume is not None
    first = float(random.uniform(0.0, 60.0))
    directions = tuple(first + 60.0 * n for n in range(3))
    pattern = own.simulation.pattern.model_copy(update={"directions_deg": directions})
    phase = (float(random.uniform(-40.0, 40.0)),)
    volume = own.simulation.volume.model_copy(update={"axial_phase_deg": phase})
    chosen = own.simulation.model_copy(update={"pattern": pattern, "volume": volume})
    return own.model_copy(update={"simulation": chosen})
