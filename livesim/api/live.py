"""Talk to a running engine from a notebook: listen to its results, send it frames."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import suppress
from operator import index
from threading import Event
from time import monotonic, strftime
from typing import Any, Literal, Self

import numpy as np

from livesim.api.arrays import native
from livesim.config.settings import Settings
from livesim.values.errors import DataError
from livesim.values.frames import FrameAxes, RawFrame
from livesim.values.results import Result
from livesim.wire.control_client import ControlClient
from livesim.wire.endpoints import CONTROL_ADDRESS, beside, endpoint
from livesim.wire.header import WireError
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
    stop: Event | None = None,
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
    stop
        Once it is set, from another thread, the loop ends.

    Yields
    ------
    The results: `image` [2 y, 2 x], `plain` [2 y, 2 x] or None, `widefield` [y, x], `index`. Where
    networks are slower than the camera, a stack's first result is plain and `provisional`; a second
    one may follow, after those of newer stacks.

    Raises
    ------
    WireError
        If no engine answers.
    SettingsError
        If `engine` is no address, or its keys are not there.
    ValueError
        If `keep` is another word.
    """
    if keep not in ("latest", "drop-oldest"):
        raise ValueError(f"expected keep='latest' or 'drop-oldest', found {keep!r}")
    control = endpoint(engine)
    with ControlClient(control) as client:
        results = beside(control, client.status(ANSWER_S).endpoints.results)
        with Subscriber(results, Keep(keep)) as subscriber:
            yield from _results(subscriber, client, streams, stop or Event())


def _results(
    subscriber: Subscriber, client: ControlClient, streams: int | None, stop: Event
) -> Iterator[Result]:
    ended, heard_s = 0, monotonic()
    stream: str | None = None  # whose end is awaited
    while not stop.is_set() and (streams is None or ended < streams):
        message = subscriber.receive(POLL_S)
        if message is None and monotonic() - heard_s < ASK_EVERY_S:
            continue
        heard_s = monotonic()
        if message is None:
            running = client.status(ANSWER_S).stream  # raises where nobody answers
            if stream not in (None, running):  # a slow loop can miss the end as well
                ended, stream = ended + 1, None
        elif isinstance(message, StreamEnd):
            ended, stream = ended + 1, None
        elif isinstance(message, Result):
            stream = message.stream
            if not message.searching:
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
        What its streams are called, each with an ending of its own; None = by the time of the first
        frame.
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
        self._name = stream
        self._exposure_ms = exposure_ms
        self._stream, self._sent = "", 0
        self._shape: tuple[int, ...] = ()
        self._closed = False

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
            If it is no image of counts, or has another shape than the first one of the stream, or
            if the settings have no such angle or phase.
        WireError
            If the engine refuses the stream or has stopped answering, or this sender is closed.
        """
        if self._closed:
            raise WireError("expected an open sender, found it closed")
        pixels = np.array(native(frame), copy=True, order="C")
        if pixels.ndim != 2 or not pixels.size:
            raise DataError(f"expected a frame [y, x], found the shape {pixels.shape}")
        axes = FrameAxes(
            time=index(time),
            channel=index(channel),
            z=index(z),
            position=index(position),
            angle=index(angle),
            phase=index(phase),
        )
        self._check(axes)
        if not self._sender.streaming:
            self._shape = pixels.shape
            self._start()
        if pixels.shape != self._shape:
            raise DataError(f"expected frames {self._shape} in this stream, found {pixels.shape}")
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
        self._close(aborted=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._close(aborted=kind is not None)

    def _close(self, *, aborted: bool) -> None:
        try:
            if aborted and self._sender.streaming:
                with suppress(WireError):  # what ended the block is to be seen, not this
                    self._sender.finish(aborted=True)
            else:
                self.finish()
        finally:
            self._closed = True
            self._sender.close()

    def _check(self, axes: FrameAxes) -> None:
        if self._settings is None:
            return
        angles, phases = self._settings.pattern.stack_shape
        if axes.angle >= angles or axes.phase >= phases:
            raise DataError(
                f"expected an angle from 0 to {angles - 1} and a phase from 0 to {phases - 1}, "
                f"found angle {axes.angle}, phase {axes.phase}"
            )

    def _start(self) -> None:
        name = self._name or strftime("notebook %Y-%m-%d %H.%M.%S")
        # The engine knows its streams by their names: an old name would get the old answers.
        self._stream, self._sent = f"{name[:160]}-{uuid.uuid4().hex[:8]}", 0
        known = None if self._settings is None else self._settings.model_dump(mode="json")
        self._sender.start(
            StreamStart(
                stream=self._stream,
                source="Python",
                settings=known,
                exposure_ms=self._exposure_ms,
            )
        )
