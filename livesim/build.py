"""Settings in, a ready pipeline out: the only place where networks meet the engine."""

from __future__ import annotations

import cmath
from collections.abc import Callable, Sequence
from threading import Thread

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from livesim.config import Settings, SettingsError
from livesim.engine.background import Background
from livesim.engine.pipeline import Examine, Pipeline, PipelineFactory
from livesim.engine.proposal import Decide
from livesim.engine.watched import WatchedPipeline
from livesim.frames import DataError, Pattern, RawStack, Result
from livesim.reconstruction.check import BandCheck, BandReading
from livesim.reconstruction.doctor.examine import examine_stacks, middle
from livesim.reconstruction.doctor.finding import Examination
from livesim.reconstruction.estimation import estimate_pattern
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.plan import make_plan, separated_bands
from livesim.reconstruction.reconstructor import BandSpectra, Reconstructor, Turn

MOST_STACKS = 16
"""Raw stacks an estimate uses at most; more time points hardly help and cost memory."""
_MOST_PIXELS = MOST_STACKS * 512 * 512
MOST_LIVE_PIXELS = 512
"""Rows and columns that the doctor looks at while a stream runs: some seconds at most."""

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
        self._check = BandCheck(pattern, otf, settings.camera, device=self._device)
        self._orders = [(band.angle, band.harmonic) for band in separated_bands(pattern)[1]]

    def __call__(self, stack: RawStack, turns_rad: Sequence[float] | None = None) -> Result:
        """Reconstruct one raw stack.

        Parameters
        ----------
        stack
            As long as it is lit by the pattern.
        turns_rad
            For each angle, by how much all its phases have drifted; None = not at all.

        Raises
        ------
        ValueError
            If the stack has another size than the pattern was estimated for.
        """
        return self._made(stack, None if turns_rad is None else lambda _: self._factors(turns_rad))

    def watched(self, stack: RawStack, decide: Decide) -> Result:
        """Reconstruct one raw stack with the turns that `decide` returns.

        It may call what it is given: that compares this stack with the pattern.
        """

        def turn(spectra: BandSpectra) -> Tensor | None:
            return self._factors(decide(lambda: self._check(spectra)))

        return self._made(stack, turn)

    def measure(self, stack: RawStack) -> tuple[BandReading, ...]:
        """Compare one raw stack with the pattern."""
        return self._check(self._reconstruct.spectra(_as_tensor(stack).to(self._device)))

    def _factors(self, turns_rad: Sequence[float]) -> Tensor | None:
        """Return what turns each side band; None where nothing has moved."""
        if not any(turns_rad):
            return None
        factors = [cmath.exp(1j * harmonic * turns_rad[angle]) for angle, harmonic in self._orders]
        return torch.tensor(factors, dtype=torch.complex64, device=self._device)

    def _made(self, stack: RawStack, turn: Turn | None) -> Result:
        made = self._reconstruct(_as_tensor(stack).to(self._device)[None], turn)
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

    Unless the settings say otherwise the pipeline watches its pattern: see docs/watchdog.md.
    """
    refuse_networks(settings)
    next_try = 1

    def prepare(known: Pattern) -> ReconstructionPipeline:
        return ReconstructionPipeline(settings, known, otf_profile)

    def begin(known: Pattern) -> Pipeline:
        active = prepare(known)
        return (
            watched(active, prepare, settings, otf_profile) if settings.watchdog.follow else active
        )

    def make(stacks: Sequence[RawStack], ended: bool) -> Pipeline | None:
        nonlocal next_try
        if pattern is not None:
            return begin(pattern)
        if len(stacks) < next_try and not ended:
            return None
        most = estimation_stacks((stacks[0].pixels.shape[-2], stacks[0].pixels.shape[-1]))
        found = calibrate(stacks[:most], settings, otf_profile)
        next_try = 2 * len(stacks)
        if all(a.usable for a in found.angles) or ended or len(stacks) >= most:
            return begin(found)
        return None

    return make


def watched(
    active: ReconstructionPipeline,
    prepare: Callable[[Pattern], ReconstructionPipeline],
    settings: Settings,
    otf_profile: OtfProfile | None = None,
) -> WatchedPipeline:
    """Return a pipeline that begins with `active` and looks after its pattern."""

    def estimate(stacks: Sequence[RawStack]) -> Pattern:
        return calibrate(stacks, settings, otf_profile)

    again = estimate if settings.watchdog.estimate else None
    most = estimation_stacks(active.pattern.shape)
    return WatchedPipeline(
        active, Background(prepare, again, active, quieten=one_thread, most=most)
    )


def doctor_for(settings: Settings) -> Examine | None:
    """Return what examines raw stacks of one stream; None where the settings do not want it."""
    if not settings.watchdog.examine:
        return None

    def examine(stacks: Sequence[RawStack]) -> Examination:
        one_thread()
        first = stacks[0]
        shape = first.pixels.shape
        rows, columns = middle((shape[-2], shape[-1]), MOST_LIVE_PIXELS)
        pixels = torch.stack([_as_tensor(stack)[..., rows, columns] for stack in stacks])
        number = first.index.time * settings.pattern.stack_frames
        return examine_stacks(pixels, settings, _pixel_nm(settings), number)

    return examine


def one_thread() -> None:
    """Let torch work in the calling thread alone: the others are the frame path's."""
    others = torch.get_num_threads()
    torch.set_num_threads(1)
    # It holds for this thread and for all that begin later, those of the next stream among them.
    later = Thread(target=torch.set_num_threads, args=(others,))
    later.start()
    later.join()


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
