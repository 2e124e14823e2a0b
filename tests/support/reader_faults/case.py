"""One file with one fault, the frames it was made of, and what is whole of it.

Every pixel of the truth differs, so that a wrong frame, a wrong plane or another position cannot
pass; none is 0, which Zarr reads of what was never written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tifffile

from livesim.config.settings import PatternSettings
from livesim.io.read.open import open_recording
from livesim.values.errors import LostFrameError

POSITIONS, TIMES, Y, X = 2, 3, 12, 16
TRUTH = 1 + np.arange(POSITIONS * TIMES * 9 * Y * X, dtype=np.uint16).reshape(-1, 27, Y, X)
"""[position or channel, frame, y, x]: three raw stacks, the phase fastest."""
FRAMES = TRUTH[0]
READ, SALVAGED, REFUSED = "read", "salvaged", "refused"
Place = tuple[int, int, int, int]


def stack(number: int, frames: np.ndarray = FRAMES) -> np.ndarray:
    """Return a raw stack [angle, phase, y, x] of consecutive frames."""
    return frames[9 * number : 9 * number + 9].reshape(3, 3, Y, X)


def at_times(*numbers: int, frames: np.ndarray = FRAMES) -> Mapping[Place, np.ndarray]:
    """Return raw stacks by (position, time, channel, z), of one position."""
    return {(0, number, 0, 0): stack(number, frames) for number in numbers}


ALL = at_times(0, 1, 2)
BOTH = {(p, t, 0, 0): stack(t, TRUTH[p]) for p in range(POSITIONS) for t in range(TIMES)}
"""Both positions."""
FIRST_AND_PART = {**ALL, (1, 0, 0, 0): stack(0, TRUTH[1])}
"""The second position was stopped in its second raw stack."""
SECOND_STOPPED = "found 4 at position 1, time 1 and none in 1 other; the 4 whole ones are used"
COLOURS = {(0, t, c, 0): stack(t, TRUTH[c]) for c in range(2) for t in range(TIMES)}


@dataclass(frozen=True)
class Case:
    """One file with one fault."""

    format: str
    fault: str
    build: Callable[[Path], Path]
    """Make the file in an empty folder."""
    stacks: Mapping[Place, np.ndarray] | None
    """What is whole; None = the file is refused."""
    says: str = ""
    """A regular expression for the warnings, or for the refusal; "" = no warning."""
    pattern: PatternSettings = field(default_factory=PatternSettings)

    loses: bool = True
    """Whether that which is said is a loss."""

    @property
    def outcome(self) -> str:
        """Whether it is read without a loss, salvaged, or refused."""
        if self.stacks is None:
            return REFUSED
        return SALVAGED if self.says and self.loses else READ


def read_whole(path: Path, pattern: PatternSettings) -> tuple[dict[Place, np.ndarray], str]:
    """Return the raw stacks of a recording that can be read, and all that is said of it."""
    found, lost = {}, []
    with open_recording(path, pattern) as recording:
        for index in recording.indices:
            place = (index.position, index.time, index.channel, index.z)
            try:
                found[place] = recording.lit_stack(index).pixels
            except LostFrameError as error:
                lost.append(str(error))
        said = [*recording.warnings, *lost[:1]]
    return found, "; ".join(said)


def settings(**values) -> PatternSettings:
    return PatternSettings.model_validate(values)


def cut(build: Callable[[Path], Path], keep: Callable[[Path], int]) -> Callable[[Path], Path]:
    """Return a builder that leaves the first bytes of what another one built."""

    def cut_file(folder: Path) -> Path:
        path = build(folder)
        path.write_bytes(path.read_bytes()[: keep(path)])
        return path

    return cut_file


def in_frame(number: int) -> Callable[[Path], int]:
    """Return where the middle of the pixels of a TIFF's frame lies."""

    def place(path: Path) -> int:
        with tifffile.TiffFile(path) as tif:
            page = tif.pages[number if len(tif.pages) > 1 else 0]
            offset, size = page.dataoffsets[0], Y * X * 2
            behind = 0 if len(tif.pages) > 1 else number * size
            return offset + behind + min(page.databytecounts[0], size) // 2

    return place
