"""Adapt a network to the sample: teach it on recordings without any reference, and judge it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from livesim.commands.adapt.samples import evidence_in, names_of
from livesim.commands.progress import Step, interrupts_held, print_json, words_console
from livesim.commands.train.drawn import described
from livesim.commands.train.specimens import drawn_specimen
from livesim.config.settings import SettingsError
from livesim.io.recording_files import raw_of
from livesim.io.write.placement import Placement, check_apart
from livesim.pipeline.devices import preferred_device
from livesim.values.errors import DataError
from livesim.values.wording import count
from livesim_models.card import AdaptedTo, Card
from livesim_models.checkpoint import file_sha256, read_card, read_model, write_model
from livesim_models.data.varied.example import Example, collated, drawn_example
from livesim_models.data.varied.scenery import Sceneries
from livesim_models.shipped import QUICK, UNIVERSAL, model_file
from livesim_models.training.adaptation import EXAMINE_EVERY, Adapted, Look, adapt
from livesim_models.training.judging import CLEAR, Errors
from livesim_models.trust.evidence import Evidence

_BATCHES, _BATCH, _SIZE = 16, 2, 64
"""Of drawn examples: how many batches, examples of each, and raw pixels along their sides."""


@dataclass(frozen=True, slots=True)
class AdaptRequest:
    """What `livesim adapt` is asked for."""

    raws: Sequence[Path]
    config: Path | None = None
    changes: Sequence[str] = ()
    start: str | None = None
    """Name or path of the network to begin with; None = as large a one as this machine teaches."""
    out: Path | None = None
    """None: beside the user, named after the first recording and the network."""
    minutes: float = 20.0
    """At most, after the recordings were read."""
    overwrite: bool = False
    as_json: bool = False
    tied: bool = False


def adapt_network(asked: AdaptRequest) -> bool:
    """Adapt a network to recordings; write it where it gained, and return whether it did.

    Interrupted, the best network so far is what is judged.

    Raises
    ------
    SettingsError
        If the network is none on the plain image, or settings are wrong.
    DataError
        If a recording cannot be used, or the file exists already.
    """
    file = _model_file(asked.start)
    card, console = read_card(file), words_console()
    raws = [raw_of(path) for path in asked.raws]
    out = asked.out or Path(f"{names_of(raws)[0]}-{card.name}.safetensors".replace("/", "-"))
    check_apart(out, raws)
    with (
        Placement(out, overwrite=asked.overwrite) as placement,
        interrupts_held(tied=asked.tied) as go,
    ):
        evidence = evidence_in(raws, asked.config, asked.changes, str(file), go)
        _tell_held_out(evidence, console)
        adapted = _adapted(asked, file, evidence, go, console)
        _tell(adapted, console)
        if not adapted.gained:
            return False
        write_model(placement.partial, adapted.network, _card(card, file, evidence, adapted, out))
        placement.commit()
    console.print(
        f"wrote {out}; to use it in a running stream: livesim steer steps.one=none steps.two={out}"
    )
    if asked.as_json:
        print_json(wrote=[str(out)], notes=[])
    return True


def _model_file(start: str | None) -> Path:
    """Return the file of the network to begin with."""
    shipped = UNIVERSAL if preferred_device().type == "cuda" else QUICK
    file = model_file(start or shipped, "two")
    if not read_card(file).on_plain:
        raise SettingsError(
            f"--from: expected a network on the plain image, such as {QUICK} or {UNIVERSAL}, "
            f"found {start!r}"
        )
    return file


def _adapted(
    asked: AdaptRequest, file: Path, evidence: Sequence[Evidence], go: Step, console: Console
) -> Adapted:
    def tell(look: Look) -> None:
        if look.steps % EXAMINE_EVERY == 0:
            _tell_look(look, asked, console)
        try:
            go()
        except KeyboardInterrupt:
            console.print("interrupted: the best network so far is judged")
            raise

    network = read_model(file).network.to(preferred_device())
    try:
        return adapt(network, evidence, rehearsal(), 60.0 * asked.minutes, tell)
    except ValueError as error:
        raise DataError(str(error)) from error


def rehearsal() -> list[Example]:
    """Return batches of drawn examples, always the same."""
    sceneries, random = Sceneries(drawn_specimen), np.random.default_rng(1)
    return [
        collated([drawn_example(sceneries, _SIZE, random) for _ in range(_BATCH)]).to(
            preferred_device()
        )
        for _ in range(_BATCHES)
    ]


def _tell_look(look: Look, asked: AdaptRequest, console: Console) -> None:
    if asked.as_json:
        print_json(done=round(look.seconds), total=round(60.0 * asked.minutes), error=look.error)
        return
    console.print(
        f"step {look.steps}, {look.seconds / 60.0:.1f} min: error {look.error:.3f}, lowest "
        f"{look.lowest:.3f}"
    )


def _tell_held_out(evidence: Sequence[Evidence], console: Console) -> None:
    stacks = Counter(one.recording for one in evidence)
    for name, number in stacks.items():
        held = "every fourth stack and in all stacks" if number > 1 else "with one stack only"
        console.print(
            f"{name}: {count(number, 'raw stack')}; {held} every fourth place is held out for the "
            "decision"
        )


def _tell(adapted: Adapted, console: Console) -> None:
    """Say what came of it."""
    if len(adapted.recordings) > 1:
        for name, errors in adapted.recordings.items():
            console.print(f"{name}: {_words(errors)}")
    minutes = adapted.seconds / 60.0
    if adapted.gained:
        console.print(f"gained in {minutes:.1f} min: {_words(adapted.errors)}")
        return
    worse = [name for name, errors in adapted.recordings.items() if errors.rose]
    why = f"the error rose on {', '.join(worse)}" if worse else _words(adapted.errors)
    console.print(
        f"livesim: nothing was gained in {minutes:.1f} min, so nothing is written: expected a fall "
        f"of more than {CLEAR:g} times its uncertainty, found: {why}"
    )


def _words(errors: Errors) -> str:
    return (
        f"error on what was held out {errors.before:.3f} -> {errors.after:.3f} (± "
        f"{errors.uncertainty:.3f}; plain image 1)"
    )


def _card(
    start: Card, file: Path, evidence: Sequence[Evidence], adapted: Adapted, out: Path
) -> Card:
    errors = adapted.errors
    stacks = Counter(one.recording for one in evidence)
    return start.model_copy(
        update={
            "name": out.stem,
            "adapted_to": AdaptedTo(
                model=start.name,
                model_sha256=file_sha256(file),
                recordings=dict(stacks),
                error_before=errors.before,
                error_after=errors.after,
                uncertainty=0.0 if math.isnan(errors.uncertainty) else errors.uncertainty,
            ),
            "metrics": {},
            "training": {**described(adapted.seconds / 3600.0), "steps": adapted.steps},
        }
    )
