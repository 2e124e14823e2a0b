"""Build what reconstructs, calibrates and examines the raw stacks of one stream.

The only place where networks meet the engine. Nothing here changes how many cores torch uses: that
belongs to the process that calls it (`livesim.pipeline.cores`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch

from livesim.config.settings import Settings
from livesim.engine.beside.tracked import TrackedPipeline
from livesim.engine.beside.tracking import BackgroundTracking
from livesim.engine.seams import Examine, Pipeline, PipelineFactory
from livesim.pipeline.calibration import (
    MOST_STACKS,
    calibrate,
    check_phases,
    estimated,
    estimation_stacks,
    held,
    in_this_light,
    pixels_of,
    with_levels,
    with_warnings,
)
from livesim.pipeline.cpu import EagerPath
from livesim.pipeline.cuda import NETWORKS_FIRST, PLAIN_FIRST
from livesim.pipeline.defects import equalised, stacks_without_defects
from livesim.pipeline.devices import preferred_device
from livesim.pipeline.fringes import with_fringes_doubted
from livesim.pipeline.networks import Networks, load_networks, resolved
from livesim.pipeline.paths import path_for
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.pipeline.preparation import OtfProfile
from livesim.pipeline.work import FramePath, as_tensor
from livesim.reconstruction.doctor.examine import examine_stacks, middle
from livesim.values.finding import Examination
from livesim.values.frames import RawStack
from livesim.values.pattern import Levels, Pattern

MOST_LIVE_PIXELS = 512
"""Rows and columns that the doctor looks at while a stream runs: some seconds at most."""
FAINT_STACKS = 4
"""Raw stacks that are enough for a faint angle: from more of them a drift would be averaged."""


def pipeline_factory(
    settings: Settings,
    pattern: Pattern | None = None,
    otf_profile: OtfProfile | None = None,
    device: torch.device | None = None,
    *,
    claim: Callable[[], None] = lambda: None,
    path_on: Callable[[torch.device, int], FramePath] = path_for,
    stages: Callable[[], bool] = lambda: True,
) -> PipelineFactory:
    """Return what makes the pipeline of one stream.

    With a `pattern` the pipeline is ready at once. Without, it is estimated from the first stack;
    where an angle does not stand out clearly, from `FAINT_STACKS`; while one does not stand out at
    all, from twice as many, up to `MOST_STACKS`, and then taken as it is: angles not found count
    as widefield.

    Unless the settings say otherwise the pipeline tracks its pattern: see docs/use/tracking.md.

    Parameters
    ----------
    settings
        Of the stream, or of one channel of it.
    pattern
        Its illumination; None estimates it.
    otf_profile
        Measured OTF; None = the theoretical one.
    device
        None = the GPU where there is one, else the CPU.
    claim
        Called once in the thread that tracks beside the frame path, before it computes anything.
    path_on
        Makes the frame paths of the stream on a device, with a priority.
    stages
        See `ReconstructionPipeline`.

    Raises
    ------
    SettingsError
        If there is no network of that name, it does not fit the stream, or the pattern is to be
        found and the phases are too few.
    DataError
        If a model file cannot be used.
    """
    if pattern is None:
        check_phases(settings)
    device = device or preferred_device()
    networks = load_networks(settings, device)
    path, plain_path = path_on(device, NETWORKS_FIRST), path_on(device, PLAIN_FIRST)
    prepare_for = _preparing(settings, networks, otf_profile, path, plain_path, stages)
    if pattern is not None and not isinstance(path, EagerPath):
        _warm_up(prepare_for(settings), pattern)

    def begin(known: Pattern, seen: Sequence[RawStack]) -> Pipeline:
        warned = with_warnings(known, seen, settings, networks)
        return tracked(warned, prepare_for, settings, otf_profile, claim)

    if pattern is not None:

        def begin_with(stacks: Sequence[RawStack], _: bool) -> Pipeline:
            first = stacks[:1]
            doubted = with_fringes_doubted(
                pattern, first, settings, known=True, followed=settings.tracks
            )
            return begin(in_this_light(doubted, first, settings, otf_profile), first)

        return begin_with
    return _Calibration(lambda stacks: calibrate(stacks, settings, otf_profile), begin)


def _warm_up(prepare: Callable[[Pattern], object], pattern: Pattern) -> None:
    """Let a GPU choose and compile everything before the first frame comes.

    What is prepared is dropped; the frame path keeps what it has captured.
    """
    prepare(pattern if pattern.levels else replace(pattern, levels=Levels(0.0, 1.0)))


class _Calibration:
    """Estimates the pattern of a stream from more and more of its first stacks.

    Parameters
    ----------
    estimate
        Raw stacks -> their pattern; dear.
    begin
        A pattern, and the stacks it was estimated from -> the pipeline.
    """

    def __init__(
        self,
        estimate: Callable[[Sequence[RawStack]], Pattern],
        begin: Callable[[Pattern, Sequence[RawStack]], Pipeline],
    ) -> None:
        self._estimate, self._begin = estimate, begin
        self._next_try, self._enough = 1, MOST_STACKS

    def __call__(self, stacks: Sequence[RawStack], ended: bool) -> Pipeline | None:
        """Return the pipeline once the stacks suffice, or when no more will come."""
        if len(stacks) < self._next_try and not ended:
            return None
        most = estimation_stacks((stacks[0].pixels.shape[-2], stacks[0].pixels.shape[-1]))
        most = min(most, self._enough)
        found = self._estimate(stacks[:most])
        self._enough = _enough(found)
        self._next_try = max(2 * len(stacks), FAINT_STACKS)
        if ended or len(stacks) >= min(most, self._enough):
            return self._begin(found, stacks[:most])
        return None


def _enough(found: Pattern) -> int:
    """Return how many raw stacks the estimate of a stream's first pattern has to be made from."""
    if not all(angle.usable for angle in found.angles):
        return MOST_STACKS
    return FAINT_STACKS if any(angle.faint for angle in found.angles) else 1


