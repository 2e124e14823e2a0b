"""Send raw frames to an engine, one stream after another, with a handshake at both ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

from livesim.values.frames import RawFrame
from livesim.wire.control import ReadyReply
from livesim.wire.control_client import ControlClient
from livesim.wire.endpoints import beside
from livesim.wire.header import WireError
from livesim.wire.messages import StreamEnd, StreamStart
from livesim.wire.sockets import FramePusher, Keep

ANSWER_S = 10.0
"""How long to wait for any answer of the engine."""
ABORT_S = 5.0
"""How long a source that was stopped waits for the engine to take what is under way."""
CHECK_EVERY_S = 2.0
"""How often a source that may wait makes sure that the engine is still there."""
ASK_EVERY_S = 0.02
ROOM_S = 1.0
HELD_BYTES = 256 << 20
"""Frames that a source which never waits holds for an engine that is busy for a moment."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of the frames of one stream."""

    sent: int
    unsent: int
    """Given up because the engine did not take them in time."""
    received: int
    """By the engine, as it says itself."""


class Sender:
    """A source's connection to an engine.

    Parameters
    ----------
    engine
        The engine's control endpoint; it says itself where it takes frames.
    keep
        `Keep.BLOCK` waits for a slow engine (files). `Keep.DROP_OLDEST` never waits and gives up
        the oldest frame (cameras: the hook must not hold the acquisition).
    answer_s
        How long to wait for any answer of the engine.

    Raises
    ------
    WireError
        If no engine answers.
    """

    def __init__(self, engine: str, keep: Keep = Keep.BLOCK, answer_s: float = ANSWER_S) -> None:
        self._answer_s = self._patience_s = answer_s
        self._control = ControlClient(engine)
        try:
            frames = self._control.status(answer_s).endpoints.frames
        except WireError:
            self._control.close()
            raise
        self._pusher = FramePusher(beside(engine, frames), keep, held_bytes=HELD_BYTES)
        self._stream: str | None = None
        self._started = False
        self._checked_at = 0.0
        self._taken = 0
        self._dropped_before = 0

    @property
    def streaming(self) -> bool:
        """Whether a stream is open."""
        return self._stream is not None

    @property
    def sent(self) -> int:
        """Frames of the present stream handed over so far."""
        return self._taken - self.unsent

    @property
    def unsent(self) -> int:
        """Frames of the present stream given up so far."""
        return self._pusher.dropped - self._dropped_before

    def start(self, start: StreamStart) -> None:
        """Open a stream and wait until the engine takes it.

        A PUSH socket that never waits would drop every frame until it is connected; so the first
        frame is sent only after the engine has confirmed the start, which took the same way.

        Raises
        ------
        WireError
            If the engine refuses the stream, or stops answering.
        """
        self._stream = start.stream
        self._started = False
        self._patience_s = self._answer_s
        self._taken = 0
        self._dropped_before = self._pusher.dropped
        self._push(start.model_copy(update={"sent_ns": time.time_ns()}))
        self._flush()
        self._await(lambda reply: reply.started)

    def send(self, frame: RawFrame) -> None:
        """Send one frame of the open stream; its pixels must not be changed afterwards.

        Raises
        ------
        WireError
            If the frame's pixels cannot be sent; with `Keep.BLOCK` also if the engine has stopped
            answering or has gone on to another stream.
        """
        stamped = replace(frame, stream=self._open_stream, sent_ns=time.time_ns())
        if self._pusher.keep is Keep.BLOCK:
            self._push(stamped)
            self._check_now_and_then()
        else:
            self._pusher.send(stamped)
        self._taken += 1

    def finish(self, *, aborted: bool = False) -> Delivery:
        """End the stream and wait until the engine has received all of it.

        When `aborted`, frames that the engine has not taken within `ABORT_S` are given up.

        Raises
        ------
        WireError
            If the engine stops answering.
        """
        if aborted:
            return self._cut_off()
        self._flush()
        self._push(self._end(aborted=False))
        self._flush()
        return self._delivery(self._await(lambda reply: reply.ended))

    def _cut_off(self) -> Delivery:
        """End the stream in little time: what the engine has not taken by then is given up."""
        self._patience_s = min(self._answer_s, ABORT_S)
        deadline = time.monotonic() + ABORT_S
        self._pusher.flush(ABORT_S)
        self._pusher.send(self._end(aborted=True), ABORT_S)
        reply = self._await(lambda reply: reply.ended or time.monotonic() > deadline)
        if not reply.ended:
            self._control.end(self._open_stream, self._patience_s)
            reply = self._await(lambda reply: reply.ended)
        return self._delivery(reply)

    def _end(self, *, aborted: bool) -> StreamEnd:
        return StreamEnd(
            stream=self._open_stream, sent=self.sent, unsent=self.unsent, aborted=aborted
        )

    def _delivery(self, reply: ReadyReply) -> Delivery:
        delivery = Delivery(sent=self.sent, unsent=self.unsent, received=reply.received)
        self._stream = None
        return delivery

    def close(self) -> None:
        """Close the connection; what is still under way has a moment to arrive."""
        self._pusher.close(linger_s=1.0)
        self._control.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _open_stream(self) -> str:
        if self._stream is None:
            raise ValueError("expected an open stream, found none: call start first")
        return self._stream

    def _push(self, message: RawFrame | StreamStart | StreamEnd) -> None:
        """Send; with `Keep.BLOCK` wait as long as the engine is there and takes this stream."""
        while not self._pusher.send(message, ROOM_S):
            self._check_engine()

    def _flush(self) -> None:
        """Wait until nothing is left in the own queue that drop-oldest has."""
        while not self._pusher.flush(ROOM_S):
            self._check_engine()

    def _check_now_and_then(self) -> None:
        if time.monotonic() - self._checked_at > CHECK_EVERY_S:
            reply = self._check_engine()
            if reply.ended:
                raise self._gone(reply)

    def _check_engine(self) -> ReadyReply:
        """Ask about this stream; raise if nobody answers or another stream has taken over."""
        reply = self._control.ready(self._open_stream, self._patience_s)
        if reply.refused or (self._started and not reply.started):
            raise self._gone(reply)
        self._started = reply.started
        self._checked_at = time.monotonic()
        return reply

    def _await(self, arrived: Callable[[ReadyReply], bool]) -> ReadyReply:
        while not arrived(reply := self._check_engine()):
            time.sleep(ASK_EVERY_S)
        return reply

    def _gone(self, reply: ReadyReply) -> WireError:
        if reply.refused:
            return WireError(f"the engine refused the stream: {reply.refused}")
        if reply.ended:
            return WireError("expected the engine to take this stream, found that it has ended it")
        return WireError(
            f"expected the engine at {self._control.endpoint} to take this stream, "
            "found that it works on another one"
        )
