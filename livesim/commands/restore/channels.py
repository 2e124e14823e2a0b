"""Prepare each channel of a recording: its settings, networks, pattern and their changes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import cycle
from pathlib import Path

import torch

from livesim.commands.calibrate import spread_stacks
from livesim.config.changes import SettingsChange, settings_at
from livesim.config.settings import Settings, Steps
from livesim.io.logs import read_pattern_log, read_settings_log, read_weights_log
from livesim.io.otf import otf_profile
from livesim.io.pattern_file import read_pattern_for
from livesim.io.read.recording import Recording
from livesim.io.settings_beside import own_pattern_files, pattern_for, weights_log_for
from livesim.pipeline.calibration import (
    calibrate,
    held_against,
    in_this_light,
    with_levels,
    with_warnings,
)
from livesim.pipeline.counts import with_noise_said
from livesim.pipeline.devices import device_named, devices, preferred_device
from livesim.pipeline.fringes import LOOKED_AT, with_fringes_doubted
from livesim.pipeline.networks import Networks, load_networks
from livesim.pipeline.paths import path_for
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.pipeline.preparation import OtfProfile
from livesim.pipeline.work import FramePath
from livesim.values.errors import DataError, LostFrameError
from livesim.values.frames import RawStack, StackIndex
from livesim.values.illumination import (
    Illumination,
    PatternChange,
    changes_in_force,
    illuminations,
)
from livesim.values.pattern import Pattern
from livesim.values.weights import BandWeights, WeightsChange
from livesim_models.checkpoint import file_sha256
from livesim_models.shipped import NONE, OLD_FILES, STEPS, model_file, old_file_name


@dataclass(frozen=True, eq=False)
class RestoredChannel:
    """One channel of a recording."""

    settings: Settings
    """What holds for this channel."""
    networks: Networks
    profile: OtfProfile | None
    pattern: Pattern
    """What it begins with."""
    log: Path | None
    """Of its pattern, as the live run wrote it; None = the pattern stays as it is."""
    changes: tuple[PatternChange, ...]
    weighed: tuple[WeightsChange, ...] | None = None
    """Weights of its networks, as the live run logged them; None = there is no log."""
    as_live: bool = False
    """Whether the images are to be those of a live run, which replaces the strongest hits alone."""
    steered: dict[Steps, Networks] = field(default_factory=dict)
    """Networks to which the live run was steered, once they are loaded."""
    path: FramePath = field(default_factory=lambda: path_for(preferred_device()))

    def prepared(self, pattern: Pattern, settings: Settings) -> ReconstructionPipeline:
        """Return the reconstruction with a pattern, and with this channel's settings then."""
        networks = self.networks
        if pattern == self.pattern:
            # Why none fits is among this pattern's warnings, and need not be said twice.
            networks = networks.fitting(pattern)
        if settings.steps != self.settings.steps:
            if settings.steps not in self.steered:
                self.steered[settings.steps] = load_networks(settings, self.path.device)
            networks = self.steered[settings.steps]
        return ReconstructionPipeline(settings, pattern, self.profile, networks, self.path)


Channels = Mapping[int, RestoredChannel]


def restored_channels(
    raw: Path,
    recording: Recording,
    settings: Settings,
    pattern_file: Path | None,
    *,
    live: bool,
    known: Mapping[int, Pattern] | None = None,
    device: str | None = None,
    lanes: int = 1,
) -> Channels:
    """Return every channel of a recording with its pattern: known, or estimated from it.

    Parameters
    ----------
    live
        Whether to follow what the live run logged of its weights.
    known
        The pattern of every channel as it was found before, fitted to its light; then no frame is
        read.
    device
        Of all channels; None = every GPU in turn, as a live run takes them.
    lanes
        Raw stacks at most that a GPU may be at work on at once, see `path_for`.

    Raises
    ------
    SettingsError, DataError
        If a network, a pattern or its log cannot be used.
    """
    numbers = sorted({index.channel for index in recording.indices})
    places = cycle(devices() if device is None else (device_named(device),))
    channels = {
        number: _channel(
            raw,
            recording,
            settings.of_channel(number),
            pattern_file,
            number,
            place,
            None if known is None else known[number],
            lanes,
        )
        for number, place in zip(numbers, places, strict=False)
    }
    if not live or pattern_file is None or pattern_file != pattern_for(raw):
        return channels
    return {number: _weighed(raw, one, number) for number, one in channels.items()}


def lights(recording: Recording, channels: Channels) -> dict[StackIndex, Illumination]:
    """Return what each raw stack is lit with, of channels whose pattern a live run has followed.

    No entry = its channel's pattern, as it began. Where one log is that of several channels, as
    older recordings have it, one pattern holds for them all, as it did in the live run.
    """
    sharing: dict[Path, list[int]] = {}
    for number, channel in channels.items():
        if channel.log is not None:
            sharing.setdefault(channel.log, []).append(number)
    known: dict[StackIndex, Illumination] = {}
    for numbers in sharing.values():
        first = channels[numbers[0]]
        indices = [index for index in recording.indices if index.channel in numbers]
        known.update(illuminations(indices, first.pattern, first.changes))
    return known


