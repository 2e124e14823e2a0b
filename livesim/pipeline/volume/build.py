"""Find the pattern of volumes, and prepare their reconstruction."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Sequence
from dataclasses import replace

import torch

from livesim.config.settings import ASSUMED_EXCITATION, Settings
from livesim.io.read.volume_otf import read_volume_otf
from livesim.pipeline.defects import equalised, stacks_without_defects, with_defects
from livesim.pipeline.devices import CPU
from livesim.pipeline.work import as_tensor
from livesim.reconstruction.defects.replacement import Replacement
from livesim.reconstruction.volume.estimate import estimate_volume_pattern
from livesim.reconstruction.volume.memory import volume_bytes, volume_network_bytes
from livesim.reconstruction.volume.plan import VolumePlan, make_volume_plan
from livesim.reconstruction.volume.stack import VolumeOptics
from livesim.values.errors import DataError
from livesim.values.frames import RawStack
from livesim.values.pattern import Pattern
from livesim.values.volume_pattern import VolumePattern

_log = logging.getLogger("livesim.engine")
_MOST_ESTIMATED = 512
"""Rows and columns that the pattern is estimated from."""
SHARE_OF_MEMORY = 0.6
OPEN_BYTES = 1 << 30
"""What volumes that lack planes may hold beside the first two, as where positions alternate."""
SAME_STEP = 1e-3
"""Relative; files round the distance of their planes."""


def volume_optics(settings: Settings) -> VolumeOptics:
    """Return what settings of one channel say of the microscope.

    Raises
    ------
    SettingsError, DataError
        If the pixel is not known, or the measured transfer function cannot be used.
    """
    optics, volumes, pixel_nm = settings.optics, settings.volumes, settings.optics.known_pixel_nm
    assert volumes is not None
    assert volumes.z_step_nm is not None
    measured = None if optics.otf_file is None else read_volume_otf(optics)
    excitation = optics.excitation_or_assumed_nm
    return VolumeOptics(optics, excitation, pixel_nm, volumes.z_step_nm, measured)


def assumed(settings: Settings) -> tuple[str, ...]:
    """Return a sentence on what nobody has said of the microscope."""
    optics = settings.optics
    if optics.excitation_nm is not None:
        return ()
    return (
        f"optics.excitation_nm is not set: {optics.excitation_or_assumed_nm:.0f} nm is assumed, "
        f"{ASSUMED_EXCITATION:g} of the emission",
    )


def calibrate_volume(planes: Sequence[RawStack], settings: Settings) -> Pattern:
    """Estimate the pattern of one channel from all planes of one volume, in the order of z.

    Defects of the camera are found in the middle plane, replaced in all of them, and named by the
    pattern.

    Raises
    ------
    SettingsError, DataError
        As `volume_optics`.
    """
    known = volume_optics(settings)
    middle = planes[len(planes) // 2 : len(planes) // 2 + 1]
    _, defects = stacks_without_defects(middle, settings, known.pixel_nm)
    shape = (planes[0].pixels.shape[-2], planes[0].pixels.shape[-1])
    mend = Replacement(defects.places, shape, settings.optics, known.pixel_nm)
    window, corner = _window(shape)
    # Copies of the window: views would keep whole planes in memory.
    frames = (as_tensor(one.pixels).float() for one in equalised(planes, settings))
    counts = torch.stack([mend(one)[..., *window].clone() for one in frames])
    found = estimate_volume_pattern(counts, known, settings.camera).moved(corner, shape)
    return with_defects(found.pattern, replace(defects, hits=()))


def volume_plan(pattern: Pattern, settings: Settings) -> VolumePlan:
    """Prepare the reconstruction of volumes that are lit by a pattern.

    Raises
    ------
    SettingsError
        If planes lie too far apart, or are not those that the pattern was found in.
    DataError
        If the pattern is none of volumes, or the transfer function cannot be used.
    """
    try:
        known = VolumePattern.of(pattern)
    except ValueError as error:
        raise DataError(f"pattern: {error}") from error
    optics, volumes = volume_optics(settings), settings.volumes
    assert volumes is not None
    same_step = math.isclose(known.z_step_nm, optics.z_step_nm, rel_tol=SAME_STEP)
    if known.planes != volumes.planes or not same_step:
        raise DataError(
            f"pattern: expected one of {volumes.planes} planes {volumes.z_step_nm:g} nm apart, "
            f"found {known.planes} planes {known.z_step_nm:g} nm apart"
        )
    return make_volume_plan(
        known, settings.optics, settings.camera, settings.reconstruction, optics.otf
    )


def memory_refusal(shape: tuple[int, int], planes: int, angles: int, raw_bytes: int) -> str | None:
    """Return why volumes are too large for this machine, with the figure; None where they fit.

    Parameters
    ----------
    shape
        (y, x) of the raw frames.
    raw_bytes
        Of raw data that are kept beside the reconstruction.
    """
    needed = volume_bytes(shape, planes, angles) + raw_bytes
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed <= SHARE_OF_MEMORY * there:
        return None
    y, x = shape
    return (
        f"expected volumes that fit into {SHARE_OF_MEMORY:.0%} of {there / 2**30:.0f} GiB of "
        f"memory, found {planes} planes of {y} x {x}, which take {needed / 2**30:.0f} GiB"
    )


def device_that_fits(device: torch.device, pattern: Pattern, planes: int) -> torch.device:
    """Return a device; the CPU, and say so, where its memory is too small for volumes."""
    if device.type != "cuda":
        return device
    needed = volume_bytes(pattern.shape, planes, len(pattern.angles)) + OPEN_BYTES
    needed += volume_network_bytes(pattern.shape, planes)
    total = torch.cuda.mem_get_info(device)[1]
    if needed <= SHARE_OF_MEMORY * total:
        return device
    _log.warning(
        "volumes take %.1f GiB, the GPU has %.1f: they are computed on the processor",
        needed / 2**30,
        total / 2**30,
    )
    return CPU


def _window(shape: tuple[int, int]) -> tuple[tuple[slice, slice], tuple[int, int]]:
    """Return the window in the middle that is estimated from, and its first (y, x)."""
    sizes = [min(n, _MOST_ESTIMATED) for n in shape]
    y, x = ((n - size) // 2 for n, size in zip(shape, sizes, strict=True))
    return (slice(y, y + sizes[0]), slice(x, x + sizes[1])), (y, x)
