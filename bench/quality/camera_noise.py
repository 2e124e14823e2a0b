"""Hold the measured noise of cameras against the true one: `python -m bench.quality.camera_noise`.

Every recording has its own camera, optics, pixels, specimen, light and field; no threshold of the
measurement was set on them. With LIVESIM_DATA naming the folder of real recordings, these too, as
they are and changed by what programs do to frames before they are saved.
"""

from __future__ import annotations

import argparse
import io
import itertools
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import skimage.restoration
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from torch import Tensor

from bench.quality.arbitration import PHOTOGRAPHS, specimen
from bench.quality.real import real_recordings
from bench.report import Row, report, show
from livesim.config.settings import Camera, Optics, PatternSettings, Settings
from livesim.io.camera_map import CameraMap
from livesim.reconstruction.camera_noise import (
    CameraNoise,
    NoiseUnknownError,
    measure_camera_noise,
)
from livesim.reconstruction.doctor.examine import examine, in_order, middle
from livesim.reconstruction.forward.sensor import Sensor
from livesim.reconstruction.grid import frequency_axes
from livesim.reconstruction.noise_model import NoiseModel, believed_noise, settings_noise
from livesim.reconstruction.otf import Otf
from livesim.values.finding import Fault, Finding
from livesim_acquisition.specimens.filaments import Filaments
from tests.support.scenes import mean_photons, random_pattern

Frames = NDArray[np.float64]
CAMERAS = ("sCMOS", "sCMOS, uneven", "EMCCD", "CCD", "8 bits")
SPECIMENS = ("dense", "sparse", "beads", "fractal noise", *PHOTOGRAPHS)
SIZES = (64, 96, 128, 256, 512)
LIGHTS = (2.0, 10.0, 50.0, 300.0, 5000.0)
"""Photo-electrons at the brightest pixel."""
HOT = 1e-3
"""Share of hot pixels in every second recording."""
PLANTED = ("none", "gain x 1.3", "gain x 2", "gain / 2", "offset + 100", "offset - 100")
GOOD = 0.1
GAINS = (0.1, 0.3, 1.0, 3.0, 10.0)
FIGURES = {"gain off %": 100.0, "offset off": 1.0, "read noise off": 1.0}
FIGURE_LIGHTS = (50.0, 500.0)
"""Of which gain, offset and read noise are compared one by one."""
LARGEST_CHANGED = 256
"""Raw pixels: denoising takes its time."""
MATTERS = 1.26
NUMBERS = ("gain", "error", "offset", "ripple", "dark", "bright")
HARMLESS = (0.7, 1.4)
"""Measured variance over that within the cut-off: arbitration stands it."""


@dataclass(frozen=True, eq=False)
class Recorded:
    """A simulated recording with all that is true of its noise."""

    frames: Tensor
    """[frame, y, x] counts."""
    photons: Tensor
    """[frame, y, x] mean photo-electrons."""
    variance: Tensor
    """[frame, y, x] of the photo-electrons, the mean over like pixels of the sensor."""
    camera: Camera
    """The true one; the noise of an EMCCD is twice what it says."""
    optics: Optics
    kind: str
    specimen: str
    light: float

    @property
    def pixel_um(self) -> float:
        """Raw pixel in the specimen."""
        return float(self.optics.pixel_nm or 0.0) / 1000.0


def recorded(seed: int) -> Recorded:
    """Return a recording that follows from a seed."""
    random = np.random.default_rng(seed)
    kind, what = CAMERAS[seed % len(CAMERAS)], str(random.choice(SPECIMENS))
    size, light = int(random.choice(SIZES)), float(random.choice(LIGHTS))
    optics = Optics(
        numerical_aperture=float(random.choice([0.7, 0.95, 1.2, 1.4, 1.49])),
        emission_nm=float(random.uniform(500.0, 680.0)),
        pixel_nm=float(random.uniform(40.0, 110.0)),
    )
    there = _specimen(what, size, optics, random)
    pattern = random_pattern(seed, (size, size), PatternSettings(), optics, reach=0.85)
    mean = mean_photons(there, pattern, Otf.theoretical(optics)).flatten(0, 1).clamp(min=0.0)
    mean = mean / mean.max() + float(random.uniform(0.01, 0.3))
    fading = float(random.choice([1.0, 0.95, 0.8])) ** (torch.arange(9.0) / 9.0)
    mean = light * mean / mean.max() * fading[:, None, None]
    camera, sensor = _camera(kind, light, size, random)
    counts = sensor.counts(mean, torch.Generator().manual_seed(seed)).float()
    if seed % 2:
        counts = _with_hot_pixels(counts, sensor, random)
    variance = _variance(mean, sensor)
    return Recorded(counts, mean, variance, camera, optics, kind, what, light)


