"""Make every stage of recordings, and compare each with what is known of the truth."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from livesim.commands.calibrate import spread_stacks, with_pixel
from livesim.commands.evaluate.references import (
    Pictures,
    ideal_pictures,
    open_pictures,
    truth_beside,
)
from livesim.commands.evaluate.report import Item, Report, labels
from livesim.commands.evaluate.stages import PLAIN, Stages, instrument, make_stages
from livesim.commands.progress import words_console
from livesim.config.settings import Camera, Settings
from livesim.io.otf import otf_profile
from livesim.io.pattern_file import read_pattern_for
from livesim.io.read.open import open_recording
from livesim.io.read.recording import Recording
from livesim.io.read.truth import open_truth
from livesim.pipeline.calibration import calibrate
from livesim.values.errors import DataError
from livesim.values.frames import RawStack, StackIndex
from livesim.values.results import Image
from livesim_models.evaluation.halves import halved, split
from livesim_models.evaluation.residual import Instrument
from livesim_models.evaluation.table import Kind, Known


@dataclass(frozen=True, slots=True)
class Source:
    """A recording, and what belongs to it."""

    raw: Path
    settings: Settings
    pattern_file: Path | None = None
    """None: the pattern is estimated."""


def evaluate_recordings(
    sources: Sequence[Source], reference: Path | None, report: Report, *, halves: bool = False
) -> None:
    """Make every stage of recordings, and compare each with what is known of the truth.

    That is `reference` where it is given, else the truth that `livesim simulate` left beside the
    recording, else nothing but the photons and the plain reconstruction.

    Parameters
    ----------
    sources
        The recordings.
    reference
        A file with one image for every raw stack, or one for all.
    report
        Takes the numbers.
    halves
        Make every stage from two halves of the photons too, for their ring correlation.

    Raises
    ------
    DataError
        If a file cannot be read, or the sizes do not fit.
    SettingsError
        If a network does not fit, or the pixel size is not known.
    """
    console = words_console()
    names = labels([source.raw for source in sources])
    with ExitStack() as stack:
        opened = [
            stack.enter_context(open_recording(one.raw, one.settings.pattern)) for one in sources
        ]
        every = zip(names, opened, sources, strict=True)
        items = (
            item
            for name, recording, source in every
            for item in _items(name, recording, source, reference, halves=halves)
        )
        report.take(items, sum(len(recording.indices) for recording in opened), console)
        report.finish(console)


def _items(
    name: str, recording: Recording, source: Source, reference: Path | None, *, halves: bool
) -> Iterator[Item]:
    """Yield every raw stack of a recording with its stages."""
    settings = with_pixel(source.settings, recording)
    counted = _photons_are_known(settings, recording)
    with ExitStack() as stack:
        aims = _aims(recording, reference, stack)
        made: dict[int, _Channel] = {}
        for number, index in enumerate(recording.indices):
            if index.channel not in made:
                made[index.channel] = _channel(
                    recording,
                    settings,
                    source.pattern_file,
                    index.channel,
                    halves=halves and counted,
                )
            raw, channel = recording.stack(index), made[index.channel]
            stages = channel.stages(raw)
            known = Known(
                pixel_nm=channel.instrument.pattern.pixel_nm / 2.0,
                reference=aims.of(index, stages[PLAIN], source.raw),
                kind=aims.kind,
                counts=torch.from_numpy(raw.pixels.astype(np.float32)) if counted else None,
                instrument=channel.instrument,
            )
            yield Item(name + _place(recording, index), stages, known, channel.halves(raw, number))


def _photons_are_known(settings: Settings, recording: Recording) -> bool:
    """Whether the settings say how many photons a count is; warn the user if not."""
    known = "gain" in settings.camera.model_fields_set
    if not known:
        print(
            f"livesim: {recording.source}: camera.gain is not in the settings, so nothing is held "
            "against the photons",
            file=sys.stderr,
        )
    return known


@dataclass(frozen=True, slots=True)
class _Aims:
    """What the images of a recording are compared with."""

    kind: Kind
    pictures: Pictures | None
    sizes: tuple[int, int, int, int]
    """Raw stacks along position, time, channel, z."""

    def of(self, index: StackIndex, plain: Image, raw: Path) -> Image:
        """Return the reference [2 y, 2 x] of a raw stack whose plain reconstruction is `plain`."""
        if self.pictures is None:
            return plain
        place = (index.position, index.time, index.channel, index.z)
        flat = int(np.ravel_multi_index(place, self.sizes))
        aim = self.pictures(index.time if self.kind == "truth" else flat)
        if aim.shape != plain.shape:
            raise DataError(
                f"{raw}: expected references of {plain.shape} for it, found one of {aim.shape}"
            )
        return aim.astype(np.float32)


def _aims(recording: Recording, reference: Path | None, stack: ExitStack) -> _Aims:
    found = recording.sizes
    sizes = (found.position, found.time, found.channel, found.z)
    if reference is not None:
        _, pictures = stack.enter_context(open_pictures(reference))
        return _Aims("recording", pictures, sizes)
    truth = truth_beside(recording.source)
    if truth is not None:
        return _Aims("truth", ideal_pictures(open_truth(truth)), sizes)
    return _Aims("plain", None, sizes)


@dataclass(frozen=True, slots=True)
class _Channel:
    """What makes the stages of one channel of a recording."""

    stages: Stages
    half_stages: Stages | None
    instrument: Instrument
    camera: Camera

    def halves(self, stack: RawStack, seed: int) -> dict[str, tuple[Image, Image]]:
        """Return every stage made from two halves of the photons; empty if not asked for."""
        if self.half_stages is None:
            return {}
        one, other = (self.half_stages(half) for half in split(stack, self.camera, seed))
        return {stage: (one[stage], other[stage]) for stage in one}


def _channel(
    recording: Recording,
    settings: Settings,
    pattern_file: Path | None,
    channel: int,
    *,
    halves: bool,
) -> _Channel:
    profile = otf_profile(settings)
    stacks = spread_stacks(recording, None, channel)
    pattern = (
        calibrate(stacks, settings, profile)
        if pattern_file is None
        else read_pattern_for(pattern_file, recording.frame_shape, settings)
    )
    half_stages = None
    if halves:
        dim = [split(stack, settings.camera, 0)[0] for stack in stacks]
        half_stages = make_stages(settings, halved(pattern), dim, profile)
    return _Channel(
        stages=make_stages(settings, pattern, stacks, profile),
        half_stages=half_stages,
        instrument=instrument(settings, pattern, profile),
        camera=settings.camera,
    )


def _place(recording: Recording, index: StackIndex) -> str:
    """Return where in a recording a raw stack is, as far as there are others."""
    sizes = recording.sizes
    parts = {
        "position": (sizes.position, index.position),
        "time": (sizes.time, index.time),
        "channel": (sizes.channel, index.channel),
        "z": (sizes.z, index.z),
    }
    return "".join(f", {axis} {at}" for axis, (size, at) in parts.items() if size > 1)
