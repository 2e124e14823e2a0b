"""Restore the raw stacks of a recording one by one, as the live run did or each by its photons."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from livesim.commands.restore.channels import Channels, lights, weights
from livesim.config.settings import Settings
from livesim.engine.pending import Pending
from livesim.io.read.recording import Recording
from livesim.pipeline.defects import stacks_without_defects
from livesim.pipeline.fringes import uneven_in
from livesim.pipeline.networks import SMALLEST
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.pipeline.work import Work
from livesim.values.errors import DataError
from livesim.values.frames import RawStack, StackIndex
from livesim.values.illumination import unturned
from livesim.values.pattern import Pattern
from livesim.values.results import Image
from livesim.values.verdict import Trust

KEPT_PATTERNS = 4
"""Of each channel, prepared at once."""


@dataclass(frozen=True, slots=True, eq=False)
class RestoredStack:
    """What is made of one raw stack."""

    image: Image
    """[2 y, 2 x] arbitrated, where there are networks."""
    work: Work
    """Everything that was computed for it."""
    error: Image | None = None
    """[2 y, 2 x] its standard deviation, photo-electrons; None where nobody asked, or where
    neighbouring pixels share their noise."""
    trust: Trust | None = None
    """None where nobody asked."""

    @property
    def plain(self) -> Image:
        """[2 y, 2 x] without networks."""
        return np.asarray(self.work.plain.cpu(), np.float32)


class StackRestorer:
    """Restores raw stacks with the light, the settings and the weights that held for each.

    Where the live run has logged its weights they are used, so that its pixels come back. Without
    a log they are measured for every raw stack from that stack itself: whatever the order, the
    result is the same.

    Parameters
    ----------
    recording
        Open.
    channels
        Of it.
    steered
        What held for raw stacks, where that is not what holds for their channel.
    """

    def __init__(
        self,
        recording: Recording,
        channels: Channels,
        steered: Mapping[StackIndex, Settings] = MappingProxyType({}),
    ) -> None:
        self._recording, self._channels, self._steered = recording, channels, steered
        self._pipelines = {number: Pipelines(one.prepared) for number, one in channels.items()}
        self._lights = lights(recording, channels)
        self._weights = weights(recording, channels)
        self.hits: dict[StackIndex, int] = {}
        """Of every raw stack that was restored, the hits of single frames that were replaced."""
        self.uneven: dict[StackIndex, str] = {}
        """Raw stacks with a frame that is lit otherwise than others, and which."""

    def __call__(self, index: StackIndex, *, examined: bool) -> RestoredStack:
        """Restore one raw stack; `examined`: say how far it can be trusted, and its error.

        Raises
        ------
        LostFrameError
            If a frame cannot be read, or holds no light at all and no live run is repeated.
        DataError
            If the error is asked for and cannot be measured, or a log holds weights that do not
            fit.
        """
        return self.begin(index, examined=examined).take()

    def begin(self, index: StackIndex, *, examined: bool) -> Pending[RestoredStack]:
        """Begin to restore one raw stack, as a call does; others may be begun before it is done.

        Raises
        ------
        LostFrameError
            As a call.
        """
        channel = self._channels[index.channel]
        light = self._lights.get(index) or unturned(channel.pattern)
        settings = self._steered.get(index, channel.settings)
        pipeline = self._pipelines[index.channel].of(light.pattern, settings)
        logged = channel.weighed is not None
        judged = examined or (pipeline.networks.any and not logged)
        begun = pipeline.begin_work(
            self._stack(index), light.turns_rad, self._weights.get(index), stages=judged
        )
        if not judged:
            return begun.then(lambda work: RestoredStack(work.image.numpy(), work))
        doubts = channel.pattern.doubts_of(index.position)
        return begun.then(
            lambda work: self._examined(pipeline, work, settings, doubts, logged=logged)
        )

    def _examined(
        self,
        pipeline: ReconstructionPipeline,
        work: Work,
        settings: Settings,
        doubts: Sequence[str],
        *,
        logged: bool,
    ) -> RestoredStack:
        """Say how far a restored stack can be trusted; without a log its weights come from that."""
        reviewed = pipeline.examine(work, work.image if logged else None, doubts=doubts)
        if reviewed is None:
            y, x = self._recording.frame_shape
            own = settings.reconstruction
            more = "" if own.processing == "none" else " and the report's processing"
            raise DataError(
                f"{self._recording.source}: expected a field of which the error can be measured, "
                f"at least {SMALLEST} x {SMALLEST} raw pixels and without Richardson-Lucy steps, "
                f"found {y} x {x} and {own.richardson_lucy_iterations} steps{more}"
            )
        error = None if reviewed.error is None else np.asarray(reviewed.error.cpu(), np.float32)
        return RestoredStack(reviewed.image.cpu().numpy(), work, error, reviewed.trust)

    def _stack(self, index: StackIndex) -> RawStack:
        """Return a raw stack, without hits of single frames unless a live run is repeated."""
        channel = self._channels[index.channel]
        if channel.as_live:
            return self._recording.stack(index)
        (clean,), defects = stacks_without_defects(
            [self._recording.lit_stack(index)], channel.settings, channel.pattern.pixel_nm
        )
        self.hits[index] = len(defects.hits)
        uneven = uneven_in(clean, channel.pattern, channel.settings)
        if uneven is not None:
            self.uneven[index] = uneven.words
        return clean

    def has_networks(self, channel: int) -> bool:
        """Whether networks take part in a channel's images at its beginning."""
        one = self._channels[channel]
        return one.networks.fitting(one.pattern).any


class Pipelines:
    """A channel's reconstructions with its last patterns and settings, prepared when needed."""

    def __init__(self, prepare: Callable[[Pattern, Settings], ReconstructionPipeline]) -> None:
        self._prepare = prepare
        self._ready: deque[tuple[Settings, ReconstructionPipeline]] = deque(maxlen=KEPT_PATTERNS)

    def of(self, pattern: Pattern, settings: Settings) -> ReconstructionPipeline:
        """Return the reconstruction with this pattern and these settings."""
        for own, pipeline in self._ready:
            if pipeline.pattern is pattern and own == settings:
                return pipeline
        self._ready.append((settings, self._prepare(pattern, settings)))
        return self._ready[-1][1]
