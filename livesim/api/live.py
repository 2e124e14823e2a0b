"""Talk to a running engine from a notebook: listen to its results, send it frames."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Literal, Self

import numpy as np

from livesim.api.arrays import as_numpy
from livesim.config.settings import Settings
from livesim.values.errors import DataError
from livesim.values.frames import FrameAxes, RawFrame
from livesim.values.results import Result
from livesim.wire.control_client import ControlClient
from livesim.wire.endpoints import CONTROL_ADDRESS, beside, endpoint
from livesim.wire.messages import StreamEnd, StreamStart
from livesim.wire.sockets import Keep, Subscriber
from livesim_acquisition.sender import Delivery
from livesim_acquisition.sender import Sender as FrameSender

POLL_S = 0.2
ASK_EVERY_S = 5.0
"""How long an engine may be silent until it is asked whether it is still there."""
ANSWER_S = 5.0


def listen(
    engine: str = CONTROL_ADDRESS,
    *,
    keep: Literal["latest", "drop-oldest"] = "latest",
    streams: int | None = 1,
) -> Iterator[Result]:
    """Yield the results of a running engine as they are published.

    Parameters
    ----------
    engine
        Its control address, as for `livesim view`: "tcp://127.0.0.1:5603", or a host alone.
    keep
        "latest" yields the newest result whenever one is asked for; "drop-oldest" keeps some, so
        that a loop that is a little slow at times sees them all.
    streams
        After how many streams the loop ends; None = never. A stream that runs already counts.

    Yields
    ------
    The results: `image` [2 y, 2 x], `plain` [2 y, 2 x] or None, `widefield` [y, x], `index`.

    Raises
    ------
    WireError
        If no engine answers.
    SettingsError
        If `engine` is no address, or its keys are not there.
    """
    control = endpoint(engine)
    with ControlClient(control) as client:
        results = beside(control, client.status(ANSWER_S).endpoints.results)
        with Subscriber(results, Keep(keep)) as subscriber:
            yield from _results(subscriber, client, streams)


def _results(
    subscriber: Subscriber, client: ControlClient, streams: int | None
) -> Iterator[Result]:
    ended, heard_s = 0, time.monotonic()
    while streams is None or ended < streams:
        message = subscriber.receive(POLL_S)
        if message is None and time.monotonic() - heard_s < ASK_EVERY_S:
            continue
        if message is None:
            client.status(ANSWER_S)  # raises where nobody answers
        heard_s = time.monotonic()
        if isinstance(message, StreamEnd):
            ended += 1
        elif isinstance(message, Result):
            yield message


class Sender:
    """Sends raw frames to an engine, one call a frame; the first one opens the stream.

    Parameters
    ----------
    engine
        The engine's control address: "tcp://127.0.0.1:5603", or a host alone.
    settings
        Of the microscope; None leaves them to the engine.
    stream
        What the stream is called; None = by the time of its first frame.
    wait
        Whether `send` waits for a slow engine. If not, it never waits, and the oldest frames are
        given up and counted.
    exposure_ms
        Of one frame, if it is known.

    Raises
    ------
    WireError
        If no engine answers.
    """

    def __init__(
        self,
        engine: str = CONTROL_ADDRESS,
        settings: Settings | None = None,
        *,
        stream: str | None = None,
        wait: bool = True,
        exposure_ms: float | None = None,
    ) -> None:
        self._sender = FrameSender(endpoint(engine), Keep.BLOCK if wait else Keep.DROP_OLDEST)
        self._settings = settings
        self._stream = stream or time.strftime("notebook %Y-%m-%d %H.%M.%S")
        self._exposure_ms = exposure_ms
        self._sent = 0

    def send(
        self,
        frame: Any,
        *,
        time: int,
        angle: int,
        phase: int,
        channel: int = 0,
        z: int = 0,
        position: int = 0,
    ) -> None:
        """Send one raw frame [y, x] of camera counts; it is copied.

        Raises
        ------
        DataError
            If it is no image of counts.
        WireError
            If the engine refuses the stream or has stopped answering.
        """
        pixels = np.array(as_numpy(frame), copy=True)
        if pixels.ndim != 2:
            raise DataError(f"expected a frame [y, x], found the shape {pixels.shape}")
        pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
        if not self._sender.streaming:
            self._start()
        axes = FrameAxes(
            time=time, channel=channel, z=z, position=position, angle=angle, phase=phase
        )
        exposure_ms = self._exposure_ms or 0.0
        self._sender.send(RawFrame(self._stream, self._sent, axes, pixels, exposure_ms))
        self._sent += 1

    def finish(self) -> Delivery:
        """End the stream and wait until the engine has received all of it.

        Raises
        ------
        WireError
            If the engine stops answering.
        """
        return self._sender.finish() if self._sender.streaming else Delivery(0, 0, 0)

    def close(self) -> None:
        """End the stream, if one is open, and the connection."""
        try:
            self.finish()
        finally:
            self._sender.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None and self._sender.streaming:
            self._sender.finish(aborted=True)
        self.close()

    def _start(self) -> None:
        known = None if self._settings is None else self._settings.model_dump(mode="json")
        self._sender.start(
            StreamStart(
                stream=self._stream,
                source="Python",
                settings=known,
                exposure_ms=self._exposure_ms,
            )
        )
