"""Examine recordings for faults, and print what was found or write it as JSON."""

from __future__ import annotations

import json
import sys
import tomllib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from livesim.commands.doctor.findings import finding_lines, undecided_lines
from livesim.config.settings import PatternSettings, Settings, SettingsError
from livesim.io.camera_map import camera_map
from livesim.io.read.axes import size_of
from livesim.io.read.frame_sequence import FrameSequence, open_frames
from livesim.io.read.scales import choose_pixel_nm, unknown_channels
from livesim.reconstruction.defects.search import without_defects
from livesim.reconstruction.doctor.examine import FEWEST, middle
from livesim.reconstruction.doctor.survey import Survey
from livesim.values.defects import Place
from livesim.values.errors import DataError
from livesim.values.finding import Examination, Fault, Finding

CHECKED = (
    "order of frames, angles and phases; lost, repeated, empty, dim and fading frames; fringes; "
    "pixel size and optics; saturation; camera offset, gain and noise"
)

MIXED = (
    "order, fringes and camera: the planes of several z may lie between the frames of a raw stack, "
    "and no raw stack is whole"
)


def examine_files(raws: list[Path], settings: list[Settings], *, as_json: bool) -> bool:
    """Print what is wrong with every recording; return whether all are sound.

    Raises
    ------
    DataError
        If a recording cannot be read.
    """
    examined = [
        one
        for raw, own in zip(raws, settings, strict=True)
        for one in _of_all_channels(raw, own, quiet=as_json)
    ]
    if as_json:
        print(json.dumps([_document(one) for one in examined], indent=1))
    else:
        for one in examined:
            _print(one, Console())
    return not any(seen.is_faulty for seen in examined)


@dataclass(frozen=True, slots=True)
class Examined:
    """What the doctor says of one channel of a recording."""

    raw: Path
    channel: int
    channels: int
    """Of the recording."""
    misfit: str | None
    """Why the frames make no whole raw stacks; None where they do."""
    gaps: str | None
    """Which raw stacks are not whole; None where all are."""
    seen: Examination

    @property
    def is_faulty(self) -> bool:
        """Whether anything is wrong with it."""
        return bool(self.misfit or self.gaps or self.seen.findings)


def _of_all_channels(raw: Path, settings: Settings, *, quiet: bool) -> list[Examined]:
    """Examine every channel; but channels that may be phases or angles are taken for none."""
    first = examine_file(raw, settings, quiet=quiet)
    others = range(1, 1 if first.misfit else first.channels)
    return [first, *(examine_file(raw, settings, number, quiet=quiet) for number in others)]


def examine_file(raw: Path, settings: Settings, channel: int = 0, *, quiet: bool) -> Examined:
    """Examine the whole raw stacks of a channel, or all frames where they make none.

    Raises
    ------
    SettingsError
        If its phases are too few to tell anything.
    DataError
        If the recording cannot be read.
    """
    if settings.pattern.too_few_phases:
        raise SettingsError(
            f"pattern.phases: expected at least 3 for the doctor, found {settings.pattern.phases}; "
            "full raw stacks of the same microscope tell it what it looks for"
        )
    given, settings = settings, settings.of_channel(channel)
    frames = open_frames(raw, settings.pattern, channel)
    with closing(frames.file):
        if len(frames) < FEWEST:
            raise DataError(f"{raw}: expected at least {FEWEST} frames, found {len(frames)}")
        pixel = choose_pixel_nm(settings.optics.pixel_nm, frames.file.pixel_nm, raw)
        unknown = unknown_channels(given, frames.channels, raw)
        for warning in () if channel else (*frames.file.warnings, *pixel.warnings, *unknown):
            print(f"livesim: {warning}", file=sys.stderr)
        own = settings.model_copy(update={"pattern": frames.pattern})
        read = _Reader(frames, own, pixel.nm)
        survey = Survey(read, len(frames), own, pixel.nm)
        console = Console(stderr=True)
        hidden = quiet or not console.is_terminal
        with Progress(console=console, transient=True, disable=hidden) as progress:
            task = progress.add_task(f"examining {raw.name}", total=None)
            seen = survey.run(
                lambda done, pieces: progress.update(task, completed=done, total=pieces)
            )
        if read.places:
            print(f"livesim: {raw}: {len(read.places)} defect pixels replaced", file=sys.stderr)
    if frames.mixed:
        seen = _of_planes(seen, frames, own.pattern)
    return _examined(raw, channel, frames, seen)