def _specimen(what: str, size: int, optics: Optics, random: np.random.Generator) -> Tensor:
    """Return an object [2 size, 2 size]."""
    fine, pixel = 2 * size, float(optics.pixel_nm or 0.0) / 2.0
    if what in ("dense", "sparse"):
        count = max(round((60 if what == "dense" else 6) * size**2 / 256**2), 2)
        made = Filaments((fine, fine), pixel, count=count, seed=int(random.integers(1 << 30)))
        return torch.from_numpy(made.density()).double()
    if what == "beads":
        there = np.zeros((fine, fine))
        at = random.integers(0, fine, (2, max(round(200 * size**2 / 256**2), 5)))
        there[at[0], at[1]] = random.uniform(0.3, 1.0, at.shape[1])
        return torch.from_numpy(there)
    return torch.from_numpy(np.array(specimen(what, fine, random))).double()


def _camera(
    kind: str, light: float, size: int, random: np.random.Generator
) -> tuple[Camera, Sensor]:
    """Return a camera that holds the light, and its sensor."""
    if kind == "EMCCD":
        gain = min(float(random.choice([30.0, 300.0])), 40000.0 / light)
        camera = Camera(offset=500.0, gain=gain, read_noise=50.0 / max(gain, 50.0))
        return camera, replace(Sensor.of(camera), electron_multiplying=True)
    if kind == "8 bits":
        camera = Camera(offset=20.0, gain=min(180.0 / light, 4.0), read_noise=1.5)
        return camera, replace(Sensor.of(camera), bits=8)
    if kind == "CCD":
        camera = Camera(offset=300.0, gain=0.5, read_noise=6.0)
        return camera, Sensor.of(camera)
    camera = Camera(offset=100.0, gain=2.0, read_noise=1.2)
    offsets, gains = (8.0, 0.03) if kind == "sCMOS, uneven" else (2.0, 0.008)
    seed = int(random.integers(1 << 30))
    return camera, Sensor.scmos(
        camera, (size, size), seed, offset_spread=offsets, gain_spread=gains
    )


def _with_hot_pixels(counts: Tensor, sensor: Sensor, random: np.random.Generator) -> Tensor:
    """Return the counts with hot pixels, half of them flickering."""
    hot = torch.from_numpy(random.random(counts.shape[1:]) < HOT)
    flicker = torch.from_numpy(random.random(counts.shape) < 0.5)
    steady = torch.from_numpy(random.random(counts.shape[1:]) < 0.5)
    height = 0.3 * (float(counts.max()) - float(counts.min())) + 20.0
    warm = counts + height * (hot & (flicker | steady))
    return warm.clamp(max=float(sensor.most_counts))


def _variance(mean: Tensor, sensor: Sensor) -> Tensor:
    """Return the true variance with the sensor's mean read noise."""
    even = replace(
        sensor,
        gain=sensor.gain.mean(),
        offset=sensor.offset.mean(),
        read_noise=sensor.read_noise.square().mean().sqrt(),
    )
    return even.variance(mean)


def compared(model: NoiseModel, one: Recorded, camera: Camera) -> tuple[float, float]:
    """Return believed over true variance: of the typical and of the worst twentieth of pixels.

    `camera` is the one with which the model counts photo-electrons.
    """
    counts = one.photons * one.camera.gain + one.camera.offset
    light = (counts - camera.offset) / camera.gain
    true = one.variance * (one.camera.gain / camera.gain) ** 2
    ratio = (model.variance(light) / true).flatten()
    low, middle, high = np.quantile(ratio.numpy(), [0.05, 0.5, 0.95]).tolist()
    return middle, high if abs(np.log(high)) > abs(np.log(low)) else low


