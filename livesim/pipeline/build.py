"""Build what reconstructs, calibrates and examines the raw stacks of one stream.

The only place where networks meet the engine. Nothing here changes how many cores torch uses: that
belongs to the process that calls it (`livesim.pipeline.cores`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from livesim.config.settings import Camera, Settings, SettingsError
from livesim.engine.beside.tracked import TrackedPipeline
from livesim.engine.beside.tracking import BackgroundTracking
from livesim.engine.seams import Examine, Pipeline, PipelineFactory
from livesim.pipeline.cpu import EagerPath
from livesim.pipeline.cuda import NETWORKS_FIRST, PLAIN_FIRST
from livesim.pipeline.defects import Mending, equalised, stacks_without_defects, with_defects
from livesim.pipeline.networks import Networks, load_networks, preferred_device, why_none
from livesim.pipeline.pipeline import OtfProfile, ReconstructionPipeline, otf_of, path_for
from livesim.pipeline.work import FramePath, as_tensor
from livesim.reconstruction.doctor.examine import examine_stacks, middle
from livesim.reconstruction.estimate.estimation import estimate_pattern
from livesim.reconstruction.otf import optics_under
from livesim.reconstruction.otf_damping.estimate import contradicts, with_otf_damping
from livesim.values.finding import Examination
from livesim.values.frames import RawStack
from livesim.values.pattern import Levels, NoiseToSignal, Pattern
from livesim_models.normalisation import levels_of

MOST_STACKS = 16
"""Raw stacks an estimate uses at most; more time points hardly help and cost memory."""
_MOST_PIXELS = MOST_STACKS * 512 * 512
MOST_LIVE_PIXELS = 512
"""Rows and columns that the doctor looks at while a stream runs: some seconds at most."""

SAME_LIGHT = 1.5
"""Factor between two brightnesses that count as the same: a noise-to-signal ratio that is off by as
much costs the Wiener filter less than 0.1 dB."""
FAINT_STACKS = 4
"""Raw stacks that are enough for a faint angle: from more of them a drift would be averaged."""


def estimation_stacks(frame_shape: tuple[int, int]) -> int:
    """Return how many raw stacks of this size an estimate uses at most."""
    pixels = frame_shape[0] * frame_shape[1]
    return max(1, min(MOST_STACKS, _MOST_PIXELS // pixels))


def calibrate(
    stacks: Sequence[RawStack], settings: Settings, otf_profile: OtfProfile | None = None
) -> Pattern:
    """Estimate the pattern from raw stacks taken with the same illumination.

    Defects of the camera are found first and replaced; the pattern names them. Where no OTF was
    measured, the damping of the theoretical one is found with it.

    Raises
    ------
    SettingsError
        If the pixel size is not known, or the phases are too few to find a pattern.
    """
    _check_phases(settings)
    stacks, defects = stacks_without_defects(stacks, settings, _pixel_nm(settings))
    pixels = _pixels(stacks)
    found = _estimated(pixels, settings, otf_profile)
    if otf_profile is None:
        photons = mean_photons(pixels, settings.camera).flatten(0, 1)
        found = with_otf_damping(found, photons, len(stacks), settings.optics)
    return with_levels(with_defects(found, defects), stacks, settings)


def _check_phases(settings: Settings) -> None:
    """Refuse to look for the pattern of raw stacks whose frames do not tell it.

    Raises
    ------
    SettingsError
        If they do not.
    """
    if settings.pattern.too_few_phases:
        raise SettingsError(
            f"pattern.phases: expected at least 3 where the pattern is to be found, found "
            f"{settings.pattern.phases}; calibrate with full raw stacks, "
            "`livesim calibrate FULL.tif --keep 0,1,3,4,6,7`, and give that file with --pattern"
        )


def _pixels(stacks: Sequence[RawStack]) -> Tensor:
    """Return the counts [time, angle, phase, y, x] of raw stacks."""
    return torch.stack([as_tensor(stack.pixels) for stack in stacks])


def mean_photons(pixels: Tensor, camera: Camera) -> Tensor:
    """Return the mean raw stack [angle, phase, y, x] of counts in photo-electrons."""
    mean = pixels[0].to(torch.float32, copy=True)
    for stack in pixels[1:]:
        mean += stack
    return mean.div_(len(pixels)).sub_(camera.offset).div_(camera.gain)


def _held(settings: Settings, pattern: Pattern) -> Settings:
    """Return the settings with the OTF of a known pattern: only light and pattern may change."""
    return settings.model_copy(update={"optics": optics_under(pattern, settings.optics)})


def _estimated(pixels: Tensor, settings: Settings, otf_profile: OtfProfile | None) -> Pattern:
    """Estimate the pattern of [time, angle, phase, y, x] counts under the OTF of the settings."""
    return estimate_pattern(
        pixels,
        settings.optics,
        settings.pattern,
        settings.camera,
        _pixel_nm(settings),
        otf_of(settings, otf_profile),
    )


def with_levels(pattern: Pattern, stacks: Sequence[RawStack], settings: Settings) -> Pattern:
    """Return the pattern with the brightness of these stacks, unless it knows one already."""
    if pattern.levels is not None or not stacks:
        return pattern
    return replace(pattern, levels=_levels(pattern, stacks, settings))


def with_warnings(
    pattern: Pattern, stacks: Sequence[RawStack], settings: Settings, networks: Networks
) -> Pattern:
    """Return the pattern with what speaks against these stacks: another OTF, or networks' cards."""
    misfit = why_none(pattern) if networks.any else ""
    found = [misfit] if misfit else []
    if not misfit and pattern.levels is not None:
        found += networks.warnings(_widefields(pattern, stacks, settings), pattern.levels)
    found += _of_another_otf(pattern, settings)
    new = tuple(words for words in found if words not in pattern.warnings)
    return replace(pattern, warnings=(*pattern.warnings, *new))


