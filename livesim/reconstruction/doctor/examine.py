"""Examine frames in the order of acquisition for everything that can be wrong with them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from livesim.config.settings import PatternSettings, Settings
from livesim.reconstruction.camera_noise import CameraNoise, NoiseUnknownError
from livesim.reconstruction.doctor.brightness import brightness_findings, empty_frames
from livesim.reconstruction.doctor.counts import offset_findings, saturation_findings
from livesim.reconstruction.doctor.evidence import Verdict, judge
from livesim.reconstruction.doctor.modulation import modulation_findings
from livesim.reconstruction.doctor.noise import noise_findings, noise_of
from livesim.reconstruction.doctor.order import OrderReport
from livesim.reconstruction.doctor.scale import scale_findings
from livesim.reconstruction.doctor.sequence import Layout, possible_orders
from livesim.reconstruction.doctor.signature import Signature, signature
from livesim.values.finding import MOST_SURE, Examination, Fault, Finding

FEWEST = 3
"""Frames below which nothing can be decided."""
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
    frames, camera = frames.float(), settings.camera
    photons = (frames - camera.offset) / camera.gain
    means = photons.mean(dim=(1, 2)).double()
    dark, copies = empty_frames(means), _copies(frames)
    layout = Layout.of(settings.pattern)
    read = signature(photons, layout.frames)
    orders = possible_orders(layout, len(frames), total or len(frames), first)
    verdict = judge(read, orders, ~(dark | copies))
    findings = OrderReport(verdict, read, settings.pattern, number).findings()
    findings += _copy_findings(copies & ~dark, findings, number)
    more, undecided = _optical(verdict, read, settings, pixel_nm)
    noise: CameraNoise | NoiseUnknownError | None = None
    if all(one.fault is not Fault.WRONG_SCALE for one in more):  # else the cut-off is not known
        noise = noise_of(frames[~(dark | copies)], settings.optics, pixel_nm)
    offset = offset_findings(frames, camera, noise if isinstance(noise, CameraNoise) else None)
    if not offset or float(means.median()) > 0.0:
        findings += brightness_findings(means, verdict.best, number, _error_of_mean(photons))
    findings += offset + saturation_findings(frames)
    if noise is not None:
        of_noise, untold = noise_findings(noise, camera, wrong_offset=bool(offset))
        more, undecided = more + of_noise, undecided + untold
    findings = sorted([*findings, *more], key=lambda one: -one.sureness)
    return Examination(tuple(findings), tuple(undecided))


def _optical(
    verdict: Verdict, read: Signature, settings: Settings, pixel_nm: float
) -> tuple[list[Finding], list[str]]:
    """Return scale and modulation; with the wrong scale nothing is said of missing fringes."""
    scale, undecided = scale_findings(read, verdict, settings.optics, pixel_nm)
    if scale:
        return scale, undecided
    findings, dim = modulation_findings(verdict, read, settings.optics, pixel_nm)
    return findings, undecided + dim


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
