"""The way of one stream's raw stacks to one engine process."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count

import numpy as np

from livesim.config.changes import Changes
from livesim.config.settings import SettingsError
from livesim.engine.record.recorder import Recorder
from livesim.router.member import Reach
from livesim.values.frames import FrameAxes, RawFrame, RawStack
from livesim.wire.control import Beside, ReadyReply
from livesim.wire.control_client import ControlClient
from livesim.wire.header import WireError
from livesim.wire.messages import StreamEnd, StreamStart
from livesim.wire.sockets import FramePusher, Keep
from livesim.wire.status import EngineStatus

ROOM_S = 0.1
"""How long to wait for room at a time, before looking whether the engine is still there."""
ANSWER_S = 1.0
ASK_EVERY_S = 0.02
START_S = 300.0
"""How long an engine may prepare for a stream: a GPU compiles."""


class GoneError(Exception):
    """The engine has ended."""


class Link:
    """A stream that one engine process has confirmed; used by one thread at a time.

    Parameters
    ----------
    reach
        Of the process.
    start
        What it is to be told of the stream.
    there
        Whether the process is still there.

    Raises
    ------
    SettingsError
        If it refuses the stream.
    GoneError
        If it ends meanwhile.
    """

    def __init__(self, reach: Reach, start: StreamStart, there: Callable[[], bool]) -> None:
        self.reach, self._there, self._stream = reach, there, start.stream
        self._numbers = count()
        self._sent = 0
        self._recorder: Recorder | None = None
        """What the engine writes beside: nothing, when a stream begins."""
        self._control = ControlClient(reach.control)
        self._pusher = FramePusher(reach.frames, Keep.BLOCK)
        try:
            self._push(start)
            reply = self._await(lambda one: one.started or one.refused is not None)
            if reply.refused is not None:
                raise SettingsError(reply.refused)
        except BaseException:
            self.close()
            raise

    def record(self, recorder: Recorder | None) -> None:
        """Let the engine write beside a recording, from its next raw stack on; None = no more.

        What was sent before belongs to the last one: this waits until the engine has it.

        Raises
        ------
        WireError, SettingsError
            If it cannot.
        GoneError
            If the engine ends meanwhile.
        """
        if recorder is self._recorder:
            return
        self._recorder = recorder
        self._await(lambda reply: reply.received >= self._sent)
        self._control.record(on=False)
        if recorder is not None:
            settings = recorder.resolved.settings
            beside = Beside(folder=str(recorder.folder), settings=settings)
            self._control.record(on=True, beside=beside)

    def steer(self, changes: Changes) -> None:
        """Let the engine use other settings from its next raw stack on.

        Raises
        ------
        WireError
            If it refuses, or does not answer.
        """
        self._control.steer(changes)

    def send(self, stack: RawStack) -> None:
        """Send the frames of a raw stack; wait for room.

        Raises
        ------
        GoneError
            If the engine ends meanwhile.
        """
        index = stack.index
        for angle, phase in np.ndindex(stack.pixels.shape[:2]):
            axes = FrameAxes(index.time, index.channel, index.z, index.position, angle, phase)
            pixels = stack.pixels[angle, phase]
            number = next(self._numbers)
            self._push(RawFrame(self._stream, number, axes, pixels, stack.exposure_ms))
            self._sent += 1

    def end(self) -> None:
        """Say that no more raw stacks come.

        Raises
        ------
        GoneError
            If the engine ends meanwhile.
        """
        self._push(StreamEnd(stream=self._stream, sent=self._sent))

    def status(self) -> EngineStatus | None:
        """Return what the engine says; None where it does not answer any more."""
        with suppress(WireError):
            return self._control.status(ANSWER_S)
        return None

    def close(self) -> None:
        """Close the connection."""
        self._pusher.close(linger_s=0.0)
        self._control.close()

    def _push(self, message: RawFrame | StreamStart | StreamEnd) -> None:
        while self._there():
            if self._pusher.send(message, ROOM_S):
                return
        raise GoneError

    def _await(self, arrived: Callable[[ReadyReply], bool]) -> ReadyReply:
        until = time.monotonic() + START_S
        while self._there():
            if time.monotonic() > until:
                raise SettingsError(f"expected an engine that takes it, found none in {START_S} s")
            with suppress(WireError):  # busy
                reply = self._control.ready(self._stream, ANSWER_S)
                if arrived(reply):
                    return reply
            time.sleep(ASK_EVERY_S)
        raise GoneError
