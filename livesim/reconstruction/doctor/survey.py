"""Examine a long recording piece by piece."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from livesim.config.settings import Settings
from livesim.reconstruction.doctor.examine import examine
from livesim.reconstruction.doctor.finding import Examination, Fault, Finding

PIECES = 6
"""Places at which a long recording is looked at."""
_STACKS = 3  # of one piece
_MOST_FRAMES = 45  # of a recording that is looked at whole

Read = Callable[[int, int], Tensor]
"""(first frame, frames) -> counts [frame, y, x]."""
Progress = Callable[[int, int], None]
"""(pieces done, pieces)."""
_JUMPS = (Fault.LOST_FRAME, Fault.REPEATED_FRAME)


@dataclass(slots=True)
class Survey:
    """Looks at pieces of a recording and follows the sequence from one to the next.

    Parameters
    ----------
    read
        Reads consecutive frames.
    total
        Frames of the recording.
    settings, pixel_nm
        Of the microscope.
    """

    read: Read
    total: int
    settings: Settings
    pixel_nm: float

    def run(self, progress: Progress = lambda done, pieces: None) -> Examination:
        """Return all findings; one that holds for a part only names the frames."""
        starts, size = self.pieces()
        place = self.settings.pattern.first_frame
        found: list[tuple[int, Examination]] = []
        for done, start in enumerate(starts):
            seen = self.look(start, size, place)
            rotated = _first(seen, Fault.ROTATED)
            if rotated is not None and found:
                jump = self.find_jump(found[-1][0], start, size, place)
                seen = _replaced(seen, rotated, jump)
            if rotated is not None:
                place = (round(rotated.value or 0.0) - start) % self.frames
            for finding in seen.findings if rotated is None else ():
                if finding.fault in _JUMPS:
                    place += round(finding.value or 0.0)
            found.append((start, seen))
            progress(done + 1, len(starts))
        return _merged(found, size)

    @property
    def frames(self) -> int:
        """Frames of one stack as the settings say."""
        return self.settings.pattern.stack_frames

    def pieces(self) -> tuple[list[int], int]:
        """Return (first frames, frames of each), whole stacks as the settings say."""
        size = _STACKS * self.frames
        if self.total <= max(_MOST_FRAMES, 2 * size):
            return [0], self.total
        last = (self.total - size) // self.frames
        starts = {round(last * number / (PIECES - 1)) * self.frames for number in range(PIECES)}
        return sorted(starts), size

    def look(self, start: int, size: int, place: int) -> Examination:
        """Examine the frames from `start` on; `place` is that of frame 0 in the sequence."""
        return examine(
            self.read(start, size),
            self.settings,
            self.pixel_nm,
            total=self.total,
            first=(place + start) % self.frames,
            number=start,
        )

    def find_jump(self, sound: int, jumped: int, size: int, place: int) -> Finding | None:
        """Find the frame between two pieces from which on the sequence is ahead or behind."""
        while jumped - sound > self.frames:
            middle = sound + max((jumped - sound) // 2 // self.frames, 1) * self.frames
            seen = self.look(middle, size, place)
            jump = next((one for one in seen.findings if one.fault in _JUMPS), None)
            if jump is not None:
                return jump
            if _first(seen, Fault.ROTATED) is None:
                sound = middle
            else:
                jumped = middle
        seen = self.look(sound, size, place)
        return next((one for one in seen.findings if one.fault in _JUMPS), None)


def _first(seen: Examination, fault: Fault) -> Finding | None:
    return next((finding for finding in seen.findings if finding.fault is fault), None)


def _replaced(seen: Examination, old: Finding, new: Finding | None) -> Examination:
    """Return the findings with a rotation explained by the jump that led to it."""
    kept = tuple(finding for finding in seen.findings if finding is not old)
    return replace(seen, findings=(*kept, new or old))


def _merged(found: list[tuple[int, Examination]], size: int) -> Examination:
    """Return every fault once, the surest first, with the pieces that show it if not all do."""
    merged: list[Finding] = []
    for fault in Fault:
        shown = [(start, one) for start, seen in found if (one := _first(seen, fault)) is not None]
        if not shown:
            continue
        best = max((one for _, one in shown), key=lambda one: one.sureness)
        if len(shown) < len(found) and not best.frames and fault is not Fault.ROTATED:
            frames = ", ".join(f"{start} to {start + size - 1}" for start, _ in shown)
            best = replace(best, words=f"{best.words} (in frames {frames})")
        merged.append(best)
    undecided = dict.fromkeys(words for _, seen in found for words in seen.undecided)
    return Examination(tuple(sorted(merged, key=lambda one: -one.sureness)), tuple(undecided))
