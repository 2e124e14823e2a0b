"""Simulate training scenes, each with a structure, optics and a pattern of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from livesim.config.settings import Settings, parse_settings
from livesim_acquisition.microscope.microscope import SimulatedMicroscope
from livesim_models.data.recipe import ScenesRecipe, Split
from livesim_models.data.scene import Scene, bright_share
from livesim_models.data.scene_file import read_scenes, write_scenes
from livesim_models.data.truth import passed, unit_noise_to_signal
from livesim_models.data.varied.textures import log_uniform

BRIGHTEST = 1000.0
"""Photo-electrons the simulator is asked for; scenes are kept in units of it."""
LEAST_BRIGHT_SHARE = 0.005
"""Fields with less to see than this are drawn again."""
_STREAM = {"one": 1, "two": 2, "validation": 3, "test": 4}


def scenes_of(
    recipe: ScenesRecipe, split: Split, path: Path, step: Callable[[], None]
) -> list[Scene]:
    """Return the scenes of a split from the file `path`, which is written if it is not there.

    Always as the file rounds them: a training that goes on sees what it saw before.
    """
    if not path.exists():
        scenes = []
        for number in range(recipe.count(split)):
            scenes.append(simulated_scene(recipe, split, number))
            step()
        write_scenes(path, scenes)
    return read_scenes(path)


def simulated_scene(
    recipe: ScenesRecipe, split: Split, number: int, structure: str | None = None
) -> Scene:
    """Return one scene; the same arguments give the same one, bit for bit.

    Raises
    ------
    ValueError
        If nothing is to be seen in ten draws.
    """
    for attempt in range(10):
        random = np.random.default_rng((recipe.seed, _STREAM[split], number, attempt))
        scene = _taken(_settings(recipe, random, structure), f"{split} {number}")
        if bright_share(scene) >= LEAST_BRIGHT_SHARE:
            return scene
    raise ValueError(f"expected something to see in scene {number} of '{split}', found nothing")


def _taken(settings: Settings, recording: str) -> Scene:
    microscope = SimulatedMicroscope(settings)
    stack = microscope.stack(0)
    own = microscope.own
    frames = torch.from_numpy(stack.expected).reshape(
        *settings.pattern.stack_shape, *stack.expected.shape[1:]
    )
    specimen = torch.from_numpy(stack.object) / BRIGHTEST
    noise = unit_noise_to_signal(specimen, stack.pattern, settings.optics)
    return Scene(
        frames=frames / BRIGHTEST,
        truth=passed(specimen, stack.pattern, settings.optics) + own.background.uniform,
        pattern=replace(stack.pattern, noise_to_signal=noise),
        optics=settings.optics,
        structure="+".join(own.specimen),
        recording=recording,
    )


def _settings(recipe: ScenesRecipe, random: np.random.Generator, structure: str | None) -> Settings:
    def draw(limits: tuple[float, float]) -> float:
        return float(random.uniform(*limits))

    aperture, emission = draw(recipe.numerical_aperture), draw(recipe.emission_nm)
    cutoff = 2000.0 * aperture / emission
    pixel = draw(recipe.sampling) * 500.0 / cutoff
    first = draw((0.0, 60.0))
    if structure is None:
        mixed = random.random() < recipe.mixed and len(recipe.structures) > 1
        count = 2 if mixed else 1
        specimen = random.choice(recipe.structures, size=count, replace=False).tolist()
    else:
        specimen = [structure]
    values = {
        "optics": {
            "numerical_aperture": aperture,
            "emission_nm": emission,
            "pixel_nm": pixel,
            "otf_damping": draw(recipe.otf_damping),
        },
        "simulation": {
            "specimen": specimen,
            "size": [recipe.size, recipe.size],
            "peak_photons": BRIGHTEST,
            "seed": int(random.integers(2**31)),
            "background": {"uniform": draw(recipe.background)},
            "pattern": {
                "period_nm": 1000.0 / (draw(recipe.reach) * cutoff),
                "directions_deg": [first, first + 60.0, first + 120.0],
                "angle_error_deg": 5.0,
                "phase_error_deg": recipe.phase_error_deg,
                "modulation": draw(recipe.modulation),
            },
            **_varied(random),
        },
    }
    return parse_settings(values, "recipe")


def _varied(random: np.random.Generator) -> dict[str, dict[str, object]]:
    """Return settings of every structure, so that no two fields look alike."""

    def between(low: float, high: float) -> float:
        return log_uniform(low, high, random)

    return {
        "filaments": {"persistence_um": between(2.0, 20.0), "length_um": between(4.0, 30.0)},
        "network": {"mesh_um": between(0.7, 2.0), "sheets": float(random.uniform(0.0, 0.15))},
        "mitochondria": {
            "width_nm": between(250.0, 700.0),
            "length_um": between(1.0, 6.0),
            "label": str(random.choice(["membrane", "matrix"])),
        },
        "vesicles": {"diameter_nm": between(60.0, 400.0)},
        "beads": {"diameter_nm": between(20.0, 200.0), "brightness_spread": between(0.05, 0.6)},
    }
