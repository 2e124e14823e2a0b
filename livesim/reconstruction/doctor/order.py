"""Turn what the fringes say of the order of the frames into findings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.config.settings import PatternSettings
from livesim.reconstruction.doctor.directions import (
    Matching,
    angle_peaks,
    direction_between,
    is_combination,
    match_expected,
)
from livesim.reconstruction.doctor.evidence import STRONG, Verdict
from livesim.reconstruction.doctor.sequence import Layout
from livesim.reconstruction.doctor.signature import Signature
from livesim.values.finding import MOST_SURE, Fault, Finding, mending

HEXAGONAL = 7
"""Frames of a hexagonal raw stack."""
_PRESENT = 0.25
"""Of the power in the frame that shows it best."""
_APART_DEG = 15.0
"""Between directions that are not the same."""
DOUBTFUL = 0.05
"""A fault is named where the probability that there is none is below this."""


@dataclass(frozen=True, eq=False)
class OrderReport:
    """Puts the verdict on the order of the frames into words.

    Parameters
    ----------
    verdict, signature
        Of the frames.
    pattern
        What the settings say.
    number
        Of the first frame in the recording.
    """

    verdict: Verdict
    signature: Signature
    pattern: PatternSettings
    number: int

    def findings(self) -> list[Finding]:
        """Return the fault of the order of the frames, if there is one."""
        fault = self.verdict.best.fault
        matching = match_expected(angle_peaks(self.verdict, self.signature), self.pattern)
        if fault is None or self._probability(None) > DOUBTFUL:
            return [] if matching is None or matching.in_order else [self._unexpected(matching)]
        if fault is Fault.ROTATED:
            return [self._rotated(matching)]
        words: dict[Fault, Callable[[], Finding]] = {
            Fault.TRANSPOSED: self._transposed,
            Fault.SWAPPED_ANGLES: self._swapped,
            Fault.LOST_FRAME: self._lost,
            Fault.REPEATED_FRAME: self._repeated,
            Fault.WRONG_COUNT: self._wrong_count,
        }
        return [words[fault]()]

    def _probability(self, fault: Fault | None, layout: Layout | None = None) -> float:
        same = [
            order.fault is fault and layout in (None, order.layout) for order in self.verdict.orders
        ]
        return min(float(self.verdict.probability[torch.tensor(same)].sum()), MOST_SURE)

    def _unexpected(self, matching: Matching) -> Finding:
        """Return the finding for angles that come in another order than expected."""
        best, turn = self.verdict.best, matching.turned_by
        if turn is not None:
            start = (best.start + turn * best.layout.phases) % best.layout.frames
            return _rotation(start, "", matching.sureness)
        expected = self.pattern.expected_angles_deg or ()
        degrees = ", ".join(f"{expected[n]:.6g}" for n in matching.expected)
        order = ", ".join(map(str, matching.expected))
        return Finding(
            Fault.REVERSED if matching.backwards else Fault.SWAPPED_ANGLES,
            "the frames come backwards, the last angle first"
            if matching.backwards
            else f"the angles come in the order {order} of the expected ones",
            matching.sureness,
            mending("pattern", f"expected_angles_deg = [{degrees}]"),
            "the result is the same; only the expected angles stand at the wrong places",
        )

    def _rotated(self, matching: Matching | None) -> Finding:
        layout, start = self.verdict.best.layout, self.verdict.best.start
        turn, more = None if matching is None else matching.turned_by, ""
        if turn is None:
            others = [(start + n * layout.phases) % layout.frames for n in range(1, layout.angles)]
            more = f" (or {' or '.join(map(str, others))}: the fringes of whole angles look alike)"
        start = (start + layout.phases * (turn or 0)) % layout.frames
        return _rotation(start, more, self._probability(Fault.ROTATED))

    def _transposed(self) -> Finding:
        first = "phase" if self.verdict.best.layout.phase_first else "angle"
        other = {"phase": "angle", "angle": "phase"}
        order = ", ".join(f'"{other.get(axis, axis)}"' for axis in self.pattern.order)
        return Finding(
            Fault.TRANSPOSED,
            f"the {first} changes from frame to frame, not the {other[first]}",
            self._probability(Fault.TRANSPOSED),
            mending("pattern", f"order = [{order}]"),
            "if the file names angle and phase itself, exchange them where it is written",
        )

    def _swapped(self) -> Finding:
        best, frames = self.verdict.best, self.verdict.best.layout.frames
        one, other = divmod(best.amount, best.layout.angles)
        first = self.number + best.at * frames
        return Finding(
            Fault.SWAPPED_ANGLES,
            f"angles {one} and {other} have changed places in stack {first // frames}",
            self._probability(Fault.SWAPPED_ANGLES),
            None,
            f"look at the sequence that was loaded for frames {first} to {first + frames - 1}; "
            "leave that stack out",
            tuple(range(first, first + frames)),
            best.amount,
        )

    def _lost(self) -> Finding:
        best, at = self.verdict.best, self.number + self.verdict.best.at
        what = "a frame is" if best.amount == 1 else f"{best.amount} frames are"
        return Finding(
            Fault.LOST_FRAME,
            f"{what} missing between frames {at - 1} and {at}: "
            "from there on all frames have moved up",
            self._probability(Fault.LOST_FRAME),
            None,
            "delete the rest of that stack from the file, or record with axes "
            "(OME-TIFF, NDTiff, a stream), where a lost frame costs its own stack only",
            (at,),
            best.amount,
        )

    def _repeated(self) -> Finding:
        at = self.number + self.verdict.best.at
        return Finding(
            Fault.REPEATED_FRAME,
            f"frame {at} shows the pattern of frame {at - 1} once more: "
            "from there on all frames have moved down",
            self._probability(Fault.REPEATED_FRAME),
            None,
            f"delete frame {at} from the file; let the pattern wait for the camera",
            (at,),
            -1.0,
        )

    def _wrong_count(self) -> Finding:
        layout = self.verdict.best.layout
        sureness = self._probability(Fault.WRONG_COUNT, layout)
        if not self._shares_vectors():
            lines = self._count_lines(layout)
            words = f"the frames belong together as {layout.words}"
            return Finding(Fault.WRONG_COUNT, words, sureness, mending("pattern", *lines))
        several = "every frame shows several wave vectors"
        if layout.phases == HEXAGONAL:
            lines, words = self._hexagonal_lines(), f"{several}: seven hexagonal frames"
            return Finding(Fault.WRONG_COUNT, words, sureness, mending("pattern", *lines))
        return Finding(
            Fault.WRONG_COUNT,
            f"{several} and the same again {layout.phases} frames later: expected one wave vector "
            "a frame, or seven hexagonal frames",
            sureness,
            None,
            "no settings describe such a lattice: take one angle after the other, or seven frames",
            value=layout.phases,
        )

    def _shares_vectors(self) -> bool:
        """Return whether wave vectors of different directions show in every frame."""
        read = self.signature
        strong = [
            peak
            for peak, values in zip(read.peaks, read.values, strict=True)
            if peak.strength > STRONG * read.peaks[0].strength and self._in_every_frame(values)
        ]
        return any(
            direction_between(peak, strong[0]) > _APART_DEG
            and not is_combination(peak, strong[:1], read.shape)
            for peak in strong[1:]
        )

    def _in_every_frame(self, values: Tensor) -> bool:
        """Return whether every frame of a raw stack shows a peak with these values [frame]."""
        layout = self.verdict.best.layout
        at = torch.tensor([one * layout.phases + n for one, n in self.verdict.best.places])
        power = values.abs().square()
        each = torch.stack([power[at == place].mean() for place in at.unique()])
        return bool(each.min() > _PRESENT * each.max())

    def _hexagonal_lines(self) -> list[str]:
        """Return the lines that settings of separate angles need for hexagonal frames."""
        lines = ['layout = "hexagonal"']
        if self.pattern.harmonics != 1:
            lines.append("harmonics = 1")
        return lines if self.pattern.frames is None else [*lines, "frames = 7"]

    def _count_lines(self, layout: Layout) -> list[str]:
        """Return the lines in which the settings differ from `layout`."""
        pattern, declared = self.pattern, Layout.of(self.pattern)
        lines = [
            f"{name} = {found}"
            for name, found, said in (
                ("angles", layout.angles, pattern.angles),
                ("phases", layout.phases, pattern.phases),
                ("harmonics", 1 if layout.phases < 5 else pattern.harmonics, pattern.harmonics),
                ("first_frame", self.verdict.best.start, pattern.first_frame),
            )
            if found != said
        ]
        if pattern.layout != "angle-phase":
            lines.append('layout = "angle-phase"')
        if pattern.frames not in (None, layout.frames):
            lines.append(f"frames = {layout.frames}")
        return lines if declared.phase_first else [*lines, 'order = ["phase", "angle"]']


def _rotation(start: int, more: str, sureness: float) -> Finding:
    return Finding(
        Fault.ROTATED,
        f"the first frame is frame {start} of the sequence, counted from 0{more}",
        sureness,
        mending("pattern", f"first_frame = {start}"),
        "if the file names angle and phase itself, start the camera and the pattern together",
        value=start,
    )
