"""Load the network that restores volumes, and refuse those that do not fit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from livesim.config.settings import Settings, SettingsError, Steps
from livesim.engine.seams import Resolved
from livesim.pipeline.devices import CPU, preferred_device
from livesim.pipeline.networks import precision_for, with_own_steps
from livesim.values.pattern import Pattern
from livesim_models.card import Card
from livesim_models.checkpoint import file_sha256, read_card, read_model
from livesim_models.field import FieldRunner
from livesim_models.shipped import AUTO, FOR_VOLUMES, NONE, model_file
from livesim_models.volume.step import PlanesHybrid


@dataclass(frozen=True, slots=True, eq=False)
class VolumeNetwork:
    """A network for volumes, ready to run."""

    card: Card
    step: PlanesHybrid
    models: dict[str, str]
    """File name -> SHA-256, for the recipe."""


def load_volume_network(settings: Settings, device: torch.device = CPU) -> VolumeNetwork | None:
    """Load the network that settings of volumes ask for to a device; None where they ask for none.

    Raises
    ------
    SettingsError
        If there is no such model, or one that is none of volumes is asked for by name.
    DataError
        If a model file cannot be used.
    """
    path = _file(settings)
    if path is None:
        return None
    runner = FieldRunner(read_model(path).network.to(device), precision_for(settings, device))
    return VolumeNetwork(read_card(path), PlanesHybrid(runner), {path.name: file_sha256(path)})


def wants_network(settings: Settings) -> bool:
    """Return whether any channel of volumes is to be restored by a network; cheap.

    Raises
    ------
    SettingsError, DataError
        As `load_volume_network`.
    """
    channels = (settings, *(settings.of_channel(number) for number in settings.channels))
    files = [_file(one) for one in channels]  # every one is checked
    return any(files)


def resolved_volumes(settings: Settings) -> Resolved:
    """Return settings of volumes that name the network which "auto" stands for here.

    Raises
    ------
    SettingsError, DataError
        As `load_volume_network`.
    """
    each = {number: settings.of_channel(number) for number in settings.channels}
    files = [path for path in map(_file, (settings, *each.values())) if path is not None]
    channels = {
        number: with_own_steps(channel, _steps(each[number]))
        for number, channel in settings.channels.items()
    }
    named = settings.model_copy(update={"steps": _steps(settings), "channels": channels})
    return Resolved(
        named,
        {path.name: file_sha256(path) for path in files},
        {path.name: read_card(path).model_dump(mode="json") for path in files},
    )


def _steps(settings: Settings) -> Steps:
    """Return the steps of one channel: behind the reconstruction, or none."""
    name, precision = _name(settings), settings.steps.precision
    if name != NONE:
        precision = precision_for(settings, preferred_device())
    chosen = {"one": NONE, "two": name, "all": NONE, "precision": precision}
    return settings.steps.model_copy(update=chosen)


def _name(settings: Settings) -> str:
    return FOR_VOLUMES if settings.steps.two == AUTO else settings.steps.two


def _file(settings: Settings) -> Path | None:
    """Return the file of the network that settings of one channel ask for; None = of none."""
    for step in ("one", "all"):
        found = getattr(settings.steps, step)
        if found not in (AUTO, NONE):
            raise SettingsError(
                f"steps.{step}: expected {NONE!r} for volumes, whose networks work behind the "
                f"reconstruction, found {found!r}"
            )
    name = _name(settings)
    if name == NONE:
        return None
    path = model_file(name, "two")
    if not read_card(path).on_volumes:
        raise SettingsError(
            f"steps.two: expected a network for volumes or {NONE!r}, found {name!r}, which is for "
            "single planes"
        )
    return path


def why_no_network(pattern: Pattern, card: Card) -> str:
    """Return why a network does not run with a pattern; "" where nothing speaks against it."""
    if pattern.is_widefield_only:
        return (
            "no network runs: no angle of the pattern was found, and networks would draw "
            "structures into a volume that shows none"
        )
    frames = sum(len(angle.phases_rad) for angle in pattern.angles)
    if frames != card.frames:
        return (
            f"no network runs: expected planes of {card.frames} frames as {card.name!r} was "
            f"trained on, found {frames}"
        )
    return ""