def simulated(seeds: range) -> list[Row]:
    """Return for every recording what was believed of its noise."""
    rows: list[Row] = []
    for seed in seeds:
        one = recorded(seed)
        cutoff = one.optics.cutoff_cycles_per_um
        model = believed_noise(one.frames, one.camera, one.pixel_um, cutoff)
        middle, worst = compared(model, one, one.camera)
        blind, _ = compared(settings_noise(one.camera), one, one.camera)
        rows.append(
            {
                "seed": seed,
                "camera": one.kind,
                "specimen": one.specimen,
                "light": one.light,
                "size": one.frames.shape[-1],
                "cutoff": cutoff * one.pixel_um,
                "measured": model.measured,
                "correlated": model.refusal is not None,
                "ratio": middle,
                "worst": worst,
                "settings": blind,
                "words": model.words,
            }
        )
    return rows


def summary(rows: list[Row]) -> Row:
    """Return shares and medians of some recordings."""
    told = [row for row in rows if row["measured"]]
    ratios, worst, blind = (
        np.array([row[name] for row in told]) for name in ("ratio", "worst", "settings")
    )
    return {
        "recordings": len(rows),
        "measured": len(told),
        "called correlated": sum(row["correlated"] for row in rows),
        "median ratio": float(np.median(ratios)) if told else None,
        "within 10 %": _share(np.abs(ratios - 1.0) < GOOD),
        "within 20 %": _share(np.abs(ratios - 1.0) < 2.0 * GOOD),
        "darkest or brightest within 20 %": _share(np.abs(worst - 1.0) < 2.0 * GOOD),
        "least": float(ratios.min()) if told else None,
        "most": float(ratios.max()) if told else None,
        "true settings within 10 %": _share(np.abs(blind - 1.0) < GOOD),
    }


def _share(good: NDArray[np.bool_]) -> str:
    return f"{int(good.sum())}/{len(good)}"


def by(rows: list[Row], name: str) -> list[Row]:
    """Return the summaries of all recordings that are alike in one thing."""
    values = sorted({row[name] for row in rows}, key=lambda one: (isinstance(one, str), one))
    return [{name: v} | summary([row for row in rows if row[name] == v]) for v in values]


CHANGES: dict[str, Callable[[Frames], Frames]] = {
    "shifted by 0.1, bilinear": lambda x: ndimage.shift(x, (0, 0, 0.1), order=1, mode="nearest"),
    "shifted by 0.5, bilinear": lambda x: ndimage.shift(x, (0, 0.5, 0.5), order=1, mode="nearest"),
    "shifted by 0.3, cubic": lambda x: ndimage.shift(x, (0, 0.3, 0.3), order=3, mode="nearest"),
    "turned by 3 degrees, bilinear": lambda x: _turned(x, 1),
    "turned by 3 degrees, cubic": lambda x: _turned(x, 3),
    "scaled to 0.8, bilinear": lambda x: ndimage.zoom(x, (1, 0.8, 0.8), order=1),
    "scaled to 1.3, cubic": lambda x: ndimage.zoom(x, (1, 1.3, 1.3), order=3),
    "Gaussian, sigma 0.4": lambda x: ndimage.gaussian_filter(x, (0, 0.4, 0.4)),
    "Gaussian, sigma 0.7": lambda x: ndimage.gaussian_filter(x, (0, 0.7, 0.7)),
    "median, 3 x 3": lambda x: ndimage.median_filter(x, (1, 3, 3)),
    "JPEG, quality 75": lambda x: np.stack([_jpeg(one, 75) for one in x]),
    "JPEG, quality 95": lambda x: np.stack([_jpeg(one, 95) for one in x]),
    "non-local means": lambda x: np.stack([_denoised(one) for one in x]),
}
SCALES = {"scaled to 0.8, bilinear": 0.8, "scaled to 1.3, cubic": 1.3}


def _turned(frames: Frames, order: int) -> Frames:
    return np.asarray(
        ndimage.rotate(frames, 3.0, axes=(1, 2), order=order, reshape=False, mode="nearest")
    )


def _jpeg(frame: Frames, quality: int) -> Frames:
    """Return a frame that went through a JPEG file of 8 bits."""
    low, high = float(frame.min()), float(np.quantile(frame, 0.9999))
    grey = (255.0 * (frame - low) / max(high - low, 1e-9)).clip(0, 255).round().astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file), dtype=np.float64) * (high - low) / 255.0 + low


def _denoised(frame: Frames) -> Frames:
    beside = np.diff(frame)
    sigma = 1.4826 * float(np.median(np.abs(beside))) / np.sqrt(2.0)
    made = skimage.restoration.denoise_nl_means(
        frame, h=0.8 * sigma, sigma=sigma, patch_size=5, patch_distance=4, fast_mode=True
    )
    return np.asarray(made)


