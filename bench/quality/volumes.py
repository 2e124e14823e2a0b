"""Measure three-dimensional SIM against simulated truth: `python -m bench.quality.volumes`.

The dense specimen fills twice the depth of the stack with filaments, shells and beads. Every volume
is compared with the object low-passed as a perfect result would be, after the best linear fit; the
peak is the 99.9th percentile, four planes at either end and 16 fine pixels at the borders are cut.
Photons are those of the brightest pixel of the widefield planes. Times are CPU time of one thread.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from scipy.interpolate import CubicSpline
from torch import Tensor

from bench.report import Row, report, show
from livesim.config.settings import Camera, Optics, PatternSettings, Reconstruction, Settings
from livesim.io.read.volume_otf import read_volume_otf
from livesim.reconstruction.estimate.estimation import estimate_pattern
from livesim.reconstruction.forward.pupil import Pupil
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.reconstruction.volume.estimate import VolumeOptics, estimate_volume_pattern
from livesim.reconstruction.volume.forward import expected_volume
from livesim.reconstruction.volume.plan import axial_cutoff, make_volume_plan
from livesim.reconstruction.volume.reconstructor import VolumeReconstructor
from livesim.values.volume_pattern import VolumePattern
from livesim_acquisition.microscope.volume_microscope import VolumeMicroscope

PHOTONS = (1000.0, 100.0, 50.0, 20.0, 10.0)
BARS_DB = {1000.0: 29.5, 100.0: 25.3, 50.0: 24.3, 20.0: 22.6}
GAINS_DB = {1000.0: 6.0, 50.0: 3.0}
"""Over single planes."""
LOSSES_DB = {100.0: 0.2, 20.0: 0.5}
"""To the estimated pattern."""
STEP_NM, PIXEL_NM = 125.0, 80.0
AXIAL_PHASE_DEG = 15.0
LINES_NM = 203.5
_HALF = 6
"""Steps on either side of a bead."""
FIXTURE = ((-0.8043, -1.8555, 0.2388), 203.5)
"""Directions in rad and line spacing in nm, as its authors' settings say."""
FIXTURE_OTF = (1.0 / (0.08 * 256), 1.0 / (0.125 * 65))
"""Steps of its tables in kr and kz, cycles/µm."""


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
    """Return the specimen [layer, 2 y, 2 x] with the low-pass of a result, as livesim's default."""
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


def dense(scene: Scene, photons: float) -> Row:
    """Return the figures of one volume and its pattern."""
    counts = scene.counts(photons)
    found = estimate_volume_pattern(counts, scene.known, scene.camera)
    true = VolumePattern(
        scene.pattern.lateral,
        scene.planes,
        STEP_NM,
        488.0,
        scene.optics.refractive_index,
        scene.pattern.axial_phases_rad,
        found.noise_to_signal,
    )
    row: Row = {"photons": photons, "seed": scene.seed}
    if photons in BARS_DB:
        row["widefield"] = psnr(widefield(counts), scene.truth)
        row["volume"] = psnr(volume(scene, counts, found), scene.truth)
    if photons in GAINS_DB:
        row["plane by plane"] = psnr(plane_by_plane(scene, counts), scene.truth)
    if photons in LOSSES_DB:
        row["true pattern"] = psnr(volume(scene, counts, true), scene.truth)
    return row | pattern_errors(found, scene.pattern)


def pattern_errors(found: VolumePattern, true: VolumePattern) -> Row:
    """Return how far every usable angle is off: k in spectral pixels, phases in degrees, m in %."""
    rows, _ = true.lateral.shape
    length = rows * PIXEL_NM / 1000.0
    k, phase, one, two, axial = [], [], [], [], []
    for number, (ours, theirs) in enumerate(
        zip(found.lateral.angles, true.lateral.angles, strict=True)
    ):
        if not ours.usable:
            continue
        off = np.subtract(ours.k_cycles_per_um, theirs.k_cycles_per_um)
        k.append(float(np.hypot(*off)) * length)
        turn = ours.phases_rad[0] - theirs.phases_rad[0] + math.pi * float(off.sum()) * length
        phase.append(abs(math.degrees(math.remainder(turn, 2.0 * math.pi))))
        one.append(100.0 * (ours.modulation[0] / theirs.modulation[0] - 1.0))
        two.append(100.0 * (ours.modulation[1] / theirs.modulation[1] - 1.0))
        psi = found.axial_phases_rad[number] - true.axial_phases_rad[number]
        axial.append(abs(math.degrees(psi)))
    return {"k": k, "phase": phase, "m1": one, "m2": two, "psi": axial}