PrepareFor = Callable[[Settings], Callable[[Pattern], ReconstructionPipeline]]
"""Settings -> what prepares a reconstruction with them."""


def _preparing(
    first: Settings,
    networks: Networks,
    otf_profile: OtfProfile | None,
    path: FramePath,
    plain_path: FramePath,
    stages: Callable[[], bool],
) -> PrepareFor:
    """Return what prepares reconstructions of one stream; its networks are loaded once each.

    Parameters
    ----------
    path, plain_path, stages
        See `ReconstructionPipeline`.
    """
    # By what the files hold: one may have been written again under its name.
    loaded = {_key(networks.models, first): networks}

    def prepare_for(settings: Settings) -> Callable[[Pattern], ReconstructionPipeline]:
        key = _key(resolved(settings).models, settings)
        if key not in loaded:
            loaded[key] = load_networks(settings, path.device)
        return lambda known: ReconstructionPipeline(
            settings, known, otf_profile, loaded[key], path, plain_path, stages
        )

    return prepare_for


def _key(models: Mapping[str, str], settings: Settings) -> tuple[object, ...]:
    return settings.steps.precision, *sorted(models.items())


def tracked(
    pattern: Pattern,
    prepare_for: PrepareFor,
    settings: Settings,
    otf_profile: OtfProfile | None = None,
    claim: Callable[[], None] = lambda: None,
) -> TrackedPipeline:
    """Return a pipeline that begins with `pattern` and looks after it as the settings say."""
    prepare = prepare_for(settings)
    active = prepare(pattern)
    own = held(settings, pattern)

    def estimate(stacks: Sequence[RawStack]) -> Pattern:
        if pattern.otf_damping is None:
            return calibrate(stacks, settings, otf_profile)
        found = estimated(pixels_of(stacks), own, otf_profile)
        return with_levels(replace(found, otf_damping=pattern.otf_damping), stacks, settings)

    most = estimation_stacks(pattern.shape)
    background = BackgroundTracking(prepare, estimate, active, most=most, claim=claim)
    background.steer(prepare, unasked=settings.tracks and settings.tracking.estimate)
    return TrackedPipeline(active, background, prepare_for, follows=settings.tracks)


def doctor_for(settings: Settings) -> Examine | None:
    """Return what examines raw stacks of one stream.

    None where the settings do not want it, or the phases are too few to tell anything.
    """
    if not settings.doctor.examine or settings.pattern.too_few_phases:
        return None

    def examine(stacks: Sequence[RawStack]) -> Examination:
        first = stacks[0]
        shape = first.pixels.shape
        rows, columns = middle((shape[-2], shape[-1]), MOST_LIVE_PIXELS)
        number = first.index.time * settings.pattern.stack_frames
        own = settings.of_channel(first.index.channel)
        whole = equalised(stacks, own)
        cut = [replace(stack, pixels=stack.pixels[..., rows, columns]) for stack in whole]
        clean, _ = stacks_without_defects(cut, own, own.optics.known_pixel_nm)
        pixels = torch.stack([as_tensor(stack.pixels) for stack in clean])
        return examine_stacks(pixels, own, own.optics.known_pixel_nm, number)

    return examine