@dataclass(frozen=True, eq=False)
class Sample:
    """Frames whose noise may be shared between pixels."""

    name: str
    frames: Frames
    pixel_um: float
    cutoff: float
    mean: Frames | None = None
    """The same without noise, where it is known."""


def changed_rows(samples: list[Sample]) -> list[Row]:
    """Return how often every change is recognised, and what goes unnoticed with harm."""
    changes = {"none": lambda frames: frames, **CHANGES}
    return [_changed_row(name, change, samples) for name, change in changes.items()]


def _changed_row(name: str, change: Callable[[Frames], Frames], samples: list[Sample]) -> Row:
    told: Counter[str] = Counter()
    missed, harmful = [], []
    for one in samples:
        frames = torch.from_numpy(np.ascontiguousarray(change(one.frames)))
        pixel_um = one.pixel_um / SCALES.get(name, 1.0)
        model = believed_noise(frames, Camera(), pixel_um, one.cutoff)
        told["correlated" if model.refusal else "measured" if model.measured else "not"] += 1
        if not model.measured:
            continue
        missed.append(one.name)
        if one.mean is not None:
            mean = torch.from_numpy(np.ascontiguousarray(change(one.mean)))
            true = _within(frames, mean, pixel_um * one.cutoff)
            ratio = float(model.variance(mean).mean()) / true
            harmful += [] if HARMLESS[0] < ratio < HARMLESS[1] else [one.name]
    return {
        "changed": name,
        "recordings": len(samples),
        "called correlated": told["correlated"],
        "settings' noise kept": told["not"],
        "measured": told["measured"],
        "of these wrong": len(harmful) if samples[0].mean is not None else None,
        "which": missed if name != "none" else [],
    }


def _within(frames: Tensor, mean: Tensor, cutoff: float) -> float:
    """Return the variance of white noise that has the power found within the cut-off.

    What is the same in all frames is the sensor's, no noise.
    """
    noise = frames.double() - mean
    noise = (noise - noise.mean(dim=0)) * np.sqrt(len(noise) / (len(noise) - 1.0))
    spectra = torch.fft.fft2(noise).abs().square().mean(dim=0)
    fy, fx = frequency_axes((frames.shape[-2], frames.shape[-1]), 1.0)
    disc = torch.hypot(fy, fx) < cutoff
    disc[0, 0] = False
    return float(spectra[disc].mean()) / frames[0].numel()


def _planted(camera: Camera, what: str) -> Camera:
    """Return wrong settings."""
    factor = {"gain x 1.3": 1.3, "gain x 2": 2.0, "gain / 2": 0.5}.get(what, 1.0)
    more = {"offset + 100": 100.0, "offset - 100": -100.0}.get(what, 0.0)
    return camera.model_copy(
        update={"gain": factor * camera.gain, "offset": max(camera.offset + more, 0.0)}
    )


def planted_rows(seeds: range) -> list[Row]:
    """Return how often the doctor finds wrong settings of a camera, and accuses right ones."""
    recordings = [one for one in map(recorded, seeds) if one.kind in ("sCMOS", "CCD")]
    return [_planted_row(what, recordings) for what in PLANTED]


def _planted_row(what: str, recordings: list[Recorded]) -> Row:
    noise = offset = either = shared = matters = good = 0
    for one in recordings:
        camera = _planted(one.camera, what)
        settings = Settings(optics=one.optics, camera=camera)
        findings = examine(one.frames, settings, 1000.0 * one.pixel_um).findings
        faults = {finding.fault for finding in findings}
        about = faults & {Fault.WRONG_NOISE, Fault.WRONG_OFFSET}
        noise += Fault.WRONG_NOISE in faults
        offset += Fault.WRONG_OFFSET in faults
        shared += Fault.SHARED_NOISE in faults
        either += bool(about)
        matters += _off(camera, one) > MATTERS
        good += bool(about) and _off(_mended(camera, findings), one) < 1.2
    return {
        "planted": what,
        "recordings": len(recordings),
        f"variance off by more than {MATTERS:g}": matters,
        "said: noise": noise,
        "said: offset": offset,
        "said: either": either,
        "mended within 20 %": good,
        "said: shared": shared,
    }


