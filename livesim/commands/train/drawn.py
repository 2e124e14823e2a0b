"""Train networks on examples that are drawn while they learn, and write them with their cards."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import torch
from rich.console import Console

from livesim.commands.progress import progress_bar
from livesim.commands.train.specimens import drawn_specimen
from livesim_models.card import Card
from livesim_models.checkpoint import read_model, write_model
from livesim_models.data.varied.camera import READ_NOISE
from livesim_models.data.varied.example import PHOTONS
from livesim_models.data.varied.photographs import TRAINING
from livesim_models.data.varied.scenery import PICTURES, Sceneries
from livesim_models.network import Network
from livesim_models.shipped import model_file
from livesim_models.training.recipe import VariedRecipe
from livesim_models.training.varied import Progress, train_varied, trained

RECIPE_NAME = "recipe.toml"
SPECIMENS: Final = ("beads", "filaments", "mitochondria", "network", "vesicles")


def train_on_drawn(recipe: VariedRecipe, out: Path, console: Console) -> None:
    """Train the networks of a recipe, write them, and say how much they gain.

    Interrupted, the networks are written as the last checkpoint has them.

    Raises
    ------
    SettingsError, DataError
        If a model to begin with cannot be used, or nothing was trained yet.
    """
    sceneries = Sceneries(drawn_specimen)
    start = {name: _network(model) for name, model in recipe.start.items()}
    try:
        with progress_bar("steps", recipe.steps, console) as bar:
            train_varied(recipe, sceneries, out, start, bar.show)
    finally:
        _write(recipe, trained(recipe, sceneries, out), out, console)


def _network(model: str) -> Network:
    return read_model(model_file(model, "two")).network.requires_grad_(True)


def _write(recipe: VariedRecipe, progress: Progress, out: Path, console: Console) -> None:
    for name, network in progress.networks.items():
        path = out / f"{name}-two.safetensors"
        write_model(path, network, _card(recipe, progress, name, out), torch.float16)
        gains = ", ".join(f"{gain:.2f} at {p:g}" for p, gain in progress.gains[name].items())
        console.print(f"{name}: gains in dB by photons: {gains}", highlight=False)
        console.print(f"wrote {path}", soft_wrap=True, highlight=False)


def _card(recipe: VariedRecipe, progress: Progress, name: str, out: Path) -> Card:
    drawn = sorted(draw.__name__ for draw in PICTURES)
    gains = {f"gain dB, {p:g} photons": round(g, 3) for p, g in progress.gains[name].items()}
    return Card(
        name=name,
        step="two",
        description=recipe.description,
        licence=recipe.licence,
        architecture=recipe.networks[name],
        normalisation="conditions",
        layout="any",
        photons=PHOTONS,
        read_noise=READ_NOISE,
        structures=(*SPECIMENS, *drawn),
        photographs=dict(TRAINING),
        recipe=(out / RECIPE_NAME).read_text(encoding="utf-8"),
        metrics=gains,
        training={**described(progress.hours), "steps": progress.steps},
    )


def described(hours: float) -> dict[str, str | float | int]:
    """Return date, hours and machine of a training, for a card."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "hours": round(hours, 2),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
        "processor": platform.machine(),
        "torch": str(torch.__version__),
    }
