"""Draw the pictures of the page: `python -m bench.quality.seeds.figures --images FOLDER`.

Beside the curves of the rows that are kept, images of a few methods are made again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench import IMAGES
from bench.quality.seeds.cases import NOISE, PHASES
from bench.quality.seeds.fields import Field, fields, images_folder
from bench.quality.seeds.methods import OTHERS, OWN, Method, network_methods, on_input_grid
from bench.quality.seeds.scores import scores
from bench.quality.seeds.stacks import Picture
from bench.quality.seeds.tables import of_sweep
from bench.report import RESULTS, Row
from bench.rows import Rows

SHOWN = (
    "widefield",
    "OpenSIM's estimate",
    "fairSIM's estimate and filter",
    "livesim, plain",
    "livesim, two steps, arbitrated",
    "livesim, universal, arbitrated",
)
DPI = 80


def curves(rows: list[Row], path: Path) -> None:
    """Draw the sweeps: SSIM as ML-SIM's over the noise, PSNR over the phase errors."""
    figure = Figure(figsize=(11.0, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    methods = dict.fromkeys(row["method"] for row in rows)
    colours = {name: colormaps["tab20"](number) for number, name in enumerate(methods)}
    for axis, part, score in ((left, NOISE, "ssim"), (right, PHASES, "fitted psnr")):
        for row in of_sweep(part, rows, score):
            means = {float(value): mean for value, mean in row.items() if value != "method"}
            axis.plot(list(means), list(means.values()), marker=".", color=colours[row["method"]])
        axis.grid(alpha=0.3)
    left.set(xlabel="noise η, of the frame's standard deviation", ylabel="SSIM, as ML-SIM's")
    right.set(xlabel="phase errors, ± degrees", ylabel="PSNR after a fit, dB")
    lines = [Line2D([], [], color=colour, marker=".") for colour in colours.values()]
    figure.legend(lines, list(colours), fontsize=7, loc="outside right center")
    figure.savefig(path, dpi=DPI)


def made(methods: Mapping[str, Method], names: Iterable[str], field: Field) -> dict[str, Picture]:
    """Return the best image of some methods on the grid of the frames, fitted to the truth."""
    shape = (field.frames.shape[-2], field.frames.shape[-1])
    found = {}
    with torch.inference_mode():
        for name in names:
            images = [on_input_grid(r(field.frames), shape) for r in methods[name].restores(field)]
            found[name] = max(images, key=lambda x: scores(x, field.truth)["fitted psnr"])
    return found


def sheet(
    field: Field, images: Mapping[str, Picture], crop: tuple[slice, slice], path: Path
) -> None:
    """Draw the crop of a frame, of every image and of the picture, each with its scores."""
    frame = field.frames[0, 0].double().numpy()
    shown = {"a raw frame": frame, **images, "picture": field.truth}
    columns = (len(shown) + 1) // 2
    figure = Figure(figsize=(2.4 * columns, 5.4), layout="constrained")
    for axis, (name, image) in zip(figure.subplots(2, columns).flat, shown.items(), strict=False):
        found = scores(image, field.truth) if name in images else None
        words = f"\n{found['psnr']:.2f} dB, {found['ssim']:.3f}" if found else "\n"
        low, high = np.percentile(image[crop], [0.5, 99.5])
        axis.imshow(image[crop], cmap="gray", vmin=low, vmax=high, interpolation="nearest")
        axis.set_title(name + words, fontsize=8)
    for axis in figure.axes:
        axis.axis("off")
    figure.savefig(path, dpi=DPI)


def draw(folder: Path, side: int, rows: Sequence[Row]) -> None:
    """Draw everything."""
    methods = {**OWN, **network_methods(["pair", "universal"]), **OTHERS}
    if {NOISE, PHASES} <= {row["part"] for row in rows}:
        curves(list(rows), IMAGES / "seeds-sweeps.png")
    target = next(fields("target", folder, side, 1))
    half = slice(0, side // 2)
    sheet(target, made(methods, SHOWN, target), (half, half), IMAGES / "seeds-points.png")
    lines = (half, slice(side // 2, side))
    sheet(target, made(methods, SHOWN, target), lines, IMAGES / "seeds-lines.png")
    photograph = next(fields("kodak", folder, side, 1))
    middle = slice(side // 4, 3 * side // 4)
    sheet(
        photograph, made(methods, SHOWN, photograph), (middle, middle), IMAGES / "seeds-kodak.png"
    )


def main() -> None:
    """Read the rows, make the images, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, help="folder with kodak and mlsim_stacks")
    parser.add_argument("--side", type=int, default=256, help="pixels of a picture")
    options = parser.parse_args()
    torch.set_num_threads(1)
    draw(images_folder(options.images), options.side, Rows(RESULTS / "seeds.jsonl").read())


if __name__ == "__main__":
    main()
