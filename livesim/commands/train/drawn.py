"""Train networks on examples that are drawn while they learn, and write them with their cards."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import torch
from rich.console import Console

from livesim.commands.progress import progress_bar
from livesim.commands.train.specimens import VOLUMES, drawn_specimen, drawn_volume
from livesim.config.settings import SettingsError
from livesim_models.card import Card
from livesim_models.checkpoint import read_card, read_model, write_model
from livesim_models.data.stacks import SimulatorRecipe
from livesim_models.data.varied.camera import READ_NOISE
from livesim_models.data.varied.example import PHOTONS
from livesim_models.data.varied.photographs import TRAINING
from livesim_models.data.varied.scenery import PICTURES, Sceneries
from livesim_models.data.volumes.scenery import TEXTURES, VolumeSceneries
from livesim_models.data.volumes.taken import PHOTONS as VOLUME_PHOTONS
from livesim_models.field import FieldRunner
from livesim_models.network import Architecture, Network
from livesim_models.registry import build
from livesim_models.shipped import ALL, StepName, model_file
from livesim_models.training.course import Course, OnPlain, OnStacks
from livesim_models.training.recipe import VariedRecipe, VolumeRecipe
from livesim_models.training.varied import CHECKPOINT, Progress, train_varied, trained, widened
from livesim_models.training.volume_course import OnVolumeFrames, OnVolumes
from livesim_models.volume.step import PlanesStep, on_planes

RECIPE_NAME = "recipe.toml"
SPECIMENS: Final = ("beads", "filaments", "mitochondria", "network", "vesicles")


def train_on_drawn(recipe: VariedRecipe, out: Path, console: Console) -> None:
    """Train the networks of a recipe, write them, and say how much they gain.

    Interrupted, the networks are written as the last checkpoint has them.

    Raises
    ------
    SettingsError, DataError
        If a model to begin with cannot be used.
    """
    course = course_of(recipe)
    start = {name: _network(name, model, recipe) for name, model in recipe.start.items()}
    try:
        with progress_bar("steps", recipe.steps, console) as bar:
            train_varied(recipe, course, out, start, bar.show)
    finally:
        if (out / CHECKPOINT).exists():  # without one, what ended it is what there is to say
            _write(recipe, course, trained(recipe, course, out), out, console)


def course_of(recipe: VariedRecipe) -> Course:
    """Return what the networks of a recipe learn from."""
    if recipe.volume is not None:
        return _on_volumes(recipe, recipe.volume)
    if recipe.simulator is None:
        return OnPlain(recipe, Sceneries(drawn_specimen))
    return OnStacks(recipe)


def _on_volumes(recipe: VariedRecipe, volume: VolumeRecipe) -> Course:
    sceneries = VolumeSceneries(drawn_volume)
    if volume.step == "one":
        return OnVolumeFrames(recipe, sceneries)
    behind = None if volume.behind is None else _denoiser(volume.behind)
    return OnVolumes(recipe, sceneries, behind)


def _denoiser(model: str) -> PlanesStep:
    """Return the step one that another step is trained behind."""
    path = model_file(model, "one")
    card = read_card(path)
    if card.normalisation != "orders":
        raise SettingsError(
            f"volume.behind: expected a step one for volumes, found {model!r}, which is none"
        )
    return on_planes(FieldRunner(read_model(path).network), card.architecture)


def _step(recipe: VariedRecipe) -> StepName:
    if recipe.volume is not None:
        return recipe.volume.step
    return "two" if recipe.simulator is None else ALL


def _network(name: str, model: str, recipe: VariedRecipe) -> Network:
    """Return the model that a network of a recipe begins with, with as many inputs as that has."""
    begun, expected = read_model(model_file(model, _step(recipe))).network, recipe.networks[name]
    network = build(expected)
    try:
        network.load_state_dict(widened(begun.state_dict(), network.state_dict()))
    except (ValueError, RuntimeError) as error:
        raise SettingsError(
            f"start.{name}: expected a model of the recipe's architecture, {_named(expected)}, "
            f"found {model!r} with {_named(begun.architecture)}"
        ) from error
    return network.requires_grad_(True)


def _named(architecture: Architecture) -> str:
    return ", ".join(f"{key} = {value}" for key, value in architecture.model_dump().items())


def _write(
    recipe: VariedRecipe, course: Course, progress: Progress, out: Path, console: Console
) -> None:
    for name, network in progress.networks.items():
        path = out / f"{name}-{_step(recipe)}.safetensors"
        write_model(path, network, _card(recipe, course, progress, name, out), torch.float16)
        found = progress.decibels[name].items()
        words = ", ".join(f"{decibels:.2f} at {at:g}" for at, decibels in found)
        console.print(f"{name}: {course.measure} by {course.level}: {words}", highlight=False)
        console.print(f"wrote {path}", soft_wrap=True, highlight=False)


def _card(recipe: VariedRecipe, course: Course, progress: Progress, name: str, out: Path) -> Card:
    drawn = sorted(draw.__name__ for draw in PICTURES)
    found = progress.decibels[name].items()
    if recipe.volume is not None:
        sees = _of_volumes(recipe.volume.step)
    elif recipe.simulator is None:
        sees = _of_plain(drawn)
    else:
        sees = _of_stacks(recipe.simulator, drawn)
    return Card(
        name=name,
        step=_step(recipe),
        description=recipe.description,
        licence=recipe.licence,
        architecture=recipe.networks[name],
        photographs=_seen(recipe, name),
        recipe=(out / RECIPE_NAME).read_text(encoding="utf-8"),
        metrics={f"{course.measure}, {at:g} {course.level}": round(db, 3) for at, db in found},
        training={**described(progress.hours), "steps": progress.steps},
        behind=_behind(recipe),
        **sees,
    )


def _behind(recipe: VariedRecipe) -> str | None:
    """Return the name of the step one that a network was trained behind, if there was any."""
    if recipe.volume is None or recipe.volume.behind is None:
        return None
    return read_card(model_file(recipe.volume.behind, "one")).name


def _seen(recipe: VariedRecipe, name: str) -> dict[str, str]:
    """Return the photographs that a network has seen, before this training too: licences."""
    own = {} if recipe.volume is not None else dict(TRAINING)
    if name not in recipe.start:
        return own
    return read_card(model_file(recipe.start[name], _step(recipe))).photographs | own


def _of_plain(drawn: Sequence[str]) -> dict[str, Any]:
    """Return what the card of a network on the plain image says of its input."""
    return {
        "normalisation": "conditions",
        "layout": "any",
        "photons": PHOTONS,
        "read_noise": READ_NOISE,
        "structures": (*SPECIMENS, *drawn),
    }


def _of_volumes(step: StepName) -> dict[str, Any]:
    """Return what the card of a network on volumes says of its input."""
    return {
        "normalisation": "orders" if step == "one" else "planes",
        "frames": 15,
        "harmonics": 2,
        "photons": VOLUME_PHOTONS,
        "read_noise": READ_NOISE,
        "structures": (*VOLUMES, *TEXTURES),
    }


def _of_stacks(simulator: SimulatorRecipe, drawn: Sequence[str]) -> dict[str, Any]:
    """Return what the card of a network from end to end says of its input."""
    return {
        "normalisation": "range",
        "frames": simulator.frames,
        "kept": simulator.kept,
        "photons": simulator.photons,
        "read_noise": (0.0, 0.0),
        "structures": tuple(drawn),
    }


def described(hours: float) -> dict[str, str | float | int]:
    """Return date, hours and machine of a training, for a card."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "hours": round(hours, 2),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
        "processor": platform.machine(),
        "torch": str(torch.__version__),
    }
