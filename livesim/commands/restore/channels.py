"""Prepare each channel of a recording: its settings, networks, pattern and their changes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from livesim.commands.calibrate import spread_stacks
from livesim.config.changes import SettingsChange, settings_at
from livesim.config.settings import Settings, Steps
from livesim.io.logs import read_pattern_log, read_settings_log
from livesim.io.otf import otf_profile
from livesim.io.pattern_file import read_pattern_for
from livesim.io.read.recording import Recording
from livesim.io.settings_beside import own_pattern_files
from livesim.pipeline.build import calibrate, with_levels, with_warnings
from livesim.pipeline.networks import Networks, load_networks, preferred_device
from livesim.pipeline.pipeline import OtfProfile, ReconstructionPipeline, path_for
from livesim.pipeline.work import FramePath
from livesim.values.frames import StackIndex
from livesim.values.illumination import Illumination, PatternChange, illuminations
from livesim.values.pattern import Pattern


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
    steered: dict[Steps, Networks] = field(default_factory=dict)
    """Networks to which the live run was steered, once they are loaded."""
    path: FramePath = field(default_factory=lambda: path_for(preferred_device()))

    def prepared(self, pattern: Pattern, settings: Settings) -> ReconstructionPipeline:
        """Return the reconstruction with a pattern, and with this channel's settings then."""
        networks = self.networks
        if settings.steps != self.settings.steps:
            if settings.steps not in self.steered:
                self.steered[settings.steps] = load_networks(settings, preferred_device())
            networks = self.steered[settings.steps]
        return ReconstructionPipeline(settings, pattern, self.profile, networks, self.path)


Channels = Mapping[int, RestoredChannel]


def restored_channels(
    raw: Path, recording: Recording, settings: Settings, pattern_file: Path | None
) -> Channels:
    """Return every channel of a recording with its pattern: known, or estimated from it.

    Raises
    ------
    SettingsError, DataError
        If a network, a pattern or its log cannot be used.
    """
    numbers = sorted({index.channel for index in recording.indices})
    return {
        number: _channel(raw, recording, settings.of_channel(number), pattern_file, number)
        for number in numbers
    }


def lights(recording: Recording, channels: Channels) -> dict[StackIndex, Illumination]:
    """Return what each raw stack is lit with.

    Where one log is that of several channels, as older recordings have it, one pattern holds for
    them all, as it did in the live run.
    """
    sharing: dict[Path | int, list[int]] = {}
    for number, channel in channels.items():
        sharing.setdefault(channel.log or number, []).append(number)
    known: dict[StackIndex, Illumination] = {}
    for numbers in sharing.values():
        first = channels[numbers[0]]
        indices = [index for index in recording.indices if index.channel in numbers]
        known.update(illuminations(indices, first.pattern, first.changes))
    return known


def read_steering(log: Path) -> tuple[SettingsChange, ...]:
    """Return what the live run changed of the settings; say how much that is."""
    changes = read_settings_log(log)
    print(f"livesim: {len(changes)} changes of the settings from {log}", file=sys.stderr)
    return changes


def steered_settings(
    recording: Recording, settings: Settings, changes: Sequence[SettingsChange]
) -> dict[StackIndex, Settings]:
    """Return what held for each raw stack, its channel's own settings put in."""
    known: dict[StackIndex, Settings] = {}
    for channel in {index.channel for index in recording.indices}:
        indices = [index for index in recording.indices if index.channel == channel]
        own = [change for change in changes if change.stack.channel == channel]
        states = settings_at(indices, settings, own)
        known |= {i: state.of_channel(channel) for i, state in zip(indices, states, strict=True)}
    return known


def _channel(
    raw: Path, recording: Recording, settings: Settings, pattern_file: Path | None, number: int
) -> RestoredChannel:
    networks, profile = load_networks(settings, preferred_device()), otf_profile(settings)
    make = partial(RestoredChannel, settings, networks, profile)
    if pattern_file is None:
        stacks = spread_stacks(recording, None, number)
        found = calibrate(stacks, settings, profile)
        return make(with_warnings(found, stacks, settings, networks), None, ())
    file, log = own_pattern_files(raw, pattern_file, number)
    stacks = spread_stacks(recording, 1, number)
    print(f"livesim: pattern from {file}", file=sys.stderr)
    known = read_pattern_for(file, recording.frame_shape)
    known = with_levels(known, stacks, settings)
    pattern = with_warnings(known, stacks, settings, networks)
    return make(pattern, log, () if log is None else _read_log(log, pattern))


def _read_log(log: Path, pattern: Pattern) -> tuple[PatternChange, ...]:
    """Return what the live run changed of the pattern."""
    changes = read_pattern_log(log, pattern)
    print(f"livesim: {len(changes)} changes of the pattern from {log}", file=sys.stderr)
    return changes
