"""Restore recordings in 20 times less light: `LIVESIM_DATA=… python -m bench.quality.thinning`.

Photons are taken away at random; both steps of the shipped networks work on what is left, and the
reconstruction of all photons is what they are held to. The pattern is the one found in all photons.
None of the recordings comes with its camera's gain: it is read off the noise beyond the optical
cut-off, whose variance is the gain times the light, and the offset off the darkest pixels. (Of an
EMCCD that is twice the gain, and half the photons: as many as its excess noise leaves.)
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from bench import IMAGES
from bench.report import Row, report
from livesim.config.settings import Reconstruction, Settings, Steps
from livesim.io.read.open import open_recording
from livesim.io.settings_beside import settings_for
from livesim.pipeline.calibration import calibrate, with_levels, with_warnings
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.values.frames import RawStack
from livesim.values.pattern import Pattern
from livesim_models.data.draw import thinned
from livesim_models.data.sample import scaled
from livesim_models.evaluation.similarity import similarity

RECORDINGS = ("zju_beads100nm_488_3x3", "tsim_er1_timelapse_t3_3x3", "zju_microtubule_640_3x3")
SCALES = (20.0,)
WIENER = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.0)
IMAGE = IMAGES / "thinning.png"
READ_NOISE = 1.5
"""Electrons; added to what is left, as a camera would."""
PLAIN = Steps(one="none", two="none")
STAGES = {
    "step one": Steps(one="pair", two="none"),
    "step two alone": Steps(one="none", two="pair"),
    "step one and two": Steps(one="pair", two="pair"),
}
Shown = tuple[str, dict[str, np.ndarray]]


def in_photons(stacks: list[RawStack], settings: Settings) -> Settings:
    """Return the settings with the gain and the offset that the noise tells."""
    frames = np.stack([stack.pixels for stack in stacks]).astype(np.float64)
    frames = frames.reshape(-1, *frames.shape[-2:])
    rows, columns = frames.shape[-2:]
    window = np.hanning(rows)[:, None] * np.hanning(columns)
    centred = frames - frames.mean(axis=(1, 2), keepdims=True)
    power = np.abs(np.fft.fft2(centred * window)) ** 2 / (window**2).sum()
    pixel_um = (settings.optics.pixel_nm or np.nan) / 1000.0
    fy, fx = np.fft.fftfreq(rows, pixel_um)[:, None], np.fft.fftfreq(columns, pixel_um)
    beyond = np.hypot(fy, fx) > 1.03 * settings.optics.cutoff_cycles_per_um
    offset = float(np.quantile(frames, 0.001))
    gain = float(power[:, beyond].mean() / (frames.mean() - offset))
    camera = settings.camera.model_copy(
        update={"offset": offset, "gain": gain, "read_noise": READ_NOISE}
    )
    return settings.model_copy(update={"camera": camera})


def with_less_light(stack: RawStack, settings: Settings, scale: float, seed: int) -> RawStack:
    """Return the stack as it would have been with `scale` times less light, in counts."""
    camera = settings.camera
    photons = (torch.from_numpy(stack.pixels.astype(np.float32)) - camera.offset) / camera.gain
    generator = torch.Generator().manual_seed(seed)
    kept = thinned(photons, scale, generator, camera.read_noise)
    counts = kept * camera.gain + camera.offset
    return replace(stack, pixels=counts.numpy())


def image(stack: RawStack, settings: Settings, pattern: Pattern, **changes: object) -> np.ndarray:
    """Return the image of a stack with some settings changed, that of the networks alone."""
    own = settings.model_copy(update=changes)
    pipeline = ReconstructionPipeline(own, with_levels(pattern, [stack], own))
    return pipeline.compute(stack).network.numpy()


def measure(name: str, folder: Path, scale: float) -> tuple[list[Row], Shown]:
    """Return one row a stage, mean over the time points, and the images of the first."""
    (raw,) = folder.glob(f"{name}*.tif*")
    settings = settings_for(raw, None)
    with open_recording(raw, settings.pattern) as recording:
        stacks = [recording.stack(index) for index in recording.indices]
    settings = in_photons(stacks, settings)
    pattern = calibrate(stacks, settings, None)
    noise = pattern.noise_to_signal
    weak = replace(pattern, levels=None, noise_to_signal=noise and scaled(noise, scale))
    found: dict[str, list[tuple[float, float]]] = {}
    shown: dict[str, np.ndarray] = {}
    warned: set[str] = set()
    brightest: list[float] = []
    for number, stack in enumerate(stacks):
        aim = image(stack, settings, pattern, steps=PLAIN)
        low = with_less_light(stack, settings, scale, number)
        known = with_levels(weak, [low], settings)
        brightest.append(known.levels.high if known.levels else np.nan)
        images = {
            f"plain {w:g}": image(
                low, settings, weak, steps=PLAIN, reconstruction=Reconstruction(wiener=w)
            )
            for w in WIENER
        }
        images["plain, automatic Wiener"] = image(low, settings, weak, steps=PLAIN)
        images |= {stage: image(low, settings, weak, steps=s) for stage, s in STAGES.items()}
        pipeline = ReconstructionPipeline(settings, known)
        checked = with_warnings(pipeline.pattern, [low], settings, pipeline.networks)
        warned |= set(checked.warnings) - set(pattern.warnings)
        for stage, one in images.items():
            like = similarity(one, aim)
            found.setdefault(stage, []).append((like.psnr_db, like.ssim))
        shown = shown or images | {"all photons": aim}
    means = {stage: np.mean(values, axis=0) for stage, values in found.items()}
    best = max((stage for stage in means if stage[-1].isdigit()), key=lambda s: means[s][0])
    rows: list[Row] = [
        {
            "recording": name,
            "gain": settings.camera.gain,
            "photons left": float(np.mean(brightest)),
            "stage": f"best {stage}" if stage == best else stage,
            "psnr dB": float(means[stage][0]),
            "ssim": float(means[stage][1]),
            "psnr gain dB": float(means[stage][0] - means[best][0]),
            "ssim gain": float(means[stage][1] - means[best][1]),
        }
        for stage in (best, "plain, automatic Wiener", *STAGES)
    ]
    for words in sorted(warned):
        print(f"{name}: {words}")
    kept = {"best plain": shown[best], "step one": shown["step one"]}
    kept |= {stage: shown[stage] for stage in ("step one and two", "all photons")}
    return rows, (name, kept)


def draw(shown: list[Shown], path: Path) -> None:
    """Draw the stages of every recording, a part of the field."""
    figure = Figure(figsize=(12.0, 3.1 * len(shown)), layout="constrained")
    axes = figure.subplots(len(shown), 4, squeeze=False)
    for row, (name, images) in zip(axes, shown, strict=True):
        for axis, (stage, one) in zip(row, images.items(), strict=True):
            low, high = np.quantile(one, [0.01, 0.998])  # thinned images have less light
            rows, columns = one.shape
            top, left = rows // 2 - 112, columns // 2 - 112
            axis.imshow(one[top : top + 224, left : left + 224], cmap="gray", vmin=low, vmax=high)
            axis.set_title(f"{name.split('_')[0]} {name.split('_')[1]}: {stage}", fontsize=8)
            axis.set_axis_off()
    figure.savefig(path, dpi=100)


def main() -> None:
    """Measure, print, write."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    torch.set_num_threads(1)
    folder = Path(os.environ["LIVESIM_DATA"])
    rows, shown = [], []
    for name in RECORDINGS:
        for scale in SCALES:
            own, images = measure(name, folder, scale)
            rows += own
            shown.append(images)
    report("thinning", "Thinned recordings against the reconstruction of all photons", rows)
    draw(shown, IMAGE)


if __name__ == "__main__":
    main()
