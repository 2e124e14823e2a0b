"""Review the shipped networks on real recordings: `python -m bench.quality.trust_recordings`.

LIVESIM_DATA names their folder. Each is taken in all its light and thinned 20 times. The gain of
their cameras is not stated; it is read off the noise, as in `bench.quality.thinning`, and for
comparison taken as the settings have it.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import torch

from bench.quality.thinning import in_photons, with_less_light
from bench.report import Row, report
from livesim.config.settings import Settings
from livesim.io.read.open import open_recording
from livesim.io.settings_beside import settings_for
from livesim.pipeline.build import calibrate, with_levels
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.values.frames import RawStack
from livesim.values.pattern import Pattern
from livesim.values.verdict import Trust
from livesim_models.data.sample import scaled

RECORDINGS = (
    "zju_beads100nm_488_3x3",
    "tsim_er1_timelapse_t3_3x3",
    "zju_microtubule_640_3x3",
    "bsim_hela_mito_3x3",
    "rdl_microtubule_lowsnr_488_3x3",
)
SCALE = 20.0


def reviewed(stack: RawStack, settings: Settings, pattern: Pattern) -> Trust | None:
    """Return the review of what the shipped networks make of a stack."""
    known = with_levels(pattern, [stack], settings)
    review = ReconstructionPipeline(settings, known).reconstruct(stack).review
    return None if review is None else review(lambda done: None)


def row(name: str, light: str, camera: str, trust: Trust) -> Row:
    """Return what is printed of a review."""
    numbers = trust.numbers
    return {
        "method": name,
        "light": light,
        "gain": camera,
        "word": trust.verdict.word.value,
        "carried %": numbers.carried_percent,
        "shown %": numbers.shown_percent,
        "error %": numbers.error_percent,
        "overruled sigmas": numbers.overruled_sigmas,
        "plain denied %": numbers.plain_denied_percent,
        "noise": numbers.noise_ratio,
    }


def measure(folder: Path, name: str) -> list[Row]:
    """Return the rows of one recording, of its first raw stack."""
    (raw,) = folder.glob(f"{name}*.tif*")
    settings = settings_for(raw, None)
    with open_recording(raw, settings.pattern) as recording:
        stacks = [recording.stack(index) for index in recording.indices]
    rows = []
    for camera, own in (("stated", settings), ("read off", in_photons(stacks, settings))):
        pattern = calibrate(stacks, own, None)
        noise = pattern.noise_to_signal
        weak = replace(pattern, levels=None, noise_to_signal=noise and scaled(noise, SCALE))
        low = with_less_light(stacks[0], own, SCALE, 0)
        for light, stack, known in (("all", stacks[0], pattern), ("1/20", low, weak)):
            trust = reviewed(stack, own, known)
            if trust is not None:
                rows.append(row(name, light, camera, trust))
                print(name, light, camera, trust.verdict.sentence, flush=True)
    return rows


def main() -> None:
    """Measure, print, write."""
    torch.set_num_threads(1)
    folder = Path(os.environ["LIVESIM_DATA"])
    rows = [one for name in RECORDINGS for one in measure(folder, name)]
    report("trust_recordings", "The shipped networks on real recordings", rows)


if __name__ == "__main__":
    main()
