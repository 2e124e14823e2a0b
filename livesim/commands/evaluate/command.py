"""Check the options of `livesim evaluate`, and evaluate images or recordings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from livesim.config.settings import SettingsError
from livesim.io.settings_beside import pattern_for, settings_for
from livesim.values.extras import install_command


@dataclass(frozen=True, slots=True)
class Request:
    """The options of the command line, but for where to write."""

    truth: Path | None = None
    config: Path | None = None
    pattern: Path | None = None
    one: str = ""
    two: str = ""
    reference: Path | None = None
    halves: bool = False
    pixel_nm: float | None = None
    changes: Sequence[str] = ()


def evaluate_files(
    files: Sequence[Path], request: Request, out: Path, examples: int, *, overwrite: bool
) -> None:
    """Evaluate images where `--truth` is given, otherwise recordings.

    Raises
    ------
    SettingsError
        If options contradict each other, matplotlib is not installed, or as the evaluation.
    DataError
        If `out` holds an evaluation already, or as the evaluation.
    """
    _check(request)
    _check_matplotlib()
    # These load torch and matplotlib: only once all else is right.
    from livesim.commands.evaluate.images import evaluate_images
    from livesim.commands.evaluate.recordings import Source, evaluate_recordings
    from livesim.commands.evaluate.report import Report, labels
    from livesim.commands.evaluate.stages import PLAIN

    if request.truth is not None:
        report = Report(out, examples, labels(files)[0], overwrite=overwrite)
        evaluate_images(files, request.truth, report, request.pixel_nm)
        return
    changes = [*request.changes, *_steps(request)]
    sources = [
        Source(raw, settings_for(raw, request.config, changes), request.pattern or pattern_for(raw))
        for raw in files
    ]
    report = Report(out, examples, PLAIN, overwrite=overwrite)
    evaluate_recordings(sources, request.reference, report, halves=request.halves)


def _steps(request: Request) -> list[str]:
    """Return the networks asked for as changes of the settings."""
    named = {"one": request.one, "two": request.two}
    # A JSON string is a TOML string.
    return [f"steps.{step}={json.dumps(name)}" for step, name in named.items() if name]


def _check(request: Request) -> None:
    """Refuse options of one form beside those of the other."""
    of_recordings = {
        "--config": request.config,
        "--pattern": request.pattern,
        "--one": request.one,
        "--two": request.two,
        "--reference": request.reference,
        "--halves": request.halves,
        "--set": request.changes,
    }
    given = [name for name, value in of_recordings.items() if value]
    if request.truth is not None and given:
        raise SettingsError(f"--truth: expected images alone, found {given[0]}, for recordings")
    if request.truth is None and request.pixel_nm is not None:
        raise SettingsError("--pixel: expected beside --truth; a recording's is optics.pixel_nm")


def _check_matplotlib() -> None:
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"expected matplotlib for the pictures, found none: {install_command('train')}"
        ) from error