def _of_another_otf(pattern: Pattern, settings: Settings) -> list[str]:
    """Return what to say of a damping that is set and not the one of the pattern's modulation."""
    own, damping = pattern.otf_damping, settings.optics.damping
    if own is None or settings.optics.otf_damping == "auto" or not contradicts(own, damping):
        return []
    return [
        f"OTF damping: {damping:g} is set, but the pattern's modulation was found with {own}; "
        'calibrate again with this setting, or leave it at "auto"'
    ]


def in_this_light(
    pattern: Pattern,
    stacks: Sequence[RawStack],
    settings: Settings,
    otf_profile: OtfProfile | None = None,
) -> Pattern:
    """Return a known pattern with the defects, the brightness and the noise of these stacks.

    Defects that they show are added. Brightness and noise are kept where the light is the pattern's
    own within `SAME_LIGHT`; else they are measured anew, and a warning says so. Angles, phases and
    modulation stay.
    """
    if stacks:
        stacks, defects = stacks_without_defects(stacks, settings, pattern.pixel_nm)
        pattern = with_defects(pattern, replace(defects, hits=()))
    known = pattern.levels
    if known is None or not stacks:
        return with_levels(pattern, stacks, settings)
    now = _levels(pattern, stacks, settings)
    factor = (now.high - now.low) / (known.high - known.low)
    if 1.0 / SAME_LIGHT <= factor <= SAME_LIGHT:
        return pattern
    words = (
        f"the light is {factor:.2g} times that of the pattern's own stacks (expected 1 within a "
        f"factor of {SAME_LIGHT}): its levels and noise were measured again"
    )
    noise = _noise_in(factor, pattern, stacks, settings, otf_profile)
    return replace(pattern, levels=now, noise_to_signal=noise, warnings=(*pattern.warnings, words))


def _noise_in(
    factor: float,
    pattern: Pattern,
    stacks: Sequence[RawStack],
    settings: Settings,
    otf_profile: OtfProfile | None,
) -> NoiseToSignal | None:
    """Return the noise of stacks in other light; where their frames do not tell it, by photons."""
    known = pattern.noise_to_signal
    if settings.pattern.too_few_phases:
        return known and replace(known, at_cutoff=known.at_cutoff / factor)
    found = _estimated(_pixels(stacks), _held(settings, pattern), otf_profile)
    return found.noise_to_signal or known


def _levels(pattern: Pattern, stacks: Sequence[RawStack], settings: Settings) -> Levels:
    return levels_of(torch.stack(_widefields(pattern, stacks, settings)))


def _widefields(pattern: Pattern, stacks: Sequence[RawStack], settings: Settings) -> list[Tensor]:
    """Return the mean frame [y, x] of every stack in photo-electrons, defects replaced."""
    camera, mended = settings.camera, map(Mending(pattern, settings), stacks)
    means = (as_tensor(one.stack.pixels).float().mean(dim=(0, 1)) for one in mended)
    return [(mean - camera.offset) / camera.gain for mean in means]


def pipeline_factory(
    settings: Settings,
    pattern: Pattern | None = None,
    otf_profile: OtfProfile | None = None,
    device: torch.device | None = None,
    *,
    claim: Callable[[], None] = lambda: None,
    path_on: Callable[[torch.device, int], FramePath] = path_for,
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

    Raises
    ------
    SettingsError
        If there is no network of that name, it does not fit the stream, or the pattern is to be
        found and the phases are too few.
    DataError
        If a model file cannot be used.
    """
    if pattern is None:
        _check_phases(settings)
    device = device or preferred_device()
    networks = load_networks(settings, device)
    path, plain_path = path_on(device, NETWORKS_FIRST), path_on(device, PLAIN_FIRST)
    prepare_for = _preparing(settings, networks, otf_profile, path, plain_path)
    if pattern is not None and not isinstance(path, EagerPath):
        _warm_up(prepare_for(settings), pattern)

    def begin(known: Pattern, seen: Sequence[RawStack]) -> Pipeline:
        warned = with_warnings(known, seen, settings, networks)
        return tracked(warned, prepare_for, settings, otf_profile, claim)

    if pattern is not None:
        return lambda stacks, ended: begin(
            in_this_light(pattern, stacks[:1], settings, otf_profile), stacks[:1]
        )
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
) -> PrepareFor:
    """Return what prepares reconstructions of one stream; its networks are loaded once each.

    Parameters
    ----------
    path, plain_path
        Of the networks, and of the plain images before them, see `ReconstructionPipeline`.
    """
    loaded = {first.steps: networks}

    def prepare_for(settings: Settings) -> Callable[[Pattern], ReconstructionPipeline]:
        if settings.steps not in loaded:
            loaded[settings.steps] = load_networks(settings, path.device)
        return lambda known: ReconstructionPipeline(
            settings, known, otf_profile, loaded[settings.steps], path, plain_path
        )

    return prepare_for


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
    held = _held(settings, pattern)

    def estimate(stacks: Sequence[RawStack]) -> Pattern:
        if pattern.otf_damping is None:
            return calibrate(stacks, settings, otf_profile)
        found = _estimated(_pixels(stacks), held, otf_profile)
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
        clean, _ = stacks_without_defects(cut, own, _pixel_nm(own))
        pixels = torch.stack([as_tensor(stack.pixels) for stack in clean])
        return examine_stacks(pixels, own, _pixel_nm(own), number)

    return examine


def _pixel_nm(settings: Settings) -> float:
    if settings.optics.pixel_nm is None:
        raise SettingsError("expected optics.pixel_nm in the settings, found none")
    return settings.optics.pixel_nm
