"""A raw stack's whole way to its result: step one, reconstruction, step two, arbitration."""

from __future__ import annotations

import cmath
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import torch

from livesim.config.settings import Settings
from livesim.config.volumes import check_single_planes
from livesim.engine.beside.proposals import TurnAngles
from livesim.engine.pending import Pending
from livesim.engine.seams import Later, Reconstructed
from livesim.io.pattern_file import check_layout
from livesim.pipeline.defects import Mended, Mending
from livesim.pipeline.devices import preferred_device
from livesim.pipeline.networks import Networks, load_networks, why_none
from livesim.pipeline.outcome import outcome
from livesim.pipeline.paths import path_for
from livesim.pipeline.preparation import (
    OtfProfile,
    conditions_for,
    doubled,
    otf_of,
    passband_of,
    reviewer_of,
)
from livesim.pipeline.review import Reviewed
from livesim.pipeline.sections import Arbitration, Sections
from livesim.pipeline.weights import as_images
from livesim.pipeline.work import FramePath, TurnBands, Turns, Work, as_tensor
from livesim.reconstruction.bands import separated_bands
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.reconstruction.track.check import BandCheck, BandReading
from livesim.values.errors import DataError
from livesim.values.frames import RawStack
from livesim.values.pattern import Pattern
from livesim.values.results import Result
from livesim.values.weights import BandWeights

_log = logging.getLogger("livesim.engine")


