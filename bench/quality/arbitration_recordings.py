"""Let the photons decide on real recordings: `python -m bench.quality.arbitration_recordings`.

LIVESIM_DATA names their folder. Each is taken in all its light and thinned. The camera is read off
its noise, as in `bench.quality.thinning`. Images of thinned stacks are held against the plain image
of all photons, and against that of the photons left out, which share no noise with them.

With `--networks universal`, which takes every layout, recordings of other layouts join.

The pictures (`--pictures FOLDER`) are for looking: plain, networks', arbitrated image, error map.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from bench.quality.restored import Arbitrated, Restorer, arbiter, arbitrated, measured_variance
from bench.quality.thinning import READ_NOISE, in_photons
from bench.report import Row, report
from livesim.config.settings import Camera, Reconstruction, Settings
from livesim.io.read.open import open_recording
from livesim.io.settings_beside import settings_for
from livesim.pipeline.calibration import calibrate
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.plan import Plan, make_plan
from livesim.values.frames import RawStack
from livesim.values.pattern import Pattern
from livesim_models.data.draw import thinned
from livesim_models.data.sample import scaled
from livesim_models.evaluation.residual import inside
from livesim_models.evaluation.similarity import BORDER

NINE_FRAMES = (
    "zju_beads100nm_488_3x3",
    "tsim_er1_timelapse_t3_3x3",
    "zju_microtubule_640_3x3",
    "bsim_hela_mito_3x3",
    "rdl_microtubule_lowsnr_488_3x3",
)
"""Those that have nine frames a stack: the pair takes no others."""
OTHER_LAYOUTS = ("hexsim_imperial_20191105_152142_7",)
"""The one of five phases was resampled, so that the noise of its frames cannot be measured."""
SCALES = (1.0, 5.0, 20.0)
LARGEST = 256
"""Raw pixels of a side: of larger fields the middle is taken."""
SIDE = 256
"""Pixels of the doubled grid that a picture shows."""


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """One raw stack of a recording, in all its light."""

    name: str
    photons: Tensor
    """[frame, y, x]"""
    pattern: Pattern
    settings: Settings

    @property
    def otf(self) -> Otf:
        """The microscope's, as the settings say."""
        return Otf.theoretical(self.settings.optics)

    def plan(self, scale: float) -> Plan:
        """Return the plan for `scale` times less light."""
        noise = self.pattern.noise_to_signal
        weaker = replace(self.pattern, noise_to_signal=noise and scaled(noise, scale))
        return make_plan(weaker, self.otf, Camera(), Reconstruction())


def recorded(folder: Path, name: str) -> Recorded:
    """Return the first raw stack of a recording; its pattern is estimated from all of them."""
    (raw,) = folder.glob(f"{name}*.tif*")
    settings = settings_for(raw, None)
    with open_recording(raw, settings.pattern) as recording:
        stacks = [_middle(recording.stack(index)) for index in recording.indices]
    settings = in_photons(stacks, settings)
    counts = torch.from_numpy(stacks[0].pixels.astype(np.float32)).flatten(0, 1)
    photons = (counts - settings.camera.offset) / settings.camera.gain
    return Recorded(name, photons, calibrate(stacks, settings, None), settings)


