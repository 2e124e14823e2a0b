"""Ask an engine over its control socket: sources, viewers and the commands do.

Each question waits for its answer, for seconds at most; nothing here touches a frame.
"""

from __future__ import annotations

import itertools

import zmq

from livesim.config.changes import Changes
from livesim.values.frames import StackIndex
from livesim.wire.control import (
    AnyReply,
    BegunReply,
    Beside,
    EndRequest,
    HeldRequest,
    NetworksRequest,
    ReadyReply,
    ReadyRequest,
    RecalibrateRequest,
    RecordRequest,
    RefusedReply,
    Request,
    ReviewReply,
    ReviewRequest,
    StatusRequest,
    SteerRequest,
    StopReply,
    StopRequest,
    read_reply,
)
from livesim.wire.endpoints import split_keys
from livesim.wire.header import MAX_REPLY_BYTES, WireError
from livesim.wire.networks import Run
from livesim.wire.status import EngineStatus
from livesim.wire.zmq_socket import Closing, Socket

ANSWER_S = 2.0
"""How long an answer is waited for, unless something else is asked for."""
BEGUN_S = 5.0
"""And one for which the engine may have to begin something first."""


class ControlClient(Closing):
    """Asks one engine; it need not run yet.

    A client belongs to one thread. An engine that does not answer in time, or refuses, is a
    `WireError`.

    Parameters
    ----------
    endpoint
        The engine's control endpoint, with the folder of keys where it needs them.

    Raises
    ------
    SettingsError
        If the keys cannot be read.
    """

    def __init__(self, endpoint: str) -> None:
        self.endpoint, _ = split_keys(endpoint)
        self._socket = Socket.connected(zmq.DEALER, endpoint, MAX_REPLY_BYTES)
        self._numbers = itertools.count()

    def ready(self, stream: str, timeout_s: float = ANSWER_S) -> ReadyReply:
        """Ask whether the start and the end of `stream` have arrived."""
        return self.ask(ReadyRequest(stream=stream), ReadyReply, timeout_s)

    def end(self, stream: str, timeout_s: float = ANSWER_S) -> ReadyReply:
        """Tell the engine to end `stream` without what is still under way."""
        return self.ask(EndRequest(stream=stream), ReadyReply, timeout_s)

    def status(self, timeout_s: float = ANSWER_S, *, stages: bool = False) -> EngineStatus:
        """Ask for a snapshot; with `stages` also for all stages of the next results."""
        return self.ask(StatusRequest(stages=stages), EngineStatus, timeout_s)

    def review(self, timeout_s: float = ANSWER_S) -> ReviewReply:
        """Ask for a review of the newest result now."""
        return self.ask(ReviewRequest(), ReviewReply, timeout_s)

    def networks(self, run: Run, timeout_s: float = ANSWER_S) -> BegunReply:
        """Tell the engine when the networks work from now on."""
        return self.ask(NetworksRequest(run=run), BegunReply, timeout_s)

    def held(self, stream: str, index: StackIndex, timeout_s: float = ANSWER_S) -> BegunReply:
        """Tell the engine to run the networks on a stack next, for somebody holds its picture."""
        return self.ask(HeldRequest(stream=stream, index=index), BegunReply, timeout_s)

    def stop(self, timeout_s: float = ANSWER_S) -> StopReply:
        """Tell the engine to finish and end."""
        return self.ask(StopRequest(), StopReply, timeout_s)

    def steer(self, changes: Changes, timeout_s: float = BEGUN_S) -> BegunReply:
        """Tell the engine to use other settings from the next raw stack on."""
        return self.ask(SteerRequest(changes=dict(changes)), BegunReply, timeout_s)

    def recalibrate(self, timeout_s: float = BEGUN_S) -> BegunReply:
        """Tell the engine to estimate the pattern again."""
        return self.ask(RecalibrateRequest(), BegunReply, timeout_s)

    def record(
        self, *, on: bool, timeout_s: float = BEGUN_S, beside: Beside | None = None
    ) -> BegunReply:
        """Tell the engine to begin a recording, or to end it; `beside`: that of another one."""
        return self.ask(RecordRequest(on=on, beside=beside), BegunReply, timeout_s)

    def ask(self, request: Request, expected: type[AnyReply], timeout_s: float) -> AnyReply:
        """Send a request and return its answer."""
        number = next(self._numbers).to_bytes(8, "big")
        self._socket.zmq.send_multipart([number, request.model_dump_json().encode()])
        reply = read_reply(self._reply_to(number, timeout_s))
        if isinstance(reply, RefusedReply):
            raise WireError(reply.reason)
        if not isinstance(reply, expected):
            raise WireError(f"expected the answer to '{request.kind}', found '{reply.kind}'")
        return reply

    def _reply_to(self, number: bytes, timeout_s: float) -> bytes:
        while self._socket.readable(timeout_s):
            answered, text = self._socket.zmq.recv_multipart()
            if answered == number:
                return text
        raise WireError(f"expected an engine at {self.endpoint}, found none within {timeout_s} s")

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
