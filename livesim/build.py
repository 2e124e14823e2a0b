"""Settings in, a ready pipeline out: the only place where networks meet the engine."""

from __future__ import annotations

import cmath
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from threading import Lock, Thread

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from livesim.build_networks import Networks, load_networks, preferred_device
from livesim.build_trust import Made, Reviewer
from livesim.config import Settings, SettingsError
from livesim.engine.background import Background
from livesim.engine.pipeline import Examine, Pipeline, PipelineFactory
from livesim.engine.proposal import Decide
from livesim.engine.watched import WatchedPipeline
from livesim.frames import DataError, Image, Pattern, RawStack, Result
from livesim.reconstruction.check import BandCheck, BandReading
from livesim.reconstruction.doctor.examine import examine_stacks, middle
from livesim.reconstruction.doctor.finding import Examination
from livesim.reconstruction.estimation import estimate_pattern
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.plan import make_plan, separated_bands
from livesim.reconstruction.reconstructor import BandSpectra, Reconstructor, Turn
from livesim.reconstruction.step_clock import StepClock
from livesim.trust import Review
from livesim_models.normalisation import levels_of

MOST_STACKS = 16
"""Raw stacks an estimate uses at most; more time points hardly help and cost memory."""
_MOST_PIXELS = MOST_STACKS * 512 * 512
MOST_LIVE_PIXELS = 512
"""Rows and columns that the doctor looks at while a stream runs: some seconds at most."""

FAINT_STACKS = 4
"""Raw stacks that are enough for a faint angle: from more of them a drift would be averaged."""

_THREADS = torch.get_num_threads()
_setting_threads = Lock()

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
    found = estimate_pattern(
        pixels,
        settings.optics,
        settings.pattern,
        settings.camera,
        _pixel_nm(settings),
        _otf(settings, otf_profile),
    )
    return with_levels(found, stacks, settings)


def with_levels(pattern: Pattern, stacks: Sequence[RawStack], settings: Settings) -> Pattern:
    """Return the pattern with the brightness of these stacks, unless it knows one already."""
    if pattern.levels is not None or not stacks:
        return pattern
    return replace(pattern, levels=levels_of(torch.stack(_widefields(stacks, settings))))


def with_warnings(
    pattern: Pattern, stacks: Sequence[RawStack], settings: Settings, networks: Networks
) -> Pattern:
    """Return the pattern with what the networks' cards say against these stacks."""
    if pattern.levels is None:
        return pattern
    found = networks.warnings(_widefields(stacks, settings), pattern.levels)
    new = tuple(words for words in found if words not in pattern.warnings)
    return replace(pattern, warnings=(*pattern.warnings, *new))


def _widefields(stacks: Sequence[RawStack], settings: Settings) -> list[Tensor]:
    """Return the mean frame [y, x] of every stack in photo-electrons."""
    camera = settings.camera
    means = (_as_tensor(stack).float().mean(dim=(0, 1)) for stack in stacks)
    return [(mean - camera.offset) / camera.gain for mean in means]


class ReconstructionPipeline:
    """A raw stack in, its image out: step one, reconstruction, step two.

    Parameters
    ----------
    settings
        Of the microscope.
    pattern
        The illumination; its field size is that of the stacks.
    otf_profile
        Measured OTF, or None for the theoretical one.
    networks
        Step one and step two; None = those that the settings ask for.

    Raises
    ------
    SettingsError
        If there is no network of that name, or it does not fit the stream.
    DataError
        If a model file cannot be used, or step two is asked for and the pattern does not know how
        bright the stacks are (`with_levels`).
    """

    def __init__(
        self,
        settings: Settings,
        pattern: Pattern,
        otf_profile: OtfProfile | None = None,
        networks: Networks | None = None,
    ) -> None:
        _check_layout(settings, pattern)
        self.pattern = pattern
        self.networks = networks or load_networks(settings, preferred_device())
        if self.networks.step_two is not None and pattern.levels is None:
            raise DataError("pattern: expected levels, which step two needs, found none")
        otf = _otf(settings, otf_profile)
        plan = make_plan(
            pattern, otf, settings.camera, settings.reconstruction, device=preferred_device()
        )
        self._device = plan.unmixing.device
        self._camera = settings.camera
        self._reconstruct = Reconstructor(plan)
        of_photons = plan.for_photons(settings.camera)
        self._reconstruct_photons = Reconstructor(of_photons)
        self._check = BandCheck(pattern, otf, settings.camera, device=self._device)
        # A reconstructor has one spectrum to work in, and reviews are made in another thread.
        self._reviewer = Reviewer(
            settings, pattern, otf, self.networks, Reconstructor(of_photons), self._device
        )
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
        counts = _as_tensor(stack).to(self._device)
        turned, clock = _Remembered(turn), StepClock(self._device)
        made = self._reconstruct(counts[None], turned)
        clock.mark("reconstruct")
        plain = made.image[0]
        image = between = plain
        if self.networks.any:
            image, between = self._restored(counts, plain, turned.factors, clock)
        return Result(
            stream=stack.stream,
            index=stack.index,
            image=image.cpu().numpy(),
            widefield=made.widefield[0].cpu().numpy(),
            plain=plain.cpu().numpy() if self.networks.any else None,
            make_step_one=partial(_on_host, between) if self.networks.both else None,
            last_received_ns=stack.last_received_ns,
            steps_ms=clock.read(),
            review=self._review(Made(counts, image, plain, between, turned.factors)),
        )

    def _review(self, made: Made) -> Review | None:
        """Return what reviews a result; None where there is nothing to review."""
        return partial(self._reviewer, made) if self._reviewer.able else None

    @torch.inference_mode()
    def _restored(
        self, counts: Tensor, plain: Tensor, factors: Tensor | None, clock: StepClock
    ) -> tuple[Tensor, Tensor]:
        """Return the images [2 y, 2 x] that both networks, and step one alone, make of a stack."""
        between = plain
        if self.networks.step_one is not None:
            photons = (counts.flatten(0, 1).float() - self._camera.offset) / self._camera.gain
            frames = self.networks.one(photons)
            clock.mark("step one")
            between = self._reconstruct_photons(frames[None], lambda _: factors).image[0]
            clock.mark("reconstruct")
        image = between
        if self.networks.step_two is not None and self.pattern.levels is not None:
            image = self.networks.two(image, self.pattern.levels)
            clock.mark("step two")
        return image, between


