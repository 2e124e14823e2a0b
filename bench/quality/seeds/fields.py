"""Find the pictures to compare on, and their raw stacks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
import torch
from skimage.color import rgb2gray
from skimage.io import imread
from skimage.transform import resize
from torch import Tensor

from bench.quality.seeds.stacks import Picture, cutoff_of, eight_bits, simulate
from bench.quality.seeds.target import drawn_target
from livesim_models.data.stacks import EXACT, NOTEBOOK, PUBLISHED, StripesRecipe

VARIABLE = "LIVESIM_IMAGES"
CLEAN_PAGE = 10
"""Of ML-SIM's stacks."""
LIGHTS = {
    "kodak": PUBLISHED,
    "kodak, exact": EXACT,
    "kodak, set b": NOTEBOOK,
    "target": EXACT,
}
"""Data set -> the simulator's parameters."""
STACKS = "ML-SIM's stacks"
DATA = (*LIGHTS, STACKS)


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """A raw stack and the picture that it was made of."""

    name: str
    frames: Tensor
    """[angle, phase, y, x] whole counts from 0 to 255, float32."""
    truth: Picture
    """[y, x] from 0 to 255."""
    cutoff: float = cutoff_of(EXACT)
    """Cycles per pixel, as methods are told: without the error of a single stack."""


def images_folder(told: Path | None) -> Path:
    """Return the folder with `kodak` and `mlsim_stacks`, told or of the environment."""
    folder = told or Path(os.environ.get(VARIABLE, ""))
    if not (folder / "kodak").is_dir() or not (folder / "mlsim_stacks").is_dir():
        raise SystemExit(
            f"expected a folder with kodak and mlsim_stacks in --images or {VARIABLE}, "
            f"found {str(folder)!r}"
        )
    return folder


def lit(name: str, picture: Picture, light: StripesRecipe, seed: int) -> Field:
    """Return a picture's field in a light."""
    frames = torch.from_numpy(simulate(picture, light, seed))
    return Field(name, frames, picture, cutoff_of(light))


def kodak(folder: Path, side: int, count: int) -> Iterator[tuple[str, Picture]]:
    """Yield the name of Kodak pictures and what they show in grey, scaled min to max to 8 bits.

    ML-SIM's own clean pictures are scaled so.
    """
    for path in sorted((folder / "kodak").glob("*.png"))[:count]:
        grey = rgb2gray(imread(path))
        cut = grey[: min(grey.shape), : min(grey.shape)]
        yield path.stem, eight_bits(resize(cut, (side, side), anti_aliasing=True))


def fields(data: str, folder: Path, side: int, count: int) -> Iterator[Field]:
    """Yield the fields of a data set; those of its own stacks are cut to `side`."""
    if data == STACKS:
        for path in sorted((folder / "mlsim_stacks").glob("*.tif"))[:count]:
            yield _stack(path, side)
        return
    pictures = [("target", drawn_target(side))] if data == "target" else kodak(folder, side, count)
    for seed, (name, picture) in enumerate(pictures):
        yield lit(name, picture, LIGHTS[data], seed)


def _stack(path: Path, side: int) -> Field:
    pages = tifffile.imread(path)[:, :side, :side]
    frames = torch.from_numpy(pages[:9].astype(np.float32))
    truth = pages[CLEAN_PAGE].astype(np.float64)
    return Field(path.stem, frames.unflatten(0, (3, 3)), truth)
