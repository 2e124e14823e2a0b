"""`livesim train`: a recipe in, trained networks with their cards and logs out."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from livesim.commands.train_scenes import scenes_of
from livesim.frames import DataError
from livesim_models.card import Card
from livesim_models.checkpoint import write_model
from livesim_models.data.samples import Samples
from livesim_models.data.scene import Scene
from livesim_models.domain import Domain, domain_of
from livesim_models.training.recipe import Recipe, Split, load_recipe
from livesim_models.training.run import Trained, train

RECIPE_NAME = "recipe.toml"
DESCRIBED = 600
"""Samples from which a card describes what a training looked like."""


def train_networks(recipe_path: Path, out: Path) -> None:
    """Run a recipe in the folder `out`; started again, it goes on where it was interrupted.

    Raises
    ------
    SettingsError
        If the recipe cannot be used.
    DataError
        If `out` holds the training of another recipe.
    """
    recipe = load_recipe(recipe_path)
    out.mkdir(parents=True, exist_ok=True)
    _claim(recipe_path, out)
    console = Console(stderr=True)
    trained = train(recipe, lambda split: _scenes(recipe, split, out, console), out)
    domain = _domain(
        recipe, [*_scenes(recipe, "one", out, console), *_scenes(recipe, "two", out, console)]
    )
    for step in ("one", "two"):
        path = out / f"{recipe.name}-{step}.safetensors"
        network = trained.one if step == "one" else trained.two
        write_model(path, network, _card(step, recipe, recipe_path, trained, domain))
        console.print(f"wrote {path}", soft_wrap=True, highlight=False)


def _claim(recipe_path: Path, out: Path) -> None:
    """Keep the recipe beside what it makes; refuse to go on with another one."""
    kept, text = out / RECIPE_NAME, recipe_path.read_text(encoding="utf-8")
    if kept.exists() and kept.read_text(encoding="utf-8") != text:
        raise DataError(
            f"{out}: expected an empty folder or one with the same recipe, found another recipe"
        )
    if not kept.exists():
        shutil.copyfile(recipe_path, kept)


def _scenes(recipe: Recipe, split: Split, out: Path, console: Console) -> list[Scene]:
    columns = (TextColumn("scenes"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("scenes", total=recipe.scenes.count(split))
        path = out / f"scenes-{split}.safetensors"
        return scenes_of(recipe.scenes, split, path, lambda: bar.advance(task))


def _domain(recipe: Recipe, scenes: Sequence[Scene]) -> Domain:
    """Return what the images of the training looked like."""
    samples = Samples(scenes, recipe.light, recipe.training.seed, 0, DESCRIBED)
    widefields = [sample.low.mean(dim=0) for sample in samples]
    return domain_of(widefields)


def _card(step: str, recipe: Recipe, recipe_path: Path, trained: Trained, domain: Domain) -> Card:
    light = recipe.light
    return Card(
        name=f"{recipe.name}-{step}",
        step="one" if step == "one" else "two",
        description=recipe.description,
        licence=recipe.licence,
        architecture=recipe.one if step == "one" else recipe.two,
        normalisation="stabilised" if step == "one" else "levels",
        frames=recipe.one.inputs,
        photons=light.photons,
        read_noise=light.read_noise,
        structures=recipe.scenes.structures,
        domain=domain,
        behind=f"{recipe.name}-one" if step == "two" else None,
        recipe=recipe_path.read_text(encoding="utf-8"),
        training={
            "date": datetime.now(UTC).date().isoformat(),
            "hours": round(trained.hours, 2),
            "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
            "processor": platform.machine(),
            "torch": str(torch.__version__),
        },
    )
