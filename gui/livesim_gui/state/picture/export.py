"""Turn what the export dialog says into the flags of `livesim export`, and read its progress."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from livesim.images.levels import Levels
from livesim_gui.state.picture.stages import PLAIN, WIDEFIELD

MOVIE, IMAGEJ, OME_TIFF, OME_ZARR = ".mp4", ".tif", ".ome.tif", ".ome.zarr"
FORMATS = {
    MOVIE: "Movie with scale bar and time (MP4)",
    IMAGEJ: "ImageJ / Fiji, 16 bits (TIFF)",
    OME_TIFF: "All values (OME-TIFF)",
    OME_ZARR: "All values (OME-Zarr)",
}
"""By the end of a file's name."""
RESULT = "result"
WHATS = {
    RESULT: "Result",
    "plain": "Result without networks",
    "widefield": "Widefield",
    "raw": "Raw frames",
}


GAPS = {
    "": "Stay as the live run left them",
    "--restore": "Are restored first",
    "--skip-gaps": "Are left out",
}
"""Flag -> what becomes of images that the live run skipped, or made without networks."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How the viewer shows a stage at the moment."""

    what: str
    """Of `WHATS`."""
    levels: tuple[Levels, ...]
    """Of each channel that is shown."""
    luts: tuple[str, ...]
    gamma: float
    channels: tuple[int, ...] = ()
    """Which these are; empty = all that there are."""

    @property
    def words(self) -> str:
        """What stands beside the choice."""
        levels = ", ".join(f"{one.low:.4g} to {one.high:.4g}" for one in self.levels)
        return f"{levels}, {' + '.join(self.luts)}, gamma {self.gamma:.2g}"


@dataclass(frozen=True, slots=True)
class ExportWish:
    """One export, as the dialog asks for it."""

    recording: str
    out: str
    what: str = RESULT
    time: str = ""
    channel: str = ""
    z: str = ""
    projected: bool = False
    fps: float = 10.0
    beside: bool = False
    """Whether a movie has the widefield on its left."""
    shown: Shown | None = None
    """Contrast and colours to take; None = automatic ones."""
    gaps: str = ""
    """Of `GAPS`: what becomes of raw stacks that the live run skipped."""
    overwrite: bool = False

    @property
    def problem(self) -> str | None:
        """What is missing, in words; what is wrong inside the files the export itself says."""
        if not self.recording.strip():
            return "Choose a recording: the folder that an engine recorded into, or a result."
        if not self.out.strip():
            return "Choose a name for the file."
        return None

    @property
    def flags(self) -> list[str]:
        """What follows `livesim export`."""
        given = {"--time": self.time, "--channel": self.channel, "--z": self.z}
        texts = [f"{flag}={text.strip()}" for flag, text in given.items() if text.strip()]
        switches = [
            flag
            for flag, on in (("--max-projection", self.projected), ("--overwrite", self.overwrite))
            if on
        ]
        switches += [self.gaps] if self.gaps and self.what in (RESULT, "plain") else []
        return [
            *(self.recording.strip(), "--out", self.out.strip(), "--what", self.what),
            *(*texts, *switches, *self._movie_flags(), *self._look_flags()),
        ]

    def _movie_flags(self) -> list[str]:
        if not self.out.strip().endswith(MOVIE):
            return []
        beside = ["--beside", "widefield"] if self.beside and self.what != "raw" else []
        return [f"--fps={self.fps:g}", *beside]

    def _look_flags(self) -> list[str]:
        if self.shown is None:
            return []
        contrast = ",".join(f"{one.low!r}:{one.high!r}" for one in self.shown.levels)
        luts = ",".join(self.shown.luts)
        return [f"--contrast={contrast}", f"--lut={luts}", f"--gamma={self.shown.gamma:g}"]


@dataclass(frozen=True, slots=True)
class ExportProgress:
    """One line of what a running export writes."""

    done: int = 0
    total: int = 0
    wrote: tuple[str, ...] = ()
    """The files, once they are there."""
    notes: tuple[str, ...] = ()
    """What is to be said of them."""


def read_progress(line: str) -> ExportProgress | None:
    """Read one line; None where it is something else, such as a warning of a library."""
    try:
        values = json.loads(line)
        return ExportProgress(
            values.get("done", 0),
            values.get("total", 0),
            tuple(values.get("wrote", ())),
            tuple(values.get("notes", ())),
        )
    except (ValueError, AttributeError, TypeError):
        return None


def what_of(stage: str, *, restored: bool) -> str:
    """Return what to export so that it is the stage shown.

    What step one and what the networks alone give is not recorded: the result stands for them.

    Parameters
    ----------
    stage
        Its name.
    restored
        Whether the stream has results made with networks.
    """
    if stage == WIDEFIELD:
        return "widefield"
    if stage == PLAIN and restored:
        return "plain"
    return RESULT


def free_name(recording: Path, suffix: str) -> Path:
    """Return a name beside the recording that nothing bears yet."""
    stem = recording.name.split(".")[0]
    names = (f"{stem}{'' if n == 1 else f'-{n}'}{suffix}" for n in count(1))
    return next(path for name in names if not (path := recording.with_name(name)).exists())


def with_suffix(name: str, suffix: str) -> str:
    """Return a file's name with the ending of another format."""
    known = sorted(FORMATS, key=len, reverse=True)
    own = next((end for end in known if name.lower().endswith(end)), "")
    return name[: len(name) - len(own)] + suffix
