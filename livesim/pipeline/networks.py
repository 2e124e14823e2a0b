"""Load the networks that the settings of a stream ask for; refuse those that do not fit it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from livesim.config.channels import Channel
from livesim.config.settings import Settings, SettingsError, Steps
from livesim.engine.seams import Resolved
from livesim.pipeline.devices import devices
from livesim.values.errors import DataError
from livesim.values.pattern import Levels, Pattern
from livesim_models.card import Card
from livesim_models.checkpoint import Model, file_sha256, read_card, read_model
from livesim_models.conditions import Conditions
from livesim_models.evaluation.similarity import BORDER
from livesim_models.field import FieldRunner
from livesim_models.precision import Precision, common_precision, preferred_precision
from livesim_models.shipped import (
    ALL,
    AUTO,
    NONE,
    OLD_NAMES,
    PAIR,
    PREFERRED,
    STEPS,
    StepName,
    model_file,
    present_name,
    shipped_models,
)
from livesim_models.steps import EndToEnd, Hybrid, StepOne, StepTwo
from livesim_models.trust.verdict import SIDE

SMALLEST = BORDER + SIDE // 2
"""Raw pixels of the shorter side of a field that can be judged."""


@dataclass(frozen=True, eq=False)
class Networks:
    """The networks of a stream: step one and step two, or one from end to end, or none."""

    read_noise: float
    """Electrons, of the camera."""
    step_one: StepOne | None = None
    step_two: StepTwo | Hybrid | None = None
    end_to_end: EndToEnd | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    """File name -> SHA-256, for the recipe."""
    cards: tuple[Card, ...] = ()

    @property
    def any(self) -> bool:
        """Whether there is one at all."""
        return any((self.step_one, self.step_two, self.end_to_end))

    @property
    def both(self) -> bool:
        """Whether there are two."""
        return self.step_one is not None and self.step_two is not None

    def fitting(self, pattern: Pattern) -> Networks:
        """Return the networks that work with a pattern: these, or none; `why_none` says why."""
        return Networks(self.read_noise) if self.any and why_none(pattern) else self

    def warnings(self, widefields: Sequence[Tensor], levels: Levels) -> tuple[str, ...]:
        """Return what about a stream lies outside of what the networks were trained on."""
        names: dict[str, list[str]] = {}
        for card in self.cards:
            for words in card.warnings(widefields, levels):
                names.setdefault(words, []).append(card.name)
        return tuple(f"{' and '.join(who)}: {words}" for words, who in names.items())

    def begun(self, photons: Tensor) -> Tensor:
        """Return what the network that sees the raw frames makes of photo-electrons [frame, y, x].

        Of one from end to end a picture [2 y, 2 x] in its own scale, else as `one`.
        """
        if self.end_to_end is None:
            return self.one(photons)
        pictures: Tensor = self.end_to_end(photons[None])
        return pictures[0]

    def one(self, photons: Tensor) -> Tensor:
        """Denoise photo-electrons [frame, y, x]; without step one they come back as they are."""
        if self.step_one is None:
            return photons
        frames: Tensor = self.step_one(photons[None], self.read_noise)
        return frames[0]

    def two(self, image: Tensor, conditions: Conditions) -> Tensor:
        """Denoise a reconstruction [2 y, 2 x]; without step two it comes back as it is."""
        if self.step_two is None:
            return image
        images: Tensor = self.step_two(image[None], conditions)
        return images[0]


def why_none(pattern: Pattern) -> str:
    """Return why no network runs with a pattern; "" where nothing speaks against it."""
    if pattern.is_widefield_only:
        return (
            "no network runs: no angle of the pattern was found, and networks would draw "
            "structures into an image that shows none"
        )
    if pattern.too_few_frames:
        return (
            "no network runs: raw stacks of too few frames make other errors than networks were "
            "trained on"
        )
    if min(pattern.shape) < SMALLEST:
        rows, columns = pattern.shape
        return (
            f"no network runs: expected a field of at least {SMALLEST} x {SMALLEST} raw pixels, "
            f"in which its error can be measured, found {rows} x {columns}"
        )
    return ""


def load_networks(settings: Settings, device: torch.device) -> Networks:
    """Load the networks that the settings ask for.

    "auto" stands for the shipped one where it fits the stream, and for none where it does not.

    Raises
    ------
    SettingsError
        If there is no such model, or one asked for by name does not fit the stream.
    DataError
        If a model file cannot be used.
    """
    one, two, whole = (_model(settings, step) for step in STEPS)
    return Networks(
        read_noise=settings.camera.read_noise,
        step_one=None if one is None else StepOne(_runner(one, settings, device)),
        step_two=None if two is None else _step_two(two, settings, device),
        end_to_end=None if whole is None else _end_to_end(whole, settings, device),
        models=resolved(settings).models,
        cards=tuple(model.card for model in (one, two, whole) if model is not None),
    )


def resolved(settings: Settings, places: Sequence[torch.device] | None = None) -> Resolved:
    """Return settings that name the networks and the precision which "auto" stands for here.

    Parameters
    ----------
    settings
        Of a stream.
    places
        Where the networks may run, which then all compute in one precision; None = on every GPU
        there is, or the CPU. Where there is none the precision stays "auto".

    Raises
    ------
    SettingsError, DataError
        As `load_networks`.
    """
    places = devices() if places is None else places
    own = _resolved(settings, places)
    each = {number: _resolved(settings.of_channel(number), places) for number in settings.channels}
    models = dict(own.models) | {k: v for one in each.values() for k, v in one.models.items()}
    cards = dict(own.cards) | {k: v for one in each.values() for k, v in one.cards.items()}
    channels = {
        number: with_own_steps(channel, each[number].settings.steps)
        for number, channel in settings.channels.items()
    }
    notes = tuple(dict.fromkeys((*own.notes, *(n for one in each.values() for n in one.notes))))
    resolved = own.settings.model_copy(update={"channels": channels})
    return Resolved(resolved, models, cards, own.choices, notes)


def with_own_steps(channel: Channel, steps: Steps) -> Channel:
    """Return a channel's table with the names of the networks that it asks for."""
    if not any(getattr(channel.steps, step) for step in STEPS):
        return channel
    asked = {str(step): getattr(steps, step) for step in STEPS}
    return channel.model_copy(update={"steps": channel.steps.model_copy(update=asked)})


