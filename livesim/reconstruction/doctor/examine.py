"""Examine frames in the order of acquisition for everything that can be wrong with them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from livesim.config.settings import PatternSettings, Settings
from livesim.reconstruction.camera_noise import (
    CameraNoise,
    CorrelatedNoiseError,
    NoiseUnknownError,
)
from livesim.reconstruction.doctor.brightness import Light, brightness_findings, empty_frames
from livesim.reconstruction.doctor.counts import (
    believed_camera,
    offset_findings,
    saturation_findings,
)
from livesim.reconstruction.doctor.damping import damping_findings
from livesim.reconstruction.doctor.evidence import Verdict, judge
from livesim.reconstruction.doctor.expectations import (
    alike_findings,
    harmonics_findings,
    misplaced_findings,
)
from livesim.reconstruction.doctor.extra_frame import extra_frame_findings
from livesim.reconstruction.doctor.modulation import modulation_findings, object_content
from livesim.reconstruction.doctor.noise import noise_findings, noise_of
from livesim.reconstruction.doctor.order import OrderReport
from livesim.reconstruction.doctor.remedies import Case
from livesim.reconstruction.doctor.scale import scale_findings
from livesim.reconstruction.doctor.sequence import Layout, possible_orders
from livesim.reconstruction.doctor.signature import Signature, signature
from livesim.reconstruction.doctor.trial import Trials
from livesim.values.finding import MOST_SURE, Examination, Fault, Finding

FEWEST = 3
"""Frames below which nothing can be decided."""
_MOST_TRIED = 6
"""Other orders that are tried where the likeliest one needs other settings, or was refuted."""
_COUNTED = (
    Fault.ROTATED,
    Fault.TRANSPOSED,
    Fault.WRONG_COUNT,
    Fault.LOST_FRAME,
    Fault.REPEATED_FRAME,
)
_CHANGED = (Fault.SHARED_NOISE, Fault.SATURATION)
"""Faults of frames that no longer are what the optics made."""
MOST_PIXELS = 1024
"""Rows and columns that are worth looking at, in the middle of larger frames."""


def middle(frame_shape: tuple[int, int], most: int = MOST_PIXELS) -> tuple[slice, slice]:
    """Return the rows and columns in the middle of frames, `most` of each where there are more."""
    rows, columns = (
        slice(max(size - most, 0) // 2, max(size - most, 0) // 2 + min(size, most))
        for size in frame_shape
    )
    return rows, columns


def examine_stacks(
    stacks: Tensor, settings: Settings, pixel_nm: float, number: int = 0
) -> Examination:
    """Return what is wrong with raw stacks, the surest first, and what they do not tell.

    Parameters
    ----------
    stacks
        [time, angle, phase, y, x] camera counts, one after the other.
    settings
        Of the microscope.
    pixel_nm
        Raw pixel.
    number
        Of the first frame, where others came before.

    Raises
    ------
    ValueError
        If the stacks do not have the pattern's angles and phases.
    """
    frames = in_order(stacks, settings.pattern)
    first = settings.pattern.first_frame
    return examine(frames, settings, pixel_nm, first=first, number=number)


def in_order(stacks: Tensor, pattern: PatternSettings) -> Tensor:
    """Return the frames [frame, y, x] of `stacks` [time, angle, phase, y, x] as acquired.

    The first one is that which the settings call the first.

    Raises
    ------
    ValueError
        If the stacks do not have the pattern's angles and phases.
    """
    if tuple(stacks.shape[1:3]) != pattern.stack_shape:
        raise ValueError(
            f"expected stacks of (angles, phases) = {pattern.stack_shape}, "
            f"found {tuple(stacks.shape[1:3])}"
        )
    layout = Layout.of(pattern)
    steps = (stacks if layout.phase_first else stacks.transpose(1, 2)).flatten(1, 2)
    return steps.roll(-pattern.first_frame, 1).flatten(0, 1)


def examine(
    frames: Tensor,
    settings: Settings,
    pixel_nm: float,
    *,
    total: int | None = None,
    first: int = 0,
    number: int = 0,
) -> Examination:
    """Return what is wrong with consecutive frames, and what they do not tell.

    Parameters
    ----------
    frames
        [frame, y, x] camera counts in the order of acquisition.
    settings
        Of the microscope.
    pixel_nm
        Raw pixel.
    total
        Frames of the whole recording; None = these are all.
    first
        Place in the sequence that the first of these frames is said to have.
    number
        Of the first of these frames in the recording.

    Raises
    ------
    ValueError
        If there are fewer than three frames.
    """
    if len(frames) < FEWEST:
        raise ValueError(f"expected at least {FEWEST} frames, found {len(frames)}")
    return _Examination(frames.float(), settings, pixel_nm, first, number).run(total)


class _Examination:
    """One examination of consecutive frames: what may be wrong is found first, then tried."""

    def __init__(
        self, frames: Tensor, settings: Settings, pixel_nm: float, first: int, number: int
    ) -> None:
        self._frames, self._settings, self._pixel_nm = frames, settings, pixel_nm
        self._first, self._number = first, number
        self._light = believed_camera(frames, settings.camera)
        self._photons = (frames - self._light.offset) / self._light.gain
        self._means = self._photons.mean(dim=(1, 2)).double()
        self._dark, self._copies = empty_frames(self._means), _copies(frames)
        lit = settings.model_copy(update={"camera": self._light})
        self._trials = Trials(Case(frames, lit, pixel_nm).from_frame(0, first), number)

    def run(self, total: int | None) -> Examination:
        """Return what is found, the surest first; of `total` frames in the whole recording."""
        layout = Layout.of(self._settings.pattern)
        read = signature(self._photons, layout.frames)
        orders = possible_orders(layout, len(self._frames), total or len(self._frames), self._first)
        seen = ~(self._dark | self._copies)
        verdict = judge(read, orders, seen)
        if verdict.best is not verdict.sound:
            for extra in extra_frame_findings(self._photons, layout.frames, self._number):
                return self._without(extra)
        order, doubtful = self._order(verdict, read, seen)
        # Where phases are alike in every angle, the frames look like those of a single one.
        single = all("angles = 1" in (one.mend or "") for one in order)
        alike = alike_findings(self._trials.now) if single else []
        order = [] if alike else order
        if not order:  # what the verdict says of every frame was refuted with it
            verdict = judge(read, [verdict.sound], seen)
        trials = self._trials.following(order)
        scale, undecided = self._scale(verdict, read, trials)
        optical, dim = ([], []) if scale or alike else self._fringes(verdict, read, trials)
        optical = [*alike, *optical]
        copies = _copy_findings(self._copies & ~self._dark, order, self._number)
        camera, untold = self._camera(verdict, read, scaled=not scale)
        kept, more = self._trials.judged([*copies, *camera])
        if any(one.fault in _CHANGED for one in kept):
            optical = [one for one in optical if one.fault is not Fault.WRONG_DAMPING]
        kept = sorted([*order, *scale, *optical, *kept], key=lambda one: -one.sureness)
        told = dict.fromkeys([*doubtful, *undecided, *dim, *untold, *more])
        return Examination(tuple(kept), tuple(told))

    def _without(self, extra: Finding) -> Examination:
        """Return what is found without some frames, of which this is said."""
        left = torch.ones(len(self._frames), dtype=torch.bool)
        left[[at - self._number for at in extra.frames]] = False
        first = (self._number - extra.frames[0]) % Layout.of(self._settings.pattern).frames
        rest = _Examination(self._frames[left], self._settings, self._pixel_nm, first, self._number)
        found = rest.run(None)
        kept = (one for one in found.findings if not one.frames)  # of other numbers than here
        return Examination((extra, *kept), found.undecided)

    def _order(
        self, verdict: Verdict, read: Signature, seen: Tensor
    ) -> tuple[list[Finding], list[str]]:
        """Return the fault of the order; where evidence is needed, the best of all likely ones."""
        report = OrderReport(verdict, read, self._settings.pattern, self._number)
        first = report.findings()
        kept, untold = self._trials.judged(first)
        if not first or first[0].fault not in _COUNTED or (kept and kept[0].frames):
            return kept, untold
        others = [
            OrderReport(judge(read, [order], seen), read, self._settings.pattern, self._number)
            for order in verdict.likeliest(_MOST_TRIED)
        ]
        best = self._trials.best([*first, *(one for other in others for one in other.findings())])
        return ([best], []) if best is not None else ([], untold)

    def _scale(
        self, verdict: Verdict, read: Signature, trials: Trials
    ) -> tuple[list[Finding], list[str]]:
        found, undecided = scale_findings(read, verdict, self._settings.optics, self._pixel_nm)
        kept, untold = trials.judged(found)
        return kept, undecided + untold

    def _fringes(
        self, verdict: Verdict, read: Signature, trials: Trials
    ) -> tuple[list[Finding], list[str]]:
        """Return damping and modulation; of a wrong scale nothing could be said of them."""
        optics, now = self._settings.optics, trials.now
        usable = trials.fringed()
        found, dim = modulation_findings(verdict, read, optics, self._pixel_nm, usable)
        expected = self._settings.pattern
        misplaced = misplaced_findings(
            now,
            trials.free,
            period=expected.expected_period_nm is not None,
            direction=expected.expected_angles_deg is not None,
        )
        kept, untold = trials.judged([*damping_findings(now, optics), *found, *misplaced])
        # Of other settings than these, or of no fault, nothing is to be told.
        tried = harmonics_findings(expected) if trials is self._trials else []
        return [*kept, *trials.judged(tried)[0]], dim + untold

    def _camera(
        self, verdict: Verdict, read: Signature, *, scaled: bool
    ) -> tuple[list[Finding], list[str]]:
        """Return brightness, offset, saturation, and noise where the optics are `scaled` right."""
        camera, clipped = self._settings.camera, saturation_findings(self._frames)
        noise: CameraNoise | NoiseUnknownError | None = None
        if scaled and not clipped:  # else the cut-off is not known, or light lies beyond it
            seen = self._frames[~(self._dark | self._copies)]
            noise = noise_of(seen, self._settings.optics, self._pixel_nm)
        known = noise if isinstance(noise, CameraNoise) else None
        offset = offset_findings(self._frames, camera, known)
        light = Light(self._means, _error_of_mean(self._photons), self._content(read))
        found = offset + clipped + brightness_findings(light, verdict.best, self._number)
        if noise is None:
            return found, []
        now = self._trials.now
        if isinstance(noise, CorrelatedNoiseError) and not read.tells:
            return found, []  # a few bright points have no even noise around them
        if (
            isinstance(noise, CorrelatedNoiseError)
            and read.spectrum.white
            and not (now and now.usable)
        ):
            return found, [f"{noise}; or light passes beyond the cut-off that the settings have"]
        of_noise, untold = noise_findings(noise, camera, wrong_offset=bool(offset))
        return found + of_noise, untold

    def _content(self, read: Signature) -> float:
        """Return by how much fringes change the mean of a frame, at the most."""
        cutoff = self._settings.optics.cutoff_cycles_per_um * self._pixel_nm / 1000.0
        level = max(float(self._means.median()), 1e-6)
        return object_content(read, cutoff) / level


def _error_of_mean(photons: Tensor) -> float:
    """Return the noise of a frame's mean: from frame to frame noise differs, and the fringes."""
    return float((photons[1:] - photons[:-1]).std() / math.sqrt(2.0 * photons[0].numel()))


def _copies(frames: Tensor) -> Tensor:
    """Return which frames equal the one before them in every pixel, bool [frame]."""
    same = [torch.equal(one, other) for one, other in zip(frames[1:], frames[:-1], strict=True)]
    return torch.tensor([False, *same])


def _copy_findings(copies: Tensor, known: list[Finding], number: int) -> list[Finding]:
    frames = tuple(number + int(frame) for frame in copies.nonzero().flatten())
    reported = any(finding.fault is Fault.REPEATED_FRAME for finding in known)
    if not frames or reported:
        return []
    return [
        Finding(
            Fault.REPEATED_FRAME,
            f"frame {frames[0]} is a copy of frame {frames[0] - 1}"
            + (f", and {len(frames) - 1} more are copies" if len(frames) > 1 else "")
            + "; the frames after it are in their places",
            MOST_SURE,
            None,
            "a frame was lost and filled in on the way to the disk: leave that stack out",
            frames,
        )
    ]
