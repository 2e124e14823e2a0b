"""What a pipeline needs beside its plan, found once from settings and pattern."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from livesim.config.settings import Settings
from livesim.pipeline.networks import SMALLEST, Networks
from livesim.pipeline.review import Reviewer
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.plan import Plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.values.errors import DataError
from livesim.values.pattern import Pattern
from livesim_models.conditions import Conditions, conditions_of
from livesim_models.evaluation.reference import result_transfer
from livesim_models.passband import Passband
from livesim_models.trust.arbitration import Arbiter

OtfProfile = NDArray[np.float64]
"""Measured OTF at equal steps from zero frequency to the cut-off."""


def otf_of(settings: Settings, profile: OtfProfile | None, pattern: Pattern | None = None) -> Otf:
    """Return the OTF of a microscope: as measured, as found with its pattern, or as set."""
    if profile is None:
        return Otf.under(pattern, settings.optics) if pattern else Otf.theoretical(settings.optics)
    cutoff = settings.optics.cutoff_cycles_per_um
    return Otf(cutoff, profile=torch.from_numpy(np.asarray(profile, dtype=np.float64)))


def reviewer_of(
    settings: Settings,
    pattern: Pattern,
    otf: Otf,
    networks: Networks,
    plan: Plan,
    conditions: Conditions | None,
    passband: Passband,
) -> Reviewer | None:
    """Return what measures errors; None where nothing can be measured, or frames are too few."""
    changed = plan.richardson_lucy_iterations or plan.processed
    measurable = not changed and not pattern.too_few_frames
    if not measurable or min(pattern.shape) < SMALLEST:
        return None
    arbiter = Arbiter(*passband.tensors)
    of_photons = Reconstructor(plan.for_photons(settings.camera))
    return Reviewer(settings, pattern, otf, networks, of_photons, arbiter, conditions, passband)


def passband_of(settings: Settings, pattern: Pattern, otf: Otf, plan: Plan) -> Passband:
    """Return what the plain image passes, and what a perfect one would."""
    shape = doubled(pattern.shape)
    passed = result_transfer(shape, pattern, otf, settings.reconstruction.apodization)
    return Passband(plan.transfer, passed[:, : shape[1] // 2 + 1].to(plan.transfer))


def doubled(shape: tuple[int, int]) -> tuple[int, int]:
    """Return the shape of a result, of frames of this one."""
    return 2 * shape[0], 2 * shape[1]


def conditions_for(
    settings: Settings, pattern: Pattern, networks: Networks, plan: Plan
) -> Conditions | None:
    """Return what step two is told of the plain image; None where there is none."""
    if networks.step_two is None:
        return None
    if pattern.levels is None:
        raise DataError("pattern: expected levels, which step two needs, found none")
    camera = settings.camera
    return conditions_of(plan.for_photons(camera), pattern.levels, camera.read_noise)