def _resolved(settings: Settings, places: Sequence[torch.device]) -> Resolved:
    names: dict[str, str] = {step: _name(settings, step) for step in STEPS}
    files = [model_file(names[step], step) for step in STEPS if names[step] != NONE]
    models = {path.name: file_sha256(path) for path in files}
    cards = {path.name: read_card(path).model_dump(mode="json") for path in files}
    precision = settings.steps.precision
    if precision == "auto" and places:
        precision = common_precision([preferred_precision(one) for one in places])
    chosen = settings.steps.model_copy(update={**names, "precision": precision})
    choices: dict[str, tuple[str, ...]] = {step: _choices(settings, step) for step in STEPS}
    with_names = settings.model_copy(update={"steps": chosen})
    return Resolved(with_names, models, cards, choices, _notes(settings))


def _choices(settings: Settings, step: StepName) -> tuple[str, ...]:
    """Return the shipped models that can work on a stream."""
    names = shipped_models(step)
    return tuple(n for n in names if not _misfit(settings, read_card(model_file(n, step))))


def _name(settings: Settings, step: StepName) -> str:
    """Return the model's name, "none" where "auto" finds none that fits, or none is wanted."""
    name = present_name(getattr(settings.steps, step))
    return _automatic(settings, step)[0] if name == AUTO and step != ALL else name


def _automatic(settings: Settings, step: StepName) -> tuple[str, str]:
    """Return the model that "auto" stands for; where that is none, also why."""
    two = _card_of_two(settings) if step == "one" else None
    if settings.steps.all != NONE or (step == "one" and (two is None or two.on_plain)):
        return NONE, ""
    shipped, reasons = shipped_models(step), []
    behind_one = step == "two" and settings.steps.one not in (AUTO, NONE)
    for name in PREFERRED:
        if name not in shipped:
            continue
        card = read_card(model_file(name, step))
        if behind_one and card.on_plain:
            continue
        reasons.append(_misfit(settings, card))
        if not reasons[-1]:
            return name, ""
    return NONE, reasons[0] if reasons else "expected a shipped network, found none"


