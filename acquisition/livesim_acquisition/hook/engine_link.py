"""Keep a connection to an engine that may be absent, vanish and come back."""

from __future__ import annotations

import uuid

from livesim.values.frames import RawFrame
from livesim.wire.header import WireError
from livesim.wire.messages import StreamStart
from livesim.wire.sockets import Keep
from livesim_acquisition.hook.image_queue import CameraImage
from livesim_acquisition.sender import Sender

ANSWER_S = 2.0
"""How long to wait for any answer of the engine."""


class EngineLink:
    """A connection that is made when it is needed; each one begins a stream of its own.

    Used by one thread. After a `WireError` the connection is closed, and the next call makes
    another one.

    Parameters
    ----------
    engine
        The engine's control endpoint.
    start
        What every stream's header says; its name, pixel and exposure are those of the first image.
    """

    def __init__(self, engine: str, start: StreamStart) -> None:
        self._engine, self._start = engine, start
        self._sender: Sender | None = None
        self._streams = 0

    @property
    def streams(self) -> int:
        """Begun so far."""
        return self._streams

    def connect(self) -> Sender:
        """Return the connection, made now if there is none.

        Raises
        ------
        WireError
            If no engine answers.
        """
        if self._sender is None:
            self._sender = Sender(self._engine, Keep.BLOCK, ANSWER_S)
        return self._sender

    def send(self, frame: RawFrame, image: CameraImage) -> None:
        """Send a frame, in a new stream if none is open.

        Raises
        ------
        WireError
            If the engine does not answer, or refuses the stream.
        """
        sender = self.connect()
        try:
            if not sender.streaming:
                sender.start(self._start_of(image))
                self._streams += 1
            sender.send(frame)
        except WireError:
            self._close()
            raise

    def finish(self) -> int:
        """End the stream and close; returns how many frames the engine has received.

        Raises
        ------
        WireError
            If the engine stops answering.
        """
        try:
            if self._sender is None or not self._sender.streaming:
                return 0
            return self._sender.finish().received
        finally:
            self._close()

    def _start_of(self, image: CameraImage) -> StreamStart:
        return self._start.model_copy(
            update={
                "stream": f"{self._start.source[:160]}-{uuid.uuid4().hex[:8]}",
                "pixel_nm": image.pixel_nm,
                "exposure_ms": image.exposure_ms or None,
            }
        )

    def _close(self) -> None:
        if self._sender is not None:
            self._sender.close()
            self._sender = None