def _on_host(image: Tensor) -> Image:
    """Return an image where it can be sent from."""
    shown: Image = image.cpu().numpy()
    return shown


class _Remembered:
    """A `Turn` that keeps what it returned."""

    def __init__(self, turn: Turn | None) -> None:
        self._turn = turn
        self.factors: Tensor | None = None

    def __call__(self, spectra: BandSpectra) -> Tensor | None:
        self.factors = None if self._turn is None else self._turn(spectra)
        return self.factors


def pipeline_factory(
    settings: Settings, pattern: Pattern | None = None, otf_profile: OtfProfile | None = None
) -> PipelineFactory:
    """Return what makes the pipeline of one stream.

    With a `pattern` the pipeline is ready at once. Without, it is estimated from the first stack;
    where an angle does not stand out clearly, from `FAINT_STACKS`; while one does not stand out at
    all, from twice as many, up to `MOST_STACKS`, and then taken as it is: angles not found count
    as widefield.

    Unless the settings say otherwise the pipeline watches its pattern: see docs/watchdog.md.
    """
    networks = load_networks(settings, preferred_device())
    prepare_for = _preparing(settings, networks, otf_profile)
    next_try, enough = 1, MOST_STACKS

    def begin(known: Pattern, seen: Sequence[RawStack]) -> Pipeline:
        warned = with_warnings(known, seen, settings, networks)
        return watched(warned, prepare_for, settings, otf_profile)

    def make(stacks: Sequence[RawStack], ended: bool) -> Pipeline | None:
        nonlocal next_try, enough
        all_threads()
        if pattern is not None:
            return begin(with_levels(pattern, stacks[:1], settings), stacks[:1])
        if len(stacks) < next_try and not ended:
            return None
        most = estimation_stacks((stacks[0].pixels.shape[-2], stacks[0].pixels.shape[-1]))
        most = min(most, enough)
        found = calibrate(stacks[:most], settings, otf_profile)
        enough = _enough(found)
        next_try = max(2 * len(stacks), FAINT_STACKS)
        if ended or len(stacks) >= min(most, enough):
            return begin(found, stacks[:most])
        return None

    return make


def _enough(found: Pattern) -> int:
    """Return how many raw stacks the estimate of a stream's first pattern has to be made from."""
    if not all(angle.usable for angle in found.angles):
        return MOST_STACKS
    return FAINT_STACKS if any(angle.faint for angle in found.angles) else 1


PrepareFor = Callable[[Settings], Callable[[Pattern], ReconstructionPipeline]]
"""Settings -> what prepares a reconstruction with them."""


def _preparing(
    first: Settings, networks: Networks, otf_profile: OtfProfile | None = None
) -> PrepareFor:
    """Return what prepares reconstructions of one stream; its networks are loaded once each."""
    loaded = {first.steps: networks}

    def prepare_for(settings: Settings) -> Callable[[Pattern], ReconstructionPipeline]:
        if settings.steps not in loaded:
            loaded[settings.steps] = load_networks(settings, preferred_device())
        return lambda known: ReconstructionPipeline(
            settings, known, otf_profile, loaded[settings.steps]
        )

    return prepare_for


def watched(
    pattern: Pattern,
    prepare_for: PrepareFor,
    settings: Settings,
    otf_profile: OtfProfile | None = None,
) -> WatchedPipeline:
    """Return a pipeline that begins with `pattern` and looks after it as the settings say."""
    prepare = prepare_for(settings)
    active, watch = prepare(pattern), settings.watchdog

    def estimate(stacks: Sequence[RawStack]) -> Pattern:
        return calibrate(stacks, settings, otf_profile)

    most = estimation_stacks(pattern.shape)
    background = Background(prepare, estimate, active, quieten=one_thread, most=most)
    background.steer(prepare, watching=watch.follow and watch.estimate)
    return WatchedPipeline(active, background, prepare_for, follows=watch.follow)


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
        own = settings.of_channel(first.index.channel)
        return examine_stacks(pixels, own, _pixel_nm(own), number)

    return examine


def one_thread() -> None:
    """Let torch work in the calling thread alone: the others are the frame path's."""
    with _setting_threads:
        _set_threads(1)
        # It holds for this thread and for all that begin later: they have to get them all again.
        later = Thread(target=_set_threads, args=(_THREADS,))
        later.start()
        later.join()


def all_threads() -> None:
    """Let torch work on every core when called from this thread.

    The frame path says so itself: a thread that torch meets first while `one_thread` is at work
    would keep a single one, and bfloat16 sums come out differently on another number of threads.
    """
    with _setting_threads:
        _set_threads(_THREADS)


def _set_threads(count: int) -> None:
    torch.get_num_threads()  # the first call from a thread sets what holds for all: let it be this
    torch.set_num_threads(count)


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