class ReconstructionPipeline:
    """Reconstructs raw stacks that are lit by one pattern: step one, reconstruction, step two.

    Or a network from end to end makes the image, beside the reconstruction.

    Of what the networks change as much is shown as weights say, none of it without weights. They
    are measured by a review, which takes several times as long as a result; who calls decides when
    to measure, and which weights to use for a raw stack.

    Making one is dear, since it prepares everything that depends on settings and pattern alone.

    Parameters
    ----------
    settings
        Of the microscope.
    pattern
        The illumination; its field size is that of the stacks.
    otf_profile
        Measured OTF, or None for the theoretical one.
    networks
        On the device of `path`; None = those that the settings ask for.
    path
        Shared by all pipelines of one stream, and used by one thread; None = one of its own.
    plain_path
        Likewise, for `begin_plain`, which may be called from another thread; None = it begins
        with everything at once.
    stages
        Whether somebody needs the images on the way to the one that is shown, asked for every
        stack: else a GPU keeps them.

    Raises
    ------
    SettingsError
        If there is no network of that name, or it does not fit the stream; or for volumes.
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
        path: FramePath | None = None,
        plain_path: FramePath | None = None,
        stages: Callable[[], bool] = lambda: True,
    ) -> None:
        check_single_planes(settings.volumes)
        check_layout(settings, pattern)
        self._stages = stages
        self.pattern, self._mend = pattern, Mending(pattern, settings)
        self._path = path or path_for(preferred_device())
        device = self._path.device
        asked = networks or load_networks(settings, device)
        self.networks = asked.fitting(pattern)
        if asked.any and not self.networks.any:
            _log.warning("%s", why_none(pattern))
        otf = otf_of(settings, otf_profile, pattern)
        plan = make_plan(pattern, otf, settings.camera, settings.reconstruction, device=device)
        check = BandCheck(pattern, otf, settings.camera, device=device)
        conditions = conditions_for(settings, pattern, self.networks, plan)
        passband = passband_of(settings, pattern, otf, plan)
        # A reconstructor has memory of its own to work in, and these two work in other threads.
        self._measured = Reconstructor(plan)
        self._make_reviewer = partial(
            reviewer_of, settings, pattern, otf, self.networks, plan, conditions, passband
        )
        self.reviewer = self._make_reviewer() if self.networks.any else None
        """Examines what this makes; None without networks."""
        arbitration = None
        if self.reviewer is not None:
            bands = self.reviewer.bands
            nothing = torch.zeros(len(bands), *doubled(pattern.shape), device=device)
            arbitration = Arbitration(bands, nothing)
        own = passband if self.networks.end_to_end is not None else None
        first = Sections(plan, check, self.networks, settings.camera, conditions, own, arbitration)
        self._unweighed = self.sections = first
        self._plain: tuple[FramePath, Sections] | None = None
        if plain_path is not None and self.networks.any:
            # Sections of their own: these work while the networks do.
            none = Networks(self.networks.read_noise)
            self._plain = plain_path, Sections(plan, check, none, settings.camera, None, None, None)
            plain_path.prepare(self._plain[1])
        self._path.prepare(first)
        self._weights: BandWeights | None = None
        self._orders = [(band.angle, band.harmonic) for band in separated_bands(pattern)[1]]

    def __call__(
        self,
        stack: RawStack,
        turns_rad: Sequence[float] | None = None,
        weights: BandWeights | None = None,
    ) -> Result:
        """Reconstruct one raw stack.

        Parameters
        ----------
        stack
            As long as it is lit by the pattern.
        turns_rad
            For each angle, by how much all its phases have drifted; None = not at all.
        weights
            How much of the networks' change is shown; None = nothing.

        Raises
        ------
        ValueError
            If the stack has another size than the pattern was estimated for, or the weights are
            those of other bands.
        """
        return self.reconstruct(stack, turns_rad, weights).result

    def reconstruct(
        self,
        stack: RawStack,
        turns_rad: Sequence[float] | None = None,
        weights: BandWeights | None = None,
    ) -> Reconstructed:
        """Reconstruct one raw stack as a call does; return its review and its times as well.

        Raises
        ------
        ValueError
            As a call.
        """
        turns = () if turns_rad is None else tuple(turns_rad)
        return self.begin(stack, lambda _: turns, weights).take()

    def begin(
        self, stack: RawStack, turn_angles: TurnAngles, weights: BandWeights | None = None
    ) -> Pending[Reconstructed]:
        """Begin to reconstruct one raw stack with the turns that `turn_angles` returns.

        It may call what it is given: that compares this stack with the pattern.
        """
        self._weigh(weights)
        mended = self._mend(stack)
        turned, stages = self._turned(turn_angles), self._stages()
        begun = self._path.begin(self.sections, mended.stack.pixels, turned, stages=stages)
        return begun.then(lambda work: self._reconstructed(stack, work, mended.hits))

    def begin_plain(
        self, stack: RawStack, turn_angles: TurnAngles, weights: BandWeights | None = None
    ) -> Pending[Reconstructed]:
        """Begin with the plain image of one raw stack; its networks are left for later.

        They may work in another thread, one stack at a time, and have the plain image made once
        more: that costs them a hundredth of their time, and both threads share no memory.
        """
        if self._plain is None:
            return self.begin(stack, turn_angles, weights)
        path, sections = self._plain
        mended = self._mend(stack)
        begun = path.begin(sections, mended.stack.pixels, self._turned(turn_angles))
        return begun.then(lambda work: self._plain_first(mended, work, weights))

    def _plain_first(
        self, mended: Mended, work: Work, weights: BandWeights | None
    ) -> Reconstructed:
        def begin() -> Pending[tuple[Reconstructed, ...]]:
            self._weigh(weights)
            begun = self._path.begin(
                self.sections, stack.pixels, lambda _: work.turns, stages=self._stages()
            )
            return begun.then(lambda work: (self._reconstructed(stack, work, mended.hits),))

        stack = mended.stack
        made = self._reconstructed(stack, work, mended.hits)
        result = replace(made.result, plain=None, provisional=True)
        later = Later(begin, stack.pixels.nbytes + result.image.nbytes + result.widefield.nbytes)
        return Reconstructed(result, steps_ms=made.steps_ms, hits=mended.hits, later=later)

    @property
    def weight_shapes(self) -> tuple[tuple[int, int], ...]:
        """Those of the weights that fit; none without networks."""
        return () if self.reviewer is None else self.reviewer.weight_shapes

    def compute(
        self,
        stack: RawStack,
        turns_rad: Sequence[float] | None = None,
        weights: BandWeights | None = None,
    ) -> Work:
        """Return everything that is computed of one raw stack, as tensors on the host."""
        return self.begin_work(stack, turns_rad, weights).take()

    def begin_work(
        self,
        stack: RawStack,
        turns_rad: Sequence[float] | None = None,
        weights: BandWeights | None = None,
        *,
        stages: bool = True,
    ) -> Pending[Work]:
        """Begin with what `compute` returns; without `stages` a GPU keeps those, see `Work`."""
        self._weigh(weights)
        turns = None if turns_rad is None else self._turns(turns_rad)
        pixels = self._mend(stack).stack.pixels
        return self._path.begin(self.sections, pixels, lambda _: turns, stages=stages)

    def examine(
        self,
        work: Work,
        image: torch.Tensor | None = None,
        *,
        foreign: bool = False,
        doubts: Sequence[str] = (),
    ) -> Reviewed | None:
        """Measure weights and error for one raw stack; it takes some times as long as `compute`.

        Parameters
        ----------
        work
            Of `compute`.
        image, foreign
            What is judged, see `Reviewer`; None = the image that the weights found here give.
        doubts
            Of the place where the stack was taken.

        Returns
        -------
        None where nothing can be measured: Richardson-Lucy steps, the report's processing, or a
        field that is too small.
        """
        reviewer = self.reviewer or self._make_reviewer()
        if reviewer is None:
            return None
        return reviewer(work, lambda _: None, image, foreign=foreign, doubts=doubts)

    def measure(self, stack: RawStack) -> tuple[BandReading, ...]:
        """Compare one raw stack with the pattern."""
        counts = as_tensor(self._mend(stack).stack.pixels).to(self._path.device)
        return self.sections.check(self._measured.spectra(counts))

    def _weigh(self, weights: BandWeights | None) -> None:
        """Use weights from the next stack on."""
        if weights is self._weights:
            return
        if weights is None:
            self.sections = self._unweighed
        elif weights.shapes != self.weight_shapes:
            raise DataError(
                f"expected weights on grids of {self.weight_shapes}, found {weights.shapes}"
            )
        else:
            images = as_images(weights, doubled(self.pattern.shape))
            self.sections = self._unweighed.weighing(images.to(self._path.device))
        self._weights = weights

    def _turned(self, turn_angles: TurnAngles) -> TurnBands:
        return lambda measure: self._turns(turn_angles(measure))

    def _turns(self, turns_rad: Sequence[float]) -> Turns | None:
        """Return what turns each side band; None where nothing has moved."""
        if not any(turns_rad):
            return None
        return [cmath.exp(1j * harmonic * turns_rad[angle]) for angle, harmonic in self._orders]

    def _reconstructed(self, stack: RawStack, work: Work, hits: int) -> Reconstructed:
        return outcome(stack, work, hits, self.networks, self.reviewer)
