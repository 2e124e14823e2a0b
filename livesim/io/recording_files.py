"""Name the files in the folder of one recorded stream."""

from __future__ import annotations

from pathlib import Path

RAW_NAME = "raw.zarr"
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


SUFFIXES = (".ome", ".tif", ".tiff", ".btf", ".dv", ".mrc", ".zarr", ".partial")


def bare_name(path: Path) -> str:
    """Return the name of a recording without what says its format: "cells_0.5" of a TIFF."""
    name = path.name
    while (suffix := Path(name).suffix).lower() in SUFFIXES:
        name = name.removesuffix(suffix)
    return name