def _middle(stack: RawStack) -> RawStack:
    rows, columns = (
        slice((n - min(n, LARGEST)) // 2, (n + min(n, LARGEST)) // 2)
        for n in stack.pixels.shape[-2:]
    )
    return replace(stack, pixels=np.ascontiguousarray(stack.pixels[..., rows, columns]))


def measure(own: Recorded, scale: float, network: str, fissions: int) -> tuple[Row, Arbitrated]:
    """Return the figures and the images of a stack with `scale` times less light."""
    low, rest = own.photons, None
    if scale > 1.0:
        generator = torch.Generator().manual_seed(1)
        kept = thinned(own.photons, scale, generator)
        rest = (own.photons - kept) * (1.0 / (scale - 1.0))
        low = kept + READ_NOISE * torch.randn(kept.shape, generator=generator)
    plan = own.plan(scale)
    restorer = Restorer(plan, READ_NOISE, network)
    optics = own.settings.optics
    variance = measured_variance(low, own.pattern.pixel_nm, optics.cutoff_cycles_per_um)
    judge = arbiter(plan, own.pattern, own.otf)
    made = arbitrated(judge, low, variance, restorer.plain, restorer.network, 2, fissions)
    aim = Restorer(own.plan(1.0), READ_NOISE, network)
    row: Row = {
        "network": network,
        "recording": own.name.rsplit("_", 1)[0],
        "light": f"1/{scale:g}",
        "photons": float(torch.quantile(low.mean(dim=0).flatten(), 0.999)),
        **_likeness("all photons", made, aim.plain(own.photons) if rest is not None else None),
        **_likeness("left out", made, None if rest is None else aim.plain(rest)),
        "shown %": 100.0 * made.weights.shown,
        "carried %": 100.0 * made.weights.carried,
    }
    return row, made


def _likeness(name: str, made: Arbitrated, aim: Tensor | None) -> Row:
    images = {"plain": made.plain, "network": made.network, "arbitrated": made.image}
    return {
        f"{image}, {name}": None if aim is None else correlation(one, aim)
        for image, one in images.items()
    }


def correlation(image: Tensor, other: Tensor) -> float:
    """Return the correlation of two images inside their borders."""
    pair = torch.stack([inside(one, BORDER).flatten().double() for one in (image, other)])
    return float(torch.corrcoef(pair)[0, 1])


def draw(made: Arbitrated, title: str, path: Path) -> None:
    """Draw the images, each in a part of the field with much structure."""
    rows, columns = _part(made.plain)
    low, high = np.quantile(made.plain[rows, columns], [0.01, 0.998])
    images = {"plain": made.plain, "network": made.network, "arbitrated": made.image}
    figure = Figure(figsize=(20.0, 5.6), layout="constrained")
    axes = figure.subplots(1, 4)
    for axis, (name, one) in zip(axes, images.items(), strict=False):
        axis.imshow(one[rows, columns], cmap="gray", vmin=low, vmax=high)
        axis.set_title(name)
    axes[-1].imshow(made.weights.error[rows, columns], cmap="magma", vmin=0.0, vmax=high - low)
    axes[-1].set_title("error, on the same scale")
    for axis in axes:
        axis.set_axis_off()
    figure.suptitle(title)
    figure.savefig(path, dpi=100)


def _part(image: Tensor) -> tuple[slice, slice]:
    """Return where a square of `SIDE` pixels holds most structure."""
    side = min(SIDE, *image.shape)
    steps = [range(0, n - side + 1, 32) for n in image.shape]
    corners = [(y, x) for y in steps[0] for x in steps[1]]
    top, left = max(
        corners, key=lambda c: float(image[c[0] : c[0] + side, c[1] : c[1] + side].var())
    )
    return slice(top, top + side), slice(left, left + side)


def summary(rows: Sequence[Row]) -> Row:
    """Return by how much arbitrated images are less like the aims than plain ones at most."""
    found: Row = {}
    for aim in ("all photons", "left out"):
        lost = [
            row[f"arbitrated, {aim}"] - row[f"plain, {aim}"]
            for row in rows
            if row[f"plain, {aim}"] is not None
        ]
        found[f"least gain, {aim}"] = min(lost, default=None)
        found[f"below by .003, {aim}"] = f"{sum(one < -0.003 for one in lost)}/{len(lost)}"
    return found


def least(rows: Sequence[Row]) -> dict[str, Row]:
    """Return the summary of every network."""
    found = dict.fromkeys(row["network"] for row in rows)
    return {name: summary([row for row in rows if row["network"] == name]) for name in found}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, help="folder for pictures to look at")
    parser.add_argument("--scales", type=float, nargs="*", default=SCALES)
    parser.add_argument("--recordings", nargs="*")
    parser.add_argument("--networks", nargs="+", default=["pair"])
    parser.add_argument("--name", default="arbitration_recordings", help="of the file of results")
    parser.add_argument("--fissions", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = Path(os.environ["LIVESIM_DATA"])
    rows: list[Row] = []
    for network, name in product(
        options.networks, options.recordings or (*NINE_FRAMES, *OTHER_LAYOUTS)
    ):
        if network == "pair" and name in OTHER_LAYOUTS:
            continue
        own = recorded(folder, name)
        for scale in options.scales:
            row, made = measure(own, scale, network, options.fissions)
            rows.append(row)
            report(options.name, "Real recordings", rows, least=least(rows))
            print(network, name, scale, flush=True)
            if options.pictures is not None:
                options.pictures.mkdir(parents=True, exist_ok=True)
                title = f"{name}, 1/{scale:g} of its light, {network}"
                draw(made, title, options.pictures / f"{name}-{scale:g}-{network}.png")


if __name__ == "__main__":
    main()