def weights(recording: Recording, channels: Channels) -> dict[StackIndex, BandWeights]:
    """Return the weights that a log names for each raw stack; no entry = nothing was shown."""
    known: dict[StackIndex, BandWeights] = {}
    for number, channel in channels.items():
        if not (changes := channel.weighed):
            continue
        states = (None, *(change.weights for change in changes))
        indices = [index for index in recording.indices if index.channel == number]
        for index, count in changes_in_force(indices, [change.stack for change in changes]):
            found = states[count]
            if found is not None:
                known[index] = found
    return known


def read_steering(log: Path) -> tuple[SettingsChange, ...]:
    """Return what the live run changed of the settings; say how much that is."""
    changes = read_settings_log(log)
    print(f"livesim: {len(changes)} changes of the settings from {log}", file=sys.stderr)
    for change in changes:
        _check_networks(change)
    return changes


def _check_networks(change: SettingsChange) -> None:
    """Refuse networks that are not those of the live run any more: the pixels would be others."""
    sides = (change.old, change.new)
    for step, name in {(step, side.get(f"steps.{step}")) for step in STEPS for side in sides}:
        if not isinstance(name, str) or name == NONE:
            continue
        file = model_file(name, step)
        logged = change.networks.get(file.name) or change.networks.get(old_file_name(file))
        sha256 = None if logged is None else OLD_FILES.get(logged.sha256, logged.sha256)
        if sha256 not in (None, file_sha256(file)):
            raise DataError(
                f"{file}: expected the network of the live run, found another one of that name; "
                "--steps restores without it"
            )


def steered_settings(
    recording: Recording, settings: Settings, changes: Sequence[SettingsChange]
) -> dict[StackIndex, Settings]:
    """Return what held for each raw stack of the channels that were steered.

    Its channel's own settings are put in; of other channels there is no entry.
    """
    known: dict[StackIndex, Settings] = {}
    for channel in {change.stack.channel for change in changes}:
        indices = [index for index in recording.indices if index.channel == channel]
        own = [change for change in changes if change.stack.channel == channel]
        states = settings_at(indices, settings, own)
        known |= {i: state.of_channel(channel) for i, state in zip(indices, states, strict=True)}
    return known


def _channel(
    raw: Path,
    recording: Recording,
    settings: Settings,
    pattern_file: Path | None,
    number: int,
    device: torch.device,
    known: Pattern | None,
    lanes: int,
) -> RestoredChannel:
    networks, profile = load_networks(settings, device), otf_profile(settings)
    make = partial(RestoredChannel, settings, networks, profile, path=path_for(device, lanes=lanes))
    if pattern_file is None:
        return make(known or _found(recording, settings, profile, networks, number), None, ())
    file, log = own_pattern_files(raw, pattern_file, number)
    # The recording's own knows its light, which may have changed since: the live run kept it.
    as_live = pattern_file == pattern_for(raw)
    if known is None:
        print(f"livesim: pattern from {file}", file=sys.stderr)
        stacks = spread_stacks(recording, 1, number)
        read = read_pattern_for(file, recording.frame_shape, settings)
        if as_live:
            read = with_levels(read, stacks, settings)
        else:
            read = held_against(read, _looked_at(recording, number), settings)
            read = in_this_light(read, stacks, settings)
            read = with_noise_said(read, stacks[0], settings)
        known = with_warnings(read, stacks, settings, networks)
    changes = () if log is None else _read_log(log, known)
    return make(known, log, changes, as_live=as_live)


def _found(
    recording: Recording,
    settings: Settings,
    profile: OtfProfile | None,
    networks: Networks,
    number: int,
) -> Pattern:
    """Return a channel's pattern as its frames show it."""
    stacks = spread_stacks(recording, None, number)
    found = calibrate(stacks, settings, profile)
    looked_at = _looked_at(recording, number)
    found = with_fringes_doubted(found, looked_at, settings, known=False)
    found = with_noise_said(found, stacks[0], settings)
    return with_warnings(found, stacks, settings, networks)


def _looked_at(recording: Recording, number: int) -> list[RawStack]:
    """Return raw stacks of a channel, the last one and the first of its position among them.

    Where the last one shows nothing, the first tells a position without a sample from light that is
    gone.
    """
    stacks = spread_stacks(recording, LOOKED_AT, number, last=True)
    last = stacks[-1].index
    first = next(i for i in recording.indices if replace(i, time=last.time) == last)
    if all(stack.index != first for stack in stacks):
        with suppress(LostFrameError):
            stacks.append(recording.lit_stack(first))
    return stacks


def _weighed(raw: Path, channel: RestoredChannel, number: int) -> RestoredChannel:
    """Return a channel with the weights that the live run logged, if it did."""
    log = weights_log_for(raw, number)
    if log is None:
        return channel
    changes = read_weights_log(log)
    shown = sum(change.weights is not None for change in changes)
    print(f"livesim: {shown} times other weights of the networks from {log}", file=sys.stderr)
    return replace(channel, weighed=changes)


def _read_log(log: Path, pattern: Pattern) -> tuple[PatternChange, ...]:
    """Return what the live run changed of the pattern."""
    changes = read_pattern_log(log, pattern)
    print(f"livesim: {len(changes)} changes of the pattern from {log}", file=sys.stderr)
    return changes
