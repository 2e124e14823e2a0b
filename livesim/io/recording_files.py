"""Name the files in the folder of one recorded stream."""

from __future__ import annotations

from pathlib import Path

from livesim.values.errors import DataError

RAW_NAME = "raw.zarr"
PARTIAL = ".partial"
"""What the name of a folder ends in while it is being recorded."""
RESULTS_NAME = "results.ome.zarr"
PATTERN_NAME = "pattern.json"
PATTERN_LOG_NAME = "pattern-log.jsonl"
SETTINGS_LOG_NAME = "settings-log.jsonl"
WEIGHTS_LOG_NAME = "weights-log.jsonl"
TIME_LABELS_NAME = "time-labels.jsonl"


def of_channel(name: str, channel: int | str) -> str:
    """Return the name of a channel's own file ("*" = of any): that of channel 0 has no number."""
    stem, suffix = name.split(".", 1)
    return f"{stem}-channel-{channel}.{suffix}" if channel else name


def existing(path: Path) -> Path | None:
    """Return the path, or what it is called while it is being recorded; None for neither."""
    growing = path.with_name(path.name + PARTIAL)
    return next((one for one in (path, growing) if one.exists()), None)


def finished_name(path: Path) -> Path:
    """Return what a folder is called once its recording is closed."""
    return path.with_name(path.name.removesuffix(PARTIAL))


def raw_of(path: Path) -> Path:
    """Return what was recorded raw, or is being, in a folder of an engine; else the path itself."""
    return existing(path / RAW_NAME) or path


SUFFIXES = (".ome", ".tif", ".tiff", ".btf", ".dv", ".mrc", ".zarr", PARTIAL)


def bare_name(path: Path) -> str:
    """Return the name of a recording without what says its format: "cells_0.5" of a TIFF."""
    name = path.name
    while (suffix := Path(name).suffix).lower() in SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def check_there(path: Path) -> None:
    """Refuse a recording that is not there.

    Raises
    ------
    DataError
        Naming it.
    """
    if not path.exists():
        raise DataError(f"{path}: expected a file or folder, found nothing there")
