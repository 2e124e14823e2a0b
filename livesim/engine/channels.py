"""The channels of one stream: what each is reconstructed with, and what happens around it."""

from __future__ import annotations

from collections.abc import Mapping

from livesim.config.settings import SettingsError
from livesim.engine.beside.doctor import LiveDoctor
from livesim.engine.beside.steering import Steering
from livesim.engine.beside.tracking_log import TrackingLog
from livesim.engine.meters import Faults
from livesim.engine.record.recording_log import RecordingLog
from livesim.engine.seams import (
    DATA_FAULTS,
    Computing,
    Pipeline,
    PipelineFactory,
    Resolved,
    Tracked,
)
from livesim.values.frames import RawStack
from livesim.values.pattern import Pattern
from livesim.wire.stream_status import ChannelStatus

FIRST = 0
"""A stream without channels has this one."""
CONCLUSION_S = 10.0
"""How long a stream without a pattern waits at its end for the doctor to say why."""


class StreamChannels:
    """Makes the pipelines of one stream, steers them, and logs what tracking changes.

    The channels in the settings have their factories from the beginning, so that a stream whose
    networks cannot be used is refused.

    Parameters
    ----------
    resolved
        The first settings of the stream.
    computing
        Makes the pipelines.
    log
        Writes beside the recording what is in use.
    doctor
        Looks again after every alarm of tracking.
    faults
        Hear of alarms.
    known
        Channel -> its pattern, where the source knows it.
    """

    def __init__(
        self,
        resolved: Resolved,
        computing: Computing,
        log: RecordingLog,
        doctor: LiveDoctor,
        faults: Faults,
        known: Mapping[int, Pattern] | None = None,
    ) -> None:
        self._computing, self._log, self._doctor, self._faults = computing, log, doctor, faults
        self._known = known or {}
        self.steering = Steering(resolved, computing.resolve, computing.use_one_core)
        self._factories = {
            channel: self._factory_for(channel) for channel in (FIRST, *resolved.settings.channels)
        }
        self._pipelines: Mapping[int, Pipeline] = {}
        self._tracking: Mapping[int, TrackingLog] = {}

    # Any thread.

    @property
    def known(self) -> bool:
        """Whether the pattern of any channel is known."""
        return bool(self._pipelines)

    def knows(self, channel: int) -> bool:
        """Whether the pattern of a channel is known."""
        return channel in self._pipelines

    @property
    def status(self) -> tuple[ChannelStatus, ...]:
        """The channels whose patterns are known, and what tracking says of them."""
        return tuple(
            ChannelStatus(channel=channel, tracking=log.health, changes=log.changes)
            for channel, log in sorted(self._tracking.items())
        )

    @property
    def patterns(self) -> dict[int, Pattern]:
        """The pattern that each channel's next stack is reconstructed with, once known."""
        return {
            channel: pattern_now(pipeline) for channel, pipeline in sorted(self._pipelines.items())
        }

    # The processor's thread.

    def factory(self, channel: int) -> PipelineFactory:
        """Return what makes a channel's pipeline, given enough stacks."""
        if channel not in self._factories:
            self._factories[channel] = self._factory_for(channel)
        return self._factories[channel]

    def _factory_for(self, channel: int) -> PipelineFactory:
        settings, known = self.steering.first.settings.of_channel(channel), self._known.get(channel)
        if known is None:
            return self._computing.factory_for(settings)
        try:
            return self._computing.factory_for(settings, known)
        except DATA_FAULTS as error:  # it has come over the wire
            raise SettingsError(
                f"expected a pattern of channel {channel} that fits the stream, found: {error}"
            ) from error

    def begin(self, channel: int, pipeline: Pipeline) -> None:
        """Take a channel's pipeline, before its first result."""
        tracking = TrackingLog(self._log.pattern_changed, self._faults, self._doctor.ask)
        tracking.begin(pipeline)
        self._tracking = {**self._tracking, channel: tracking}
        self._pipelines = {**self._pipelines, channel: pipeline}
        self.steering.begin(channel, pipeline)

    def before(self, stack: RawStack) -> None:
        """Use other settings where they are ready, and log what the stack is reconstructed with."""
        if not stack.whole:  # what is in use changes with whole stacks, which are recorded
            return
        channel = stack.index.channel
        self.steering.adopt(stack)
        self._log.see(stack, self._pipelines[channel], self.steering.of(channel))

    def after(self, stack: RawStack) -> None:
        """Log what the stack has changed of its channel's pattern, and its weights."""
        channel = stack.index.channel
        self._tracking[channel].look()
        if stack.whole:
            self._log.began(stack, self._pipelines[channel])

    def conclusion(self) -> str:
        """Return what the doctor says of a stream whose pattern was not found."""
        return self._doctor.conclusion(CONCLUSION_S)


def pattern_now(pipeline: Pipeline) -> Pattern:
    """Return the pattern that the next stack is taken to be lit with."""
    return pipeline.illumination.turned if isinstance(pipeline, Tracked) else pipeline.pattern
