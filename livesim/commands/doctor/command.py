"""Examine recordings for faults, and print what was found or write it as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from livesim.commands.doctor.findings import finding_lines, undecided_lines
from livesim.config.settings import Settings
from livesim.io.read.frame_sequence import FrameSequence, open_frames
from livesim.io.read.scales import choose_pixel_nm
from livesim.reconstruction.doctor.examine import FEWEST, middle
from livesim.reconstruction.doctor.survey import Survey
from livesim.values.errors import DataError
from livesim.values.finding import Examination, Finding

CHECKED = (
    "order of frames, angles and phases; lost, repeated, empty, dim and fading frames; fringes; "
    "pixel size and optics; saturation; camera offset, gain and noise"
)


def examine_files(raws: list[Path], settings: list[Settings], *, as_json: bool) -> bool:
    """Print what is wrong with every recording; return whether all are sound.

    Raises
    ------
    DataError
        If a recording cannot be read.
    """
    seen = [
        (raw, *examine_file(raw, own, quiet=as_json))
        for raw, own in zip(raws, settings, strict=True)
    ]
    if as_json:
        print(json.dumps([_document(*one) for one in seen], indent=1))
    else:
        for one in seen:
            _print(*one, Console())
    return not any(misfit or examination.findings for _, misfit, examination in seen)


def examine_file(raw: Path, settings: Settings, *, quiet: bool) -> tuple[str | None, Examination]:
    """Return (why the frames make no whole stacks, if they do not; what else was found).

    Raises
    ------
    DataError
        If the recording cannot be read.
    """
    frames = open_frames(raw, settings.pattern)
    with closing(frames.file):
        if len(frames) < FEWEST:
            raise DataError(f"{raw}: expected at least {FEWEST} frames, found {len(frames)}")
        pixel = choose_pixel_nm(settings.optics.pixel_nm, frames.file.pixel_nm, raw)
        for warning in (*frames.file.warnings, *pixel.warnings):
            print(f"livesim: {warning}", file=sys.stderr)
        own = settings.model_copy(update={"pattern": frames.pattern})
        survey = Survey(_reader(frames), len(frames), own, pixel.nm)
        console = Console(stderr=True)
        hidden = quiet or not console.is_terminal
        with Progress(console=console, transient=True, disable=hidden) as progress:
            task = progress.add_task(f"examining {raw.name}", total=None)
            return frames.misfit, survey.run(
                lambda done, pieces: progress.update(task, completed=done, total=pieces)
            )


def _reader(frames: FrameSequence) -> Callable[[int, int], Tensor]:
    """Return a function that reads the middle of consecutive frames."""
    rows, columns = middle(frames.file.frame_shape)

    def read(first: int, count: int) -> Tensor:
        pixels = frames.read(first, count)[:, rows, columns]
        return torch.from_numpy(pixels.astype(np.float32))

    return read


def _document(raw: Path, misfit: str | None, seen: Examination) -> dict[str, Any]:
    return {
        "recording": str(raw),
        "misfit": misfit,
        "findings": [_values(finding) for finding in seen.findings],
        "undecided": list(seen.undecided),
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


def _print(raw: Path, misfit: str | None, seen: Examination, console: Console) -> None:
    lines = [f"{raw}:"]
    if misfit:
        lines.append(f"  the frames make no whole stacks: {misfit.removeprefix(f'{raw}: ')}")
    for finding in seen.findings:
        lines += finding_lines(finding)
    if not seen.findings and not misfit:
        lines.append(f"  no fault found (checked: {CHECKED})")
    lines += undecided_lines(seen.undecided)
    console.print("\n".join(lines), soft_wrap=True, highlight=False, markup=False)
