"""Small recordings in the folder layout of the engine, of known values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from livesim.cli import app
from livesim.config.settings import Settings
from livesim.io.recipe import Recipe
from livesim.io.recording_files import RAW_NAME, RESULTS_NAME
from livesim.io.write.output_layout import OutputLayout, RawLayout
from livesim.io.write.recorder import RawRecorder, ResultRecorder
from livesim.values.frames import RawStack, StackIndex
from livesim.values.results import Result

PIXEL_NM = 80.0
Y, X = 48, 64
"""Of a raw frame."""
SETTINGS = Settings.model_validate(
    {
        "optics": {"numerical_aperture": 1.4, "emission_nm": 525, "pixel_nm": PIXEL_NM},
        "camera": {"offset": 100.0, "gain": 2.0},
    }
)
START_NS = 10**18
STEP_S = 0.25
"""Between two time points, as received."""


def image(index: StackIndex) -> np.ndarray:
    """Return the result at a place: [2 y, 2 x], a tenth of it negative, no two alike."""
    seed = [index.position, index.time, index.channel, index.z]
    values = np.random.default_rng(seed).uniform(-20, 180, (2 * Y, 2 * X))
    return (values + 100 * index.channel).astype(np.float32)


def counts(index: StackIndex) -> np.ndarray:
    """Return the raw stack at a place, [angle, phase, y, x]."""
    seed = [7, index.position, index.time, index.channel, index.z]
    return np.random.default_rng(seed).integers(100, 4000, (3, 3, Y, X), dtype=np.uint16)


def received_ns(index: StackIndex) -> int:
    """Return when the last frame of a stack came."""
    return START_NS + round(index.time * STEP_S * 1e9)


def open_results(folder: Path, positions: int = 1, steps: tuple = ("reconstruct",), shard: int = 1):
    """Open a recorder of results in an engine's folder."""
    layout = OutputLayout(y=2 * Y, x=2 * X, pixel_nm=PIXEL_NM / 2, position=positions)
    recipe = Recipe(settings=SETTINGS, steps=steps)
    return ResultRecorder(folder / RESULTS_NAME, layout, recipe, shard=shard)


def result(index: StackIndex) -> Result:
    """Return what the engine publishes for a place."""
    return Result("test", index, image(index), image(index)[::2, ::2], received_ns(index), 1)


def record(
    folder: Path,
    indices: list[StackIndex],
    *,
    positions: int = 1,
    steps: tuple = ("reconstruct",),
    shard: int = 1,
    made: list[Result] | None = None,
):
    """Record raw stacks at these places, and results: `made`, or one each; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with open_results(folder, positions, steps, shard) as results:
        for one in map(result, indices) if made is None else made:
            results.write(one)
    layout = RawLayout(angles=3, phases=3, y=Y, x=X, pixel_nm=PIXEL_NM)
    recipe = Recipe(settings=SETTINGS)
    with RawRecorder(folder / RAW_NAME, layout, recipe, shard=shard) as raws:
        for index in indices:
            raws.write(RawStack("test", index, counts(index), last_received_ns=received_ns(index)))
    return folder


def times(count: int, **place: int) -> list[StackIndex]:
    """Return so many time points at a place."""
    return [StackIndex(time=time, **place) for time in range(count)]


def export(recording, out, *flags):
    """Run the command line; errors come through as they are."""
    command = ["export", str(recording), "--out", str(out), *flags]
    return CliRunner().invoke(app, command, catch_exceptions=False)
