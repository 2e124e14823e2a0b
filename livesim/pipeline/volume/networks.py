"""Load the networks that restore volumes, and refuse those that do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
from livesim_models.shipped import (
    AUTO,
    FOR_VOLUMES,
    NONE,
    PAIR,
    StepName,
    model_file,
    shipped_models,
)
from livesim_models.volume.orders import FRAMES, ORDERS
from livesim_models.volume.step import PlanesStep, on_planes

_KIND: dict[StepName, str] = {"one": "orders", "two": "planes"}
"""What cards of networks for volumes call their input."""


@dataclass(frozen=True, slots=True, eq=False)
class VolumeNetwork:
    """A network for volumes, ready to run."""

    card: Card
    step: PlanesStep


@dataclass(frozen=True, slots=True, eq=False)
class VolumeNetworks:
    """The networks of volumes: before the reconstruction, behind it, or both."""

    one: VolumeNetwork | None = None
    two: VolumeNetwork | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    """File name -> SHA-256, for the recipe."""

    @property
    def cards(self) -> tuple[Card, ...]:
        """Of all of them."""
        return tuple(one.card for one in (self.one, self.two) if one is not None)


def load_volume_networks(settings: Settings, device: torch.device = CPU) -> VolumeNetworks | None:
    """Load the networks that settings of volumes ask for to a device; None where they ask for none.

    Raises
    ------
    SettingsError
        If there is no such model, one that is none of volumes is asked for by name, or two of them
        do not work together.
    DataError
        If a model file cannot be used.
    """
    files = _files(settings)
    if not files:
        return None

    def loaded(path: Path) -> VolumeNetwork:
        model = read_model(path)
        runner = FieldRunner(model.network.to(device), precision_for(settings, device))
        return VolumeNetwork(model.card, on_planes(runner, model.card.architecture))

    networks = {step: loaded(path) for step, path in files.items()}
    models = {path.name: file_sha256(path) for path in files.values()}
    return VolumeNetworks(networks.get("one"), networks.get("two"), models)


def wants_networks(settings: Settings) -> bool:
    """Return whether any channel of volumes is to be restored by a network; cheap.

    Raises
    ------
    SettingsError, DataError
        As `load_volume_networks`.
    """
    channels = (settings, *(settings.of_channel(number) for number in settings.channels))
    files = [_files(one) for one in channels]  # every one is checked
    return any(files)


def resolved_volumes(settings: Settings) -> Resolved:
    """Return settings of volumes that name the networks which "auto" stands for here.

    Raises
    ------
    SettingsError, DataError
        As `load_volume_networks`.
    """
    each = {number: settings.of_channel(number) for number in settings.channels}
    files = [path for one in (settings, *each.values()) for path in _files(one).values()]
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
    """Return the steps of one channel by name."""
    names, precision = _names(settings), settings.steps.precision
    if set(names.values()) != {NONE}:
        precision = precision_for(settings, preferred_device())
    chosen = {"one": names["one"], "two": names["two"], "all": NONE, "precision": precision}
    return settings.steps.model_copy(update=chosen)


def _names(settings: Settings) -> dict[StepName, str]:
    """Return the models of one channel, "none" where there is none.

    A step one that is left open is that behind which step two was trained, if it was; a step two
    that is left open is that of the same name as step one, if there is one.
    """
    one, two = settings.steps.one, settings.steps.two
    if two == AUTO:
        two = one if one in shipped_models("two") else FOR_VOLUMES
    if one == AUTO:
        behind = None if two == NONE else read_card(model_file(two, "two")).behind
        one = behind or NONE
    return {"one": one, "two": two}


def _files(settings: Settings) -> dict[StepName, Path]:
    """Return the files of the networks that settings of one channel ask for."""
    if settings.steps.all not in (AUTO, NONE):
        raise SettingsError(
            f"steps.all: expected {NONE!r} for volumes, whose networks work before and behind the "
            f"reconstruction, found {settings.steps.all!r}"
        )
    names = _names(settings)
    asked = {step: names[step] for step in PAIR if names[step] != NONE}
    files = {step: model_file(name, step) for step, name in asked.items()}
    cards = {step: read_card(path) for step, path in files.items()}
    for step, card in cards.items():
        _check_kind(step, names[step], card)
    if "two" in cards:
        _check_together(names, cards.get("one"), cards["two"])
    return files


def _check_kind(step: StepName, name: str, card: Card) -> None:
    """Refuse a network that is not for this step of volumes."""
    if not card.on_volumes:
        raise SettingsError(
            f"steps.{step}: expected a network for volumes or {NONE!r}, found {name!r}, which is "
            "for single planes"
        )
    if card.normalisation != _KIND[step]:
        raise SettingsError(
            f"steps.{step}: expected a model for step {step}, found {name!r} for step {card.step}"
        )


def _check_together(names: Mapping[StepName, str], one: Card | None, two: Card) -> None:
    """Refuse a step two in front of which there is another step one than in its training."""
    found = None if one is None else one.name
    if found == two.behind:
        return
    before = NONE if two.behind is None else two.behind
    raise SettingsError(
        f"steps.one: expected {before!r} in front of {names['two']!r}, which was trained so, "
        f"found {names['one']!r}"
    )


def why_no_networks(pattern: Pattern, networks: VolumeNetworks) -> str:
    """Return why networks do not run with a pattern; "" where nothing speaks against it."""
    if pattern.is_widefield_only:
        return (
            "no network runs: no angle of the pattern was found, and networks would draw "
            "structures into a volume that shows none"
        )
    frames = [len(angle.phases_rad) for angle in pattern.angles]
    for card in networks.cards:
        if sum(frames) != card.frames:
            return (
                f"no network runs: expected planes of {card.frames} frames as {card.name!r} was "
                f"trained on, found {sum(frames)}"
            )
    if networks.one is None:
        return ""
    name = networks.one.card.name
    if frames != [ORDERS] * (FRAMES // ORDERS):
        return (
            f"no network runs: expected {FRAMES // ORDERS} angles of {ORDERS} phases as {name!r} "
            f"was trained on, found {frames}"
        )
    if not all(angle.usable for angle in pattern.angles):
        return (
            f"no network runs: expected fringes in every angle as {name!r} was trained on, found "
            "none in some"
        )
    return ""