def _of_planes(seen: Examination, frames: FrameSequence, pattern: PatternSettings) -> Examination:
    """Return what is to be said of frames that may be planes of several z.

    Where they make raw stacks under other settings, of which z holds whole ones, they are none.
    """
    z = size_of(frames.file.grid, "z")
    counted = [one for one in seen.findings if one.fault is Fault.WRONG_COUNT and one.mend]
    right = tuple(one for one in counted if z % _stack_frames(one.mend or "", pattern) == 0)
    return Examination(right, () if right else (MIXED,))


def _stack_frames(mend: str, pattern: PatternSettings) -> int:
    """Return how many frames a raw stack has under the lines of a finding."""
    changed = {"expected_period_nm": None, "expected_angles_deg": None}
    changed |= tomllib.loads(mend).get("pattern", {})
    return PatternSettings.model_validate(pattern.model_dump() | changed).stack_frames


def _examined(raw: Path, channel: int, frames: FrameSequence, seen: Examination) -> Examined:
    return Examined(raw, channel, frames.channels, frames.misfit, frames.gaps, seen)


class _Reader:
    """Reads the middle of consecutive frames, with defects of the camera replaced."""

    def __init__(self, frames: FrameSequence, settings: Settings, pixel_nm: float) -> None:
        self._frames, self._settings, self._pixel_nm = frames, settings, pixel_nm
        self._rows, self._columns = middle(frames.file.frame_shape)
        self._map = camera_map(settings.camera)
        self.places: set[Place] = set()
        """(y, x) in the middle of the frames, of the pixels that were replaced."""

    def __call__(self, first: int, count: int) -> Tensor:
        """Return so many frames [frame, y, x] from the first one on."""
        whole = self._frames.read(first, count)
        pixels = whole if self._map is None else self._map.equalised(whole)
        counts = torch.from_numpy(pixels[:, self._rows, self._columns].astype(np.float32))
        own = self._settings
        clean, defects = without_defects(counts, own.optics, own.camera, self._pixel_nm)
        self.places.update(defects.places)
        return clean


def _document(one: Examined) -> dict[str, Any]:
    return {
        "recording": str(one.raw),
        "channel": one.channel,
        "misfit": one.misfit,
        "gaps": one.gaps,
        "findings": [_values(finding) for finding in one.seen.findings],
        "undecided": list(one.seen.undecided),
    }


def _values(finding: Finding) -> dict[str, Any]:
    return {
        "fault": finding.fault.value,
        "words": finding.words,
        "sureness": round(finding.sureness, 4),
        "mend": finding.mend,
        "advice": finding.advice,
        "frames": list(finding.frames),
        "value": finding.value,
    }


def _print(one: Examined, console: Console) -> None:
    several = one.channels > 1 and not one.misfit
    lines = [f"{one.raw}{f', channel {one.channel}' if several else ''}:"]
    if one.misfit:
        words = one.misfit.removeprefix(f"{one.raw}: ")
        lines.append(f"  the frames make no whole stacks: {words}")
    if one.gaps:
        lines.append(f"  frames are missing: {one.gaps.removeprefix(f'{one.raw}: ')}")
    for finding in one.seen.findings:
        lines += finding_lines(finding)
    if not one.is_faulty:
        lines.append(f"  no fault found (checked: {CHECKED})")
    lines += undecided_lines(one.seen.undecided)
    console.print("\n".join(lines), soft_wrap=True, highlight=False, markup=False)