def summed_up(rows: list[Row], photons: float) -> Row:
    """Return one line of all volumes in one light."""
    here = [row for row in rows if row["photons"] == photons]
    line: Row = {"photons": photons}
    for name in ("widefield", "plane by plane", "volume", "true pattern"):
        line[name] = float(np.mean([row[name] for row in here])) if name in here[0] else None
    every = {
        name: [value for row in here for value in row[name]]
        for name in ("k", "phase", "m1", "m2", "psi")
    }
    line["angles"] = f"{len(every['k'])}/{3 * len(here)}"
    for name in ("k", "phase", "psi"):
        line[f"{name} rms"] = (
            float(np.sqrt(np.mean(np.square(every[name])))) if every[name] else None
        )
        line[f"{name} most"] = max(every[name], default=None)
    for name in ("m1", "m2"):
        line[f"{name} %"] = float(np.mean(every[name])) if every[name] else None
        line[f"{name} sd"] = float(np.std(every[name])) if every[name] else None
    return line


def beads(photons: float = 3000.0, size: int = 96, planes: int = 24) -> Row:
    """Return width and bias of lone points: (lateral, axial) in nm."""
    chosen = settings(size, planes, 0)
    pattern = VolumeMicroscope(chosen).pattern
    random, places = np.random.default_rng(3), []  # a jittered lattice, so that none overlap
    specimen = torch.zeros(planes, 2 * size, 2 * size, dtype=torch.float64)
    for row in range(30, 2 * size - 30, 28):
        for column in range(30, 2 * size - 30, 28):
            place = (
                int(random.integers(8, 16)),
                *(np.array([row, column]) + random.integers(-5, 6, 2)),
            )
            specimen[place] = 1.0
            places.append(place)
    light = expected_volume(specimen, pattern, Pupil(chosen.optics))
    light = photons * light / light.mean(dim=(1, 2)).max()
    counts = torch.poisson(light, generator=torch.Generator().manual_seed(1)).float() + 100.0
    found = estimate_volume_pattern(
        counts, VolumeOptics(chosen.optics, 488.0, PIXEL_NM, STEP_NM), chosen.camera
    )
    plan = make_volume_plan(found, chosen.optics, chosen.camera, Reconstruction())
    image = VolumeReconstructor(plan)(counts).double().numpy()
    fits = [[_fit(image, place, axis) for axis in range(3)] for place in places]
    widths, off = np.array(fits)[..., 0], np.array(fits)[..., 1]
    return {
        "lateral": float(np.median(widths[:, 1:])),
        "axial": float(np.median(widths[:, 0])),
        "bias lateral": float(np.abs(off[:, 1:].mean(axis=0)).max()),
        "bias axial": float(abs(off[:, 0].mean())),
        "beads": len(places),
    }


def _fit(image: np.ndarray, place: tuple[int, ...], axis: int) -> tuple[float, float]:
    """Return (full width at half maximum, distance from its place) of a bead on an axis, nm."""
    step = (STEP_NM, PIXEL_NM / 2.0, PIXEL_NM / 2.0)[axis]
    line = [slice(n, n + 1) for n in place]
    line[axis] = slice(place[axis] - _HALF, place[axis] + _HALF + 1)
    profile = CubicSpline(step * np.arange(-_HALF, _HALF + 1), image[tuple(line)].ravel())
    peaks = profile.derivative().roots(extrapolate=False)
    middle = max(peaks, key=profile)
    crossings = profile.solve(0.5 * float(profile(middle)), extrapolate=False)
    left, right = crossings[crossings < middle].max(), crossings[crossings > middle].min()
    return float(right - left), float(middle)


def fixture(folder: Path, *, own_otf: bool) -> tuple[Row, Tensor]:
    """Return how far the pattern of the reference program's own volume is off, and the volume."""
    import mrc

    planes = np.array(mrc.imread(str(folder / "sim3d" / "raw.dv"))).reshape(3, -1, 5, 64, 64)
    counts = torch.from_numpy(planes.astype(np.float64)).permute(1, 0, 2, 3, 4)
    optics = Optics(
        numerical_aperture=1.42,
        emission_nm=525.0,
        pixel_nm=PIXEL_NM,
        refractive_index=1.515,
        otf_file=folder / "sim3d" / "otf.dv",
        otf_step_per_um=FIXTURE_OTF,
    )
    otf = read_volume_otf(optics) if own_otf else None
    known = VolumeOptics(optics, 488.0, PIXEL_NM, STEP_NM, otf)
    found = estimate_volume_pattern(counts, known, Camera())
    turns, spacings = [], []
    for angle, expected in zip(found.lateral.angles, FIXTURE[0], strict=True):
        kx, ky = angle.k_cycles_per_um
        turns.append(abs(math.remainder(math.atan2(ky, kx) - expected, math.pi)))
        spacings.append(abs(500.0 / math.hypot(kx, ky) - FIXTURE[1]))
    plan = make_volume_plan(found, optics, Camera(), Reconstruction(), otf)
    row = {"otf": "its own" if own_otf else "theory", "rad": max(turns), "nm": max(spacings)}
    return row, VolumeReconstructor(plan)(counts.float())


