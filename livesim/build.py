"""Settings in, a ready pipeline out: the only place where networks meet the engine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from livesim.config import Settings, SettingsError
from livesim.engine.pipeline import Pipeline, PipelineFactory
from livesim.frames import DataError, Pattern, RawStack, Result
from livesim.reconstruction.estimation import estimate_pattern
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor

MOST_STACKS = 16
"""Raw stacks an estimate uses at most; more time points hardly help and cost memory."""
_MOST_PIXELS = MOST_STACKS * 512 * 512

OtfProfile = NDArray[np.float64]
"""Measured OTF at equal steps from zero frequency to the cut-off."""


def estimation_stacks(frame_shape: tuple[int, int]) -> int:
    """Return how many raw stacks of this size an estimate uses at most."""
    pixels = frame_shape[0] * frame_shape[1]
    return max(1, min(MOST_STACKS, _MOST_PIXELS // pixels))


def calibrate(
    stacks: Sequence[RawStack], settings: Settings, otf_profile: OtfProfile | None = None
) -> Pattern:
    """Estimate the pattern from raw stacks taken with the same illumination.

    Raises
    ------
    SettingsError
        If the pixel size is not known.
    """
    pixels = torch.stack([_as_tensor(stack) for stack in stacks])
    return estimate_pattern(
        pixels,
        settings.optics,
        settings.pattern,
        settings.camera,
        _pixel_nm(settings),
        _otf(settings, otf_profile),
    )


class ReconstructionPipeline:
    """A raw stack in, its plain reconstruction out.

    Parameters
    ----------
    settings
        Of the microscope; step one and step two must be "none".
    pattern
        The illumination; its field size is that of the stacks.
    otf_profile
        Measured OTF, or None for the theoretical one.

    Raises
    ------
    SettingsError
        If a network is asked for: none ships with this version.
    """

    def __init__(
        self, settings: Settings, pattern: Pattern, otf_profile: OtfProfile | None = None
    ) -> None:
        refuse_networks(settings)
        _check_layout(settings, pattern)
        self.pattern = pattern
        otf = _otf(settings, otf_profile)
        plan = make_plan(
            pattern, otf, settings.camera, settings.reconstruction, device=preferred_device()
        )
        self._device = plan.unmixing.device
        self._reconstruct = Reconstructor(plan)

    def __call__(self, stack: RawStack) -> Result:
        """Reconstruct one raw stack.

        Raises
        ------
        ValueError
            If the stack has another size than the pattern was estimated for.
        """
        raw = _as_tensor(stack).to(self._device)[None]
        made = self._reconstruct(raw)
        return Result(
            stream=stack.stream,
            index=stack.index,
            image=made.image[0].cpu().numpy(),
            widefield=made.widefield[0].cpu().numpy(),
            last_received_ns=stack.last_received_ns,
        )


def pipeline_factory(
    settings: Settings, pattern: Pattern | None = None, otf_profile: OtfProfile | None = None
) -> PipelineFactory:
    """Return what makes the pipeline of one stream.

    With a `pattern` the pipeline is ready at once. Without, it is estimated from the first stack;
    while an angle does not stand out it is estimated again from twice as many, up to
    `MOST_STACKS`, and then taken as it is: angles not found count as widefield.
    """
    refuse_networks(settings)
    next_try = 1

    def make(stacks: Sequence[RawStack], ended: bool) -> Pipeline | None:
        nonlocal next_try
        if pattern is not None:
            return ReconstructionPipeline(settings, pattern, otf_profile)
        if len(stacks) < next_try and not ended:
            return None
        most = estimation_stacks((stacks[0].pixels.shape[-2], stacks[0].pixels.shape[-1]))
        found = calibrate(stacks[:most], settings, otf_profile)
        next_try = 2 * len(stacks)
        if all(a.usable for a in found.angles) or ended or len(stacks) >= most:
            return ReconstructionPipeline(settings, found, otf_profile)
        return None

    return make


def preferred_device() -> torch.device:
    """Return the GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _as_tensor(stack: RawStack) -> Tensor:
    """Return a stack's counts without copying where torch can share the memory."""
    pixels = np.ascontiguousarray(stack.pixels)
    if not pixels.flags.writeable:  # torch warns of read-only memory; nothing here writes to it
        pixels = pixels.copy()
    return torch.from_numpy(pixels)


def _otf(settings: Settings, profile: OtfProfile | None) -> Otf:
    if profile is None:
        return Otf.theoretical(settings.optics)
    cutoff = settings.optics.cutoff_cycles_per_um
    return Otf(cutoff, profile=torch.from_numpy(np.asarray(profile, dtype=np.float64)))


def _pixel_nm(settings: Settings) -> float:
    if settings.optics.pixel_nm is None:
        raise SettingsError("expected optics.pixel_nm in the settings, found none")
    return settings.optics.pixel_nm


def refuse_networks(settings: Settings) -> None:
    """Refuse settings that ask for a network: none ships with this version.

    Raises
    ------
    SettingsError
        Naming the step and the network.
    """
    for step, name in (("one", settings.steps.one), ("two", settings.steps.two)):
        if name != "none":
            raise SettingsError(
                f'steps.{step}: expected "none", found {name!r}; no network ships with this version'
            )


def _check_layout(settings: Settings, pattern: Pattern) -> None:
    angles, phases = settings.pattern.stack_shape
    if pattern.layout != settings.pattern.layout:
        raise DataError(
            f"pattern: expected the layout {settings.pattern.layout!r}, found {pattern.layout!r}"
        )
    expected = (3, 7) if pattern.layout == "hexagonal" else (angles, phases)
    found = (len(pattern.angles), len(pattern.angles[0].phases_rad))
    if found != expected:
        raise DataError(
            f"pattern: expected {expected[0]} angles of {expected[1]} phases as the settings say, "
            f"found {found[0]} of {found[1]}"
        )
    pixel_nm = settings.optics.pixel_nm
    if pixel_nm is not None and abs(pattern.pixel_nm / pixel_nm - 1.0) > 0.01:
        raise DataError(
            f"pattern: expected pixels of {pixel_nm:g} nm, found {pattern.pixel_nm:g} nm"
        )