def _off(camera: Camera, one: Recorded) -> float:
    """Return by what factor the settings' variance is wrong in typical light."""
    ratio, _ = compared(settings_noise(camera), one, camera)
    return float(max(ratio, 1.0 / max(ratio, 1e-9)))


def _mended(camera: Camera, findings: tuple[Finding, ...]) -> Camera:
    """Return the settings with all mending lines of the camera in them."""
    lines: dict[str, float] = {}
    for finding in findings:
        lines |= tomllib.loads(finding.mend or "").get("camera", {})
    return Camera(**(camera.model_dump() | lines))


def recordings() -> Iterator[tuple[Path, Settings, Tensor]]:
    """Return the real recordings, frames [frame, y, x] in the order of acquisition."""
    for path, settings, stacks in real_recordings():
        yield path, settings, in_order(stacks, settings.pattern)


def recording_row(path: Path, settings: Settings, frames: Tensor) -> Row:
    """Return what one real recording tells of its camera."""
    pixel_um = float(settings.optics.pixel_nm or 0.0) / 1000.0
    cutoff, camera = settings.optics.cutoff_cycles_per_um, settings.camera
    model = believed_noise(frames, camera, pixel_um, cutoff)
    try:
        found = measure_camera_noise(frames, pixel_um, cutoff)
    except NoiseUnknownError:
        numbers: Row = dict.fromkeys((*NUMBERS, "inside"))
    else:
        numbers = _numbers(found, model, camera)
        numbers["inside"] = _inside(frames, settings, found)
    return {"recording": path.stem, **numbers, "words": model.words}


def _inside(frames: Tensor, settings: Settings, found: CameraNoise) -> float | None:
    """Return the noise between 0.8 and 1 of the cut-off over that measured beyond.

    The sums over the phases of two angles show the same widefield image, so near to the cut-off,
    where little of it is left, their difference is noise, and what brightness and drift leave.
    """
    angles, phases = settings.pattern.stack_shape
    if angles < 2:
        return None
    sums = frames[: angles * phases].double().unflatten(0, (angles, phases)).sum(dim=1)
    window = torch.kaiser_window(sums.shape[1], False, 9.0)[:, None]
    window = (window * torch.kaiser_window(sums.shape[2], False, 9.0)).double()
    variance = phases * found.variance(frames.double().mean(dim=0))
    fy, fx = frequency_axes((sums.shape[1], sums.shape[2]), 1.0)
    cutoff = settings.optics.cutoff_cycles_per_um * float(settings.optics.pixel_nm or 0.0) / 1000.0
    ring = (torch.hypot(fy, fx) / cutoff - 0.9).abs() < 0.1
    ratios = []
    for one, other in itertools.combinations(sums, 2):
        scale = (one * other).sum() / other.square().sum()
        moved = one - scale * other
        power = torch.fft.fft2((moved - moved.mean()) * window).abs().square()[ring].mean()
        expected = (1.0 + scale**2) * (variance * window.square()).sum()
        ratios.append(float(power / expected))
    return float(np.mean(ratios))


def _numbers(found: CameraNoise, model: NoiseModel, camera: Camera) -> Row:
    light = (torch.tensor(found.light, dtype=torch.float64) - camera.offset) / camera.gain
    ratio = (model.variance(light) / settings_noise(camera).variance(light)).tolist()
    told = found.told
    return {
        "gain": found.gain if told else None,
        "error": found.gain_error if told else None,
        "offset": found.offset(camera.read_noise)[0] if told else None,
        "ripple": found.ripple,
        "dark": ratio[0],
        "bright": ratio[1],
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=int, default=100, help="simulated ones")
    parser.add_argument("--changed", type=int, default=12, help="of them that are changed too")
    parser.add_argument("--planted", type=int, default=20, help="of them with wrong settings")
    parser.add_argument("--figures", type=int, default=5, help="recordings of every camera")
    parser.add_argument("--first", type=int, default=9000, help="seed")
    options = parser.parse_args()
    torch.set_num_threads(1)
    start = options.first
    rows = simulated(range(start, start + options.recordings))
    real = list(recordings())
    chosen = [row["seed"] for row in rows if row["size"] <= LARGEST_CHANGED][: options.changed]
    samples = [_sample(recorded(seed), seed) for seed in chosen]
    show("simulated", [summary(rows)])
    parts = {
        "all": [summary(rows)],
        "cameras": by(rows, "camera"),
        "lights": by(rows, "light"),
        "sizes": by(rows, "size"),
        "changed": changed_rows(samples),
        "changed_recordings": changed_rows([_real_sample(*one) for one in real]) if real else [],
        "planted": planted_rows(range(start, start + options.planted)),
        "recordings": [recording_row(*one) for one in real],
        "figures": figures(range(start, start + options.figures)),
    }
    for name, part in parts.items():
        if part:
            show(name, part)
    report("camera_noise", "Believed over true variance", rows, **parts)