def seconds(work: Callable[[], object], times: int = 3) -> float:
    """Return the least CPU time of `work`."""
    work()
    taken = []
    for _ in range(times):
        begin = time.process_time()
        work()
        taken.append(time.process_time() - begin)
    return min(taken)


def speed(size: int, planes: int) -> Row:
    """Return the CPU time of a volume, of its end, and of the transforms that others need."""
    scene_settings = settings(size, planes, 0)
    pattern = VolumeMicroscope(scene_settings).pattern
    plan = make_volume_plan(pattern, scene_settings.optics, scene_settings.camera, Reconstruction())
    make = VolumeReconstructor(plan)
    begun = make.begin()
    frames = torch.rand(planes, 3, 5, size, size) * 500.0
    whole = seconds(lambda: make(frames))

    def fill() -> None:
        for z, plane in enumerate(frames):
            make.add(begun, z, plane)

    ends = []
    for _ in range(3):
        fill()
        begin = time.process_time()
        make.finish(begun)
        ends.append(time.process_time() - begin)
    one = seconds(partial(_transform, torch.rand(planes, size, size).to(torch.complex64)), 3)
    four = seconds(
        partial(_transform, torch.rand(planes, 2 * size, 2 * size).to(torch.complex64)), 3
    )
    floor = 6.0 * one + 0.5 * one + 0.5 * four
    return {
        "volume": f"{size}² x {planes}",
        "ms": 1e3 * whole,
        "end ms": 1e3 * min(ends),
        "floor ms": 1e3 * floor,
        "of floor": whole / floor,
        "textbook": (15.0 * one + 25.0 * four) / whole,
        "cudasirecon's order": (7.5 * one + 9.0 * four) / whole,
    }


def _transform(values: Tensor) -> Tensor:
    """Transform in three dimensions, one axis after the other as livesim does."""
    spectrum: Tensor = torch.fft.fft(torch.fft.fft2(values), dim=0)
    return spectrum


def generator_s() -> float:
    """Return the CPU seconds of a volume of 256² x 32 planes x 15 frames, noise included."""
    begin = time.process_time()
    chosen = settings(256, 32, 1)
    own = chosen.simulation
    assert own is not None
    assert own.volume is not None
    thinner = own.model_copy(update={"volume": own.volume.model_copy(update={"beyond_um": 1.0})})
    VolumeMicroscope(chosen.model_copy(update={"simulation": thinner})).take(0)
    return time.process_time() - begin


def same_in_any_order(scene: Scene) -> float:
    """Return the greatest difference between planes in any order and the whole, in its peak."""
    counts = scene.counts(1000.0)
    plan = make_volume_plan(scene.pattern, scene.optics, scene.camera, Reconstruction(wiener=0.1))
    make = VolumeReconstructor(plan)
    whole, begun = make(counts), make.begin()
    for z in np.random.default_rng(0).permutation(scene.planes):
        make.add(begun, int(z), counts[int(z)])
    return float((make.finish(begun) - whole).abs().max() / whole.abs().max())


