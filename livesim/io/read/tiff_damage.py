"""Say what is missing in a TIFF file; tifffile only logs it and goes on."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tifffile

from livesim.io.read.micromanager_stack import planned_frames
from livesim.io.read.planes import NO_PLANE, PlaneGrid
from livesim.values.wording import count

# Files of these kinds state their shape, so that their pixels can be whole without all pages.
STATES_SHAPE = ("shaped", "imagej")
# What tifffile logs of files of which something is missing.
DAMAGE = re.compile("invalid|corrupt|circular|failed|missing")
# What Micro-Manager writes of its windows and others in words, which no pixel depends on, and what
# is said of a planned size, which `planned_frames` says better.
HARMLESS = re.compile("display settings|comments|display header|MMStack|coercing invalid")
REPORTS = (
    (re.compile("failed to read '(.+?)', raised"), "expected its other file {0}, found none of it"),
    (re.compile("invalid page offset"), "expected a whole TIFF file, found one that is cut off"),
    (re.compile("index map"), "expected Micro-Manager's index of the frames, found none: a crash"),
)


@contextmanager
def damage_reports() -> Iterator[list[str]]:
    """Collect what tifffile only logs: it skips pages that lie beyond the end of a file."""
    reports: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: reports.append(_plain(record))  # type: ignore[method-assign]
    logger = logging.getLogger("tifffile")
    logger.addHandler(handler)
    try:
        yield reports
    finally:
        logger.removeHandler(handler)


def _plain(record: logging.LogRecord) -> str:
    """Return a message without tifffile's name for the object, which stands first in <>."""
    return " ".join(re.sub(r"^<[^>]*> ", "", record.getMessage()).split())


def damage(kind: str, grid: PlaneGrid, reports: list[str], source: Path) -> tuple[str, ...]:
    """Say what of the file is cut off or damaged; the frames before it can be read."""
    found = int((grid.numbers != NO_PLANE).sum())
    serious = [one for one in reports if DAMAGE.search(one) and not HARMLESS.search(one)]
    if serious and kind not in STATES_SHAPE:
        return (f"{source}: {_plain_words(serious[0])}; {count(found, 'whole frame')} in all",)
    if found == grid.numbers.size or kind == "mmstack":
        return ()
    return (
        f"{source}: expected {count(grid.numbers.size, 'frame')} as the file says, found {found}: "
        "it is cut off, or its acquisition was stopped",
    )


def _plain_words(report: str) -> str:
    """Say what tifffile reports as a sentence of what was expected and found."""
    for known, words in REPORTS:
        if found := known.search(report):
            return words.format(*found.groups())
    return f"expected a whole TIFF file, found a damaged one: {report}"


def planned(tif: tifffile.TiffFile, kind: str, grid: PlaneGrid, source: Path) -> tuple[str, ...]:
    """Say which frames of a plan of Micro-Manager were never taken."""
    if kind != "mmstack":
        return ()
    summary = (tif.micromanager_metadata or {}).get("Summary", {})
    return planned_frames(summary, int((grid.numbers != NO_PLANE).sum()), source)


def left_out(tif: tifffile.TiffFile, kind: str, stated: int, source: Path) -> tuple[str, ...]:
    """Say that ImageJ's description knows of fewer frames than there are pages."""
    if kind != "imagej" or len(tif.pages) <= stated:
        return ()
    return (
        f"{source}: expected {count(stated, 'frame')} as the file says, found {len(tif.pages)}: "
        "those behind the others are left out",
    )