def figures(seeds: range) -> list[Row]:
    """Return gain, offset and read noise found, over those of cameras of many gains."""
    return [
        _figures(kind, gain, light, seeds)
        for kind in ("even", "sCMOS with its map", "EMCCD")
        for gain in GAINS
        for light in FIGURE_LIGHTS
    ]


def _figures(kind: str, gain: float, light: float, seeds: range) -> Row:
    """Return the errors of one kind of camera; the median and the largest over recordings."""
    errors: list[tuple[float, float, float]] = []
    for seed in seeds:
        found, camera = _figured(kind, gain, light, seed)
        if found is None or not found.told:
            continue
        off = found.gain / camera.gain - 1.0
        offset = found.offset(camera.read_noise)[0] - camera.offset
        errors.append((off, offset, found.read_noise(camera.offset)[0] - camera.read_noise))
    row: Row = {"camera": kind, "gain": gain, "light": light, "told": f"{len(errors)}/{len(seeds)}"}
    for place, (name, unit) in enumerate(FIGURES.items()):
        sizes = [abs(one[place]) * unit for one in errors]
        row[name] = float(np.median(sizes)) if sizes else None
        row[f"{name}, most"] = max(sizes, default=None)
    return row


def _figured(kind: str, gain: float, light: float, seed: int) -> tuple[CameraNoise | None, Camera]:
    """Return the noise measured in one recording of filaments, and the camera."""
    optics = Optics(numerical_aperture=1.2, emission_nm=525.0, pixel_nm=80.0)
    size = 256
    pattern = random_pattern(seed, (size, size), PatternSettings(), optics)
    there = _specimen("dense", size, optics, np.random.default_rng(seed))
    mean = mean_photons(there, pattern, Otf.theoretical(optics)).flatten(0, 1).clamp(min=0.0)
    mean = light * (mean / mean.max() + 0.05)
    camera = Camera(offset=100.0, gain=gain, read_noise=1.5)
    sensor = Sensor.of(camera)
    if kind == "sCMOS with its map":
        sensor = Sensor.scmos(
            camera, (size, size), seed, offset_spread=5.0 * gain, gain_spread=0.03
        )
    if kind == "EMCCD":
        # Its excess noise counts as gain, of which half as many photo-electrons are the same light.
        sensor = replace(sensor, electron_multiplying=True)
        camera = Camera(offset=100.0, gain=2.0 * gain, read_noise=0.75)
    counts = sensor.counts(mean, torch.Generator().manual_seed(seed)).float()
    if kind == "sCMOS with its map":
        pages = (sensor.offset.float().numpy(), sensor.gain.float().numpy())
        counts = torch.from_numpy(CameraMap(camera, *pages).equalised(counts.numpy()))
        camera = camera.model_copy(
            update={"read_noise": float(sensor.read_noise.square().mean().sqrt())}
        )
    cutoff = optics.cutoff_cycles_per_um
    try:
        return measure_camera_noise(counts, 0.08, cutoff), camera
    except NoiseUnknownError:
        return None, camera


def _sample(one: Recorded, seed: int) -> Sample:
    frames = one.frames.double().numpy()
    mean = one.photons.double().numpy() * one.camera.gain + one.camera.offset
    return Sample(str(seed), frames, one.pixel_um, one.optics.cutoff_cycles_per_um, mean)


def _real_sample(path: Path, settings: Settings, frames: Tensor) -> Sample:
    pixel_um = float(settings.optics.pixel_nm or 0.0) / 1000.0
    rows, columns = middle((frames.shape[1], frames.shape[2]), LARGEST_CHANGED)
    cutoff = settings.optics.cutoff_cycles_per_um
    return Sample(path.stem, frames[:, rows, columns].double().numpy(), pixel_um, cutoff)


if __name__ == "__main__":
    main()