class Accepted:
    """What was asked for, row by row, with what was found."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def _row(self, what: str, bar: str, found: str, *, met: bool) -> None:
        self.rows.append({"what": what, "bar": bar, "found": found, "met": "yes" if met else "no"})

    def add_beads(self, found: Row) -> None:
        """Add width and bias."""
        wide, deep = found["lateral"], found["axial"]
        met = wide <= 105.0 and deep <= 320.0
        self._row("beads, lateral / axial nm", "105 / 320", f"{wide:.0f} / {deep:.0f}", met=met)
        off = (found["bias lateral"], found["bias axial"])
        both = f"{off[0]:.1f} / {off[1]:.1f}"
        self._row("beads, bias lateral / axial nm", "2", both, met=max(off) <= 2.0)

    def add_dense(self, lines: list[Row]) -> None:
        """Compare volumes with truth, single planes, and the true pattern."""
        light = {line["photons"]: line for line in lines}
        for photons, bar in BARS_DB.items():
            found = light[photons]["volume"]
            what = f"dense, {photons:g} photons, dB"
            self._row(what, f"{bar}", f"{found:.1f}", met=found >= bar)
        for photons, bar in GAINS_DB.items():
            gain = light[photons]["volume"] - light[photons]["plane by plane"]
            what = f"over single planes, {photons:g} photons, dB"
            self._row(what, f"{bar:g}", f"{gain:.1f}", met=gain >= bar)
        for photons, bar in LOSSES_DB.items():
            loss = light[photons]["true pattern"] - light[photons]["volume"]
            what = f"lost to the estimate, {photons:g} photons, dB"
            self._row(what, f"{bar}", f"{loss:.2f}", met=loss <= bar)

    def add_pattern(self, one: Row) -> None:
        """Add what was found at 100 photons."""
        for name, bar, unit in (("k rms", 0.02, "pixels"), ("phase rms", 3.0, "degrees")):
            what = f"{name}, 100 photons, {unit}"
            self._row(what, f"{bar:g}", f"{one[name]:.2g}", met=one[name] <= bar)
        most = one["psi most"]
        self._row("axial phase, at most, degrees", "10", f"{most:.1f}", met=most <= 10.0)
        both = f"{one['m1 %']:+.1f} / {one['m2 %']:+.1f}"
        met = max(abs(one["m1 %"]), abs(one["m2 %"])) <= 5.0
        self._row("modulations, 100 photons, %", "5", both, met=met)

    def add_fixture(self, one: Row) -> None:
        """Add the reference program's own volume."""
        met = one["rad"] <= 0.002 and one["nm"] <= 0.5
        found = f"{one['rad']:.4f} / {one['nm']:.2f}"
        self._row(f"fixture, OTF {one['otf']}, rad / nm", "0.002 / 0.5", found, met=met)

    def add_speed(self, one: Row, peer_bar: float | None) -> None:
        """Compare a volume with transforms."""
        name = one["volume"]
        ratio, text, peer = one["of floor"], one["textbook"], one["cudasirecon's order"]
        self._row(f"{name}, times the floor", "1.6", f"{ratio:.2f}", met=ratio <= 1.6)
        self._row(f"{name}, times faster than textbook", "4", f"{text:.1f}", met=text >= 4.0)
        if peer_bar is not None:
            what = f"{name}, times faster than cudasirecon's order"
            self._row(what, f"{peer_bar:g}", f"{peer:.1f}", met=peer >= peer_bar)

    def add_seconds(self, what: str, bar: float, found: float) -> None:
        """Add a time."""
        self._row(what, f"{bar:g}", f"{found:.2f}", met=found <= bar)

    def add_order(self, found: float) -> None:
        """Add what the order of the planes changes."""
        self._row("planes in any order = whole", "1e-5", f"{found:.0e}", met=found <= 1e-5)


def _measured(seeds: int, kept: Path | None) -> list[Row]:
    """Return the figures of every volume; those in the file `kept` are not measured again."""
    there = kept is not None and kept.exists()
    lines = kept.read_text(encoding="utf-8").splitlines() if kept is not None and there else []
    each = [json.loads(line) for line in lines]
    for seed in range(1, seeds + 1):
        known = {row["photons"] for row in each if row["seed"] == seed}
        missing = [photons for photons in PHOTONS if photons not in known]
        scene = Scene(seed) if missing else None
        for photons in missing:
            assert scene is not None
            each.append(dense(scene, photons))
            print(each[-1], flush=True)
            if kept is not None:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(each[-1]) + "\n")
    return each


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--recordings", type=Path, help="the folder with sim3d/raw.dv")
    parser.add_argument("--rows", type=Path, help="file of volumes measured so far, to go on from")
    options = parser.parse_args()
    torch.set_num_threads(1)
    each = _measured(options.seeds, options.rows)
    lines = [summed_up(each, photons) for photons in PHOTONS]
    show("Dense specimen, 128² x 24", lines)
    bead = beads()
    fixed = [
        fixture(options.recordings, own_otf=own)[0] for own in (False, True) if options.recordings
    ]
    fast = [speed(256, 16), speed(128, 32), speed(256, 32)]
    show("CPU time of one thread", fast)
    found = Accepted()
    found.add_beads(bead)
    found.add_dense(lines)
    found.add_pattern(lines[PHOTONS.index(100.0)])
    for one in fixed:
        found.add_fixture(one)
    found.add_order(same_in_any_order(Scene(1)))
    found.add_speed(fast[0], 2.0)
    found.add_speed(fast[1], None)
    end_s = fast[2]["end ms"] / 1e3
    found.add_seconds(f"{fast[2]['volume']}, after the last plane, s", 0.25, end_s)
    found.add_seconds("generator, 256² x 32 x 15, s", 20.0, generator_s())
    report(
        "volumes",
        "Volumes: asked for and found",
        found.rows,
        dense=lines,
        beads=bead,
        speed=fast,
        each=each,
    )


if __name__ == "__main__":
    main()