def _card_of_two(settings: Settings) -> Card | None:
    """Return the card of step two, if there is one."""
    two = _name(settings, "two")
    return None if two == NONE else read_card(model_file(two, "two"))


def _notes(settings: Settings) -> tuple[str, ...]:
    """Return what is to be said of old names, and of the networks that "auto" leaves out."""
    named = dict.fromkeys(getattr(settings.steps, step) for step in STEPS)
    renamed = tuple(
        f'the network "{name}" is called "{present_name(name)}" now: change it in [steps]'
        for name in named
        if name in OLD_NAMES
    )
    left_out = [step for step in PAIR if getattr(settings.steps, step) == AUTO]
    reasons = dict.fromkeys(_automatic(settings, step)[1] for step in left_out)
    return renamed + tuple(f"no network runs: {why}" for why in reasons if why)[:1]


def _model(settings: Settings, step: StepName) -> Model | None:
    name = _name(settings, step)
    if name == NONE:
        return None
    model = read_model(model_file(name, step))
    if model.card.step != step:
        raise DataError(
            f"steps.{step}: expected a model for step {step}, "
            f"found {model.card.name!r} for step {model.card.step}"
        )
    misfit = _misfit(settings, model.card)
    if misfit:
        raise SettingsError(f"steps.{step}: {misfit}")
    if step != ALL and settings.steps.all != NONE:
        raise SettingsError(
            f'steps.{step}: expected "none" or "auto" beside steps.all = {settings.steps.all!r}, '
            f"which takes its place, found {name!r}"
        )
    two = _card_of_two(settings) if step == "one" else None
    if two is not None and two.on_plain:
        raise SettingsError(
            f"steps.one: expected none in front of {_name(settings, 'two')!r}, which works on the "
            f"plain image, found {name!r}"
        )
    return model


def _misfit(settings: Settings, card: Card) -> str:
    """Return why a model cannot work on a stream of single planes; "" = it can."""
    if card.on_volumes:
        return f"expected a network for single planes, found {card.name!r}, which is for volumes"
    iterations = settings.reconstruction.richardson_lucy_iterations
    if iterations:
        return (
            "expected reconstruction.richardson_lucy_iterations = 0, since photons cannot measure "
            f"what a network is worth behind such steps, found {iterations}"
        )
    if settings.reconstruction.processing != "none":
        return (
            'expected reconstruction.processing = "none", since counts are no photons after the '
            'report\'s and nothing can be weighed against them, found "report"'
        )
    pattern = settings.pattern
    if pattern.too_few_phases:
        return (
            "expected 3 phases or more, since raw stacks of fewer make other errors than networks "
            f"were trained on, found {pattern.phases}"
        )
    if card.layout == "any":
        return ""
    found = (pattern.layout, pattern.stack_frames, pattern.harmonics)
    expected = (card.layout, card.frames, card.harmonics)
    if found == expected:
        return ""
    return (
        f"expected stacks as {card.name!r} was trained on, (layout, frames, harmonics) = "
        f"{expected}, found {found}"
    )


def _step_two(model: Model, settings: Settings, device: torch.device) -> StepTwo | Hybrid:
    made: type[StepTwo | Hybrid] = Hybrid if model.card.on_plain else StepTwo
    return made(_runner(model, settings, device))


def _end_to_end(model: Model, settings: Settings, device: torch.device) -> EndToEnd:
    return EndToEnd(_runner(model, settings, device), model.card.kept)


def _runner(model: Model, settings: Settings, device: torch.device) -> nn.Module:
    return FieldRunner(model.network.to(device), precision_for(settings, device))


def precision_for(settings: Settings, device: torch.device) -> Precision:
    """Return in which numbers networks compute."""
    if settings.steps.precision != "auto":
        return settings.steps.precision
    return preferred_precision(device)
