"""Find the files of a recording, and open what is asked for of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from livesim.config.settings import SettingsError
from livesim.io.read.raw_time_lapse import open_raw, open_widefield
from livesim.io.read.result_time_lapse import open_result
from livesim.io.read.time_lapse import TimeLapse
from livesim.io.recipe import steps_run
from livesim.io.recording_files import RAW_NAME, RESULTS_NAME, existing, finished_name
from livesim.values.errors import DataError

RESULT, PLAIN, WIDEFIELD, RAW = "result", "plain", "widefield", "raw"
WHATS = (RESULT, PLAIN, WIDEFIELD, RAW)


@dataclass(frozen=True, slots=True)
class RecordingFiles:
    """The files of a recording, as far as there are any."""

    given: Path
    result: Path | None
    raw: Path | None


def recording_files(path: Path) -> RecordingFiles:
    """Return the files that belong to a folder, to a result or to a raw recording.

    Raises
    ------
    DataError
        If there is nothing, or a folder that holds no recording.
    """
    if not path.exists():
        raise DataError(f"{path}: expected a recording, found nothing there")
    if path.is_dir() and not (path / "zarr.json").is_file():
        found = RecordingFiles(path, existing(path / RESULTS_NAME), existing(path / RAW_NAME))
        if found.result is None and found.raw is None:
            raise DataError(f"{path}: expected a recording, {_what_else(path)}")
        return found
    if finished_name(path).name == RAW_NAME:
        return RecordingFiles(path, existing(path.with_name(RESULTS_NAME)), path)
    raw = path.with_name(RAW_NAME)
    own = finished_name(path).name == RESULTS_NAME
    return RecordingFiles(path, path, existing(raw) if own else None)


def open_source(files: RecordingFiles, what: str) -> TimeLapse:
    """Open the results, the plain results, the widefield or the raw frames of a recording.

    Raises
    ------
    SettingsError
        If `what` is none of `WHATS`.
    DataError
        If the recording has it not; the sentence says what makes it.
    """
    if what not in WHATS:
        raise SettingsError(f"--what: expected one of {' | '.join(WHATS)}, found {what!r}")
    opened: dict[str, Callable[[RecordingFiles], TimeLapse]] = {
        RESULT: _result,
        PLAIN: _plain,
        WIDEFIELD: lambda files: open_widefield(_raw(files, WIDEFIELD)),
        RAW: lambda files: open_raw(_raw(files, RAW)),
    }
    return opened[what](files)


def has_images(files: RecordingFiles, what: str) -> bool:
    """Whether there are results, or plain results, to begin with."""
    if files.result is None or what == RESULT:
        return files.result is not None
    with open_result(files.result) as whole:
        return _is_plain(whole)


def nothing_yet(raw: TimeLapse, what: str) -> TimeLapse:
    """Return the time-lapse of the results, or plain ones, of which none is made yet."""
    y, x, pixel_nm = 2 * raw.layout.y, 2 * raw.layout.x, raw.layout.pixel_nm / 2
    steps = ("reconstruct",) if what == PLAIN else steps_run(raw.recipe.settings.steps)
    return replace(
        raw,
        layout=replace(raw.layout, y=y, x=x, pixel_nm=pixel_nm),
        recipe=raw.recipe.model_copy(update={"steps": steps}),
        written=np.zeros_like(raw.written),
        close=lambda: None,
    )


def title(what: str, whole: TimeLapse) -> str:
    """Return what is written above images of this kind."""
    if what != RESULT:
        return {PLAIN: "Super-resolved", WIDEFIELD: "Widefield", RAW: "Raw frames"}[what]
    return "Super-resolved" if _is_plain(whole) else "Restored"


def _what_else(folder: Path) -> str:
    streams = sorted(one.name for one in folder.glob("stream-*") if one.is_dir())
    if streams:
        return f"found a folder of {len(streams)}: give one of them, such as {folder / streams[0]}"
    return f"found neither {RESULTS_NAME} nor {RAW_NAME} in the folder"


def _result(files: RecordingFiles) -> TimeLapse:
    if files.result is None:
        raise DataError(
            f"{files.given}: expected results, found raw frames only; "
            f"livesim restore {files.raw} --out result.ome.tif makes them, and so does --restore"
        )
    return open_result(files.result)


def _plain(files: RecordingFiles) -> TimeLapse:
    whole = None if files.result is None else open_result(files.result)
    if whole is not None and _is_plain(whole):
        return whole
    if whole is not None:
        whole.close()
    if files.raw is None:
        raise DataError(
            f"{files.given}: expected results made without networks, found none, and no {RAW_NAME} "
            "to make them from"
        )
    raise DataError(
        f"{files.given}: expected results made without networks, found none; livesim restore "
        f"{files.raw} --steps reconstruct --out plain.ome.tif makes them"
    )


def _is_plain(whole: TimeLapse) -> bool:
    return whole.recipe.steps == ("reconstruct",)


def _raw(files: RecordingFiles, what: str) -> Path:
    if files.raw is None:
        raise DataError(
            f"{files.given}: expected {RAW_NAME} beside it for --what {what}, found none"
        )
    return files.raw
