"""Send the images of an acquisition to the engine, from a thread that nothing waits for.

The acquisition is never held and never harmed: whether the engine is there, is slow, vanishes or
comes back, `offer` returns at once. What could not be sent is counted.
"""

from __future__ import annotations

import atexit
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from threading import Thread
from typing import Self, get_args

from livesim.config.settings import PatternSettings, Settings
from livesim.values.errors import DataError
from livesim.values.frames import Pixels, RawFrame
from livesim.wire.endpoints import CONTROL_ADDRESS, endpoint
from livesim.wire.header import WireError
from livesim.wire.keys import check_reachable
from livesim.wire.messages import FrameDtype, StreamStart
from livesim_acquisition.hook.engine_link import EngineLink
from livesim_acquisition.hook.event_axes import EventAxes
from livesim_acquisition.hook.image_queue import CameraImage, ImageQueue, QueuedImage, Read

SOURCE = "Micro-Manager"
RETRY_S = 1.0
"""Between two attempts to reach an engine."""
CLOSE_S = 30.0
"""How long the end waits for what is under way."""
DTYPES = get_args(FrameDtype)
IMAGE_FAULTS = (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)
"""What one image may fail with; it costs that image alone."""

_log = logging.getLogger("livesim")


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the images offered; what is missing from the sum still waits."""

    offered: int = 0
    sent: int = 0
    """Handed over to an engine."""
    unsent: int = 0
    """Given up: there was no engine, or it did not take them in time."""
    unusable: int = 0
    """Without a place in a raw stack, or of a kind that cannot be sent."""
    received: int = 0
    """By the engine, as it says itself; known once a stream has ended."""
    streams: int = 0
    """Begun; more than one if an engine was lost and found again."""


class BackgroundSender:
    """Sends images to an engine that may be there or not, and never holds the acquisition.

    Parameters
    ----------
    engine
        The engine's control address.
    settings
        Of the microscope, sent along; None leaves them to the engine and takes the default
        pattern, 3 angles x 3 phases, to split the axis `sim`.
    sizes
        Raw stacks along time, channel, z and position, where they are known.
    interval_s
        From one time point to the next, where it is known.
    source
        Who sends; what the stream's name begins with.
    after
        The sender of the acquisition before, whose stream this one would cut off: it begins when
        that one has ended, and images wait until then.

    Raises
    ------
    SettingsError
        If `engine` is no address, or the keys to reach it are not there.
    """

    def __init__(
        self,
        engine: str = CONTROL_ADDRESS,
        settings: Settings | None = None,
        *,
        sizes: Mapping[str, int] | None = None,
        interval_s: float | None = None,
        source: str = SOURCE,
        after: BackgroundSender | None = None,
    ) -> None:
        self.engine = endpoint(engine)
        check_reachable(self.engine)
        self._link = EngineLink(
            self.engine,
            StreamStart(
                stream=source,
                source=source,
                settings=None if settings is None else settings.model_dump(mode="json"),
                sizes=None if sizes is None else dict(sizes),
                interval_s=interval_s,
            ),
        )
        self._axes = EventAxes(PatternSettings() if settings is None else settings.pattern)
        self._queue = ImageQueue()
        self._counts = Counts()
        self._offered = 0
        self._fault: str | None = None
        before = None if after is None else after._thread
        self._thread: Thread = Thread(
            target=self._run, args=(before,), name="livesim sender", daemon=True
        )
        self._thread.start()
        atexit.register(self.close)

    @property
    def counts(self) -> Counts:
        """A snapshot."""
        counts = self._counts
        unsent = counts.unsent + self._queue.dropped
        return replace(counts, offered=self._offered, unsent=unsent, streams=self._link.streams)

    @property
    def fault(self) -> str | None:
        """The last thing that went wrong, in words."""
        return self._fault

    def offer(self, read: Read, nbytes: int = 0, axes: object = None) -> None:
        """Take an image to be sent; never waits.

        Parameters
        ----------
        read
            Called later, in another thread; the pixels must not be changed afterwards.
        nbytes
            That the image holds in memory while it waits.
        axes
            Those of the image where they are known already: names get their numbers in the order of
            the acquisition, even if the image is given up.
        """
        self._axes.learn_names(axes)
        waiting = QueuedImage(self._offered, read, nbytes, time.time_ns())
        self._offered += 1
        self._queue.put(waiting)

    def end(self) -> None:
        """Say that no more images will come, without waiting: what waits is sent all the same."""
        self._queue.close()

    def close(self, limit_s: float = CLOSE_S) -> Counts:
        """Send what waits, end the stream; returns what became of it all."""
        self.end()
        self._thread.join(limit_s)
        if self._thread.is_alive():
            self._report(f"expected the engine to take what is left within {limit_s:g} s, gave up")
            self._queue.abandon()
        atexit.unregister(self.close)
        return self.counts

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # The thread of its own.

    def _run(self, before: Thread | None) -> None:
        if before is not None:
            before.join()
        try:
            self._link.connect()  # so that a missing engine is reported at once
        except WireError as error:
            self._report(str(error))
        while (waiting := self._queue.get()) is not None:
            frame = self._frame(waiting)
            if frame is not None:
                self._deliver(*frame)
        self._finish()
        self._warn_of_losses()

    def _frame(self, waiting: QueuedImage) -> tuple[RawFrame, CameraImage] | None:
        """Read an image and place it; what cannot be placed is counted."""
        try:
            image = waiting.read()
            frame = RawFrame(
                stream=SOURCE,
                sequence=waiting.number,
                axes=self._axes.place(image.axes),
                pixels=_checked(image.pixels),
                exposure_ms=image.exposure_ms,
                camera_ns=waiting.offered_ns,
            )
        except IMAGE_FAULTS as error:
            kind = "" if isinstance(error, DataError) else f"{type(error).__name__}: "
            self._report(f"an image cannot be used: {kind}{error}")
            self._count(unusable=1)
            return None
        return frame, image

    def _deliver(self, frame: RawFrame, image: CameraImage) -> None:
        """Send a frame, over a new connection if need be, until the acquisition is over."""
        while True:
            try:
                self._link.send(frame, image)
            except WireError as error:
                self._report(str(error))
            else:
                self._count(sent=1)
                return
            if self._queue.wait_closed(RETRY_S):
                self._count(unsent=1)
                self._queue.abandon()
                return

    def _finish(self) -> None:
        try:
            self._count(received=self._link.finish())
        except WireError as error:
            self._report(str(error))

    def _warn_of_losses(self) -> None:
        counts = self.counts
        if counts.unsent or counts.unusable:
            _log.warning(
                "livesim: of %d images, %d were given up and %d could not be used",
                counts.offered,
                counts.unsent,
                counts.unusable,
            )

    def _count(self, **more: int) -> None:
        counts = self._counts
        self._counts = replace(
            counts, **{name: getattr(counts, name) + number for name, number in more.items()}
        )

    def _report(self, words: str) -> None:
        """Keep a fault in words, and log it unless it is the same as the last one."""
        if words != self._fault:
            _log.warning("livesim: %s", words)
        self._fault = words


def _checked(pixels: Pixels) -> Pixels:
    """Return pixels that the wire carries; on the wire, others would look like a lost engine.

    Raises
    ------
    DataError
        If they are not [y, x] of camera counts, such as colours.
    """
    if pixels.ndim != 2 or not pixels.size or pixels.dtype not in DTYPES:
        raise DataError(
            f"expected pixels [y, x] of {', '.join(DTYPES)}, "
            f"found shape {pixels.shape} of {pixels.dtype}"
        )
    return pixels
