"""Stream the frames of a pymmcore-plus acquisition, taken from the signals of its runner."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import Any, Self

from useq import MDAEvent, MDASequence

from livesim.config.settings import Settings
from livesim.values.frames import Pixels
from livesim.wire.endpoints import endpoint
from livesim.wire.keys import check_reachable
from livesim_acquisition.hook.background_sender import CLOSE_S, BackgroundSender, Counts
from livesim_acquisition.hook.image_queue import CameraImage
from livesim_acquisition.mda.events import (
    axes_of,
    check_in_stack,
    interval_s,
    sequence_sizes,
    settings_with_sequence,
)

SOURCE = "pymmcore-plus"

NewSender = Callable[[MDASequence | None, BackgroundSender | None], BackgroundSender]
"""Called with the sequence that begins, where it is known, and the sender of the one before."""

_log = logging.getLogger("livesim")


def stream(
    core: Any, sender: BackgroundSender | str, settings: Settings | None = None
) -> MdaStream:
    """Stream every acquisition of a core from now on, until what is returned is closed.

    Parameters
    ----------
    core
        A `CMMCorePlus`.
    sender
        The control address of an engine, which gets a stream of its own for each acquisition; or a
        sender of yours, which serves one acquisition.
    settings
        Of the microscope, sent along with the streams; None leaves them to the engine. A sender of
        yours has its own.

    Raises
    ------
    SettingsError
        If `sender` is no address, or the keys to reach it are not there.
    """
    if isinstance(sender, BackgroundSender):
        return MdaStream(core.mda.events, _only(sender))
    check_reachable(endpoint(sender))
    return MdaStream(core.mda.events, partial(_new_sender, sender, settings))


class MdaStream:
    """The connection of an acquisition runner to an engine; `with` closes it.

    Every acquisition ends its stream, also one that is cancelled or fails: what has been taken by
    then is sent. Nothing here waits, but for `close`.

    Parameters
    ----------
    events
        The runner's signals, `core.mda.events`.
    new_sender
        Called at the first frame of every acquisition.
    """

    def __init__(self, events: Any, new_sender: NewSender) -> None:
        self._events = events
        self._new_sender = new_sender
        self._sequence: MDASequence | None = None
        self._sender: BackgroundSender | None = None
        self._streaming = self._closed = False
        self._lock = Lock()
        # Functions: psygnal would not keep this object alive for the sake of its methods.
        self._slots: dict[str, Callable[..., None]] = {
            "sequenceStarted": lambda sequence, metadata: self._begin(sequence),
            "frameReady": lambda image, event, metadata: self._take(image, event, metadata),
            "sequenceFinished": lambda sequence: self._end(),
        }
        for name, slot in self._slots.items():
            _connect(getattr(events, name), slot)

    @property
    def counts(self) -> Counts:
        """What became of the frames of the acquisition that runs, or else of the last one."""
        return Counts() if self._sender is None else self._sender.counts

    @property
    def fault(self) -> str | None:
        """The last thing that went wrong with these frames, in words."""
        return None if self._sender is None else self._sender.fault

    def close(self, limit_s: float = CLOSE_S) -> Counts:
        """Disconnect from the core and wait until the stream has ended.

        An acquisition that still runs goes on, but its frames are streamed no longer.
        """
        with self._lock:
            first, self._closed = not self._closed, True
        if first:
            for name, slot in self._slots.items():
                getattr(self._events, name).disconnect(slot)
        self._end()
        if self._sender is not None:
            self._sender.close(limit_s)
        return self.counts

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # In the thread of the acquisition.

    def _begin(self, sequence: MDASequence) -> None:
        self._end()
        with self._lock:
            self._sequence = sequence

    def _take(self, image: Pixels, event: MDAEvent, metadata: dict[str, Any]) -> None:
        with self._lock:
            if self._closed:
                return
            if self._sender is None or not self._streaming:
                self._sender = self._new_sender(self._sequence_of(event), self._sender)
                self._streaming = True
            axes = axes_of(event)
            self._sender.offer(partial(_camera_image, image, axes, metadata), image.nbytes, axes)

    def _end(self) -> None:
        with self._lock:
            if self._sender is not None and self._streaming:
                self._sender.end()
            self._streaming, self._sequence = False, None

    def _sequence_of(self, event: MDAEvent) -> MDASequence | None:
        """Return the sequence; that of the event where only a list of events was handed over."""
        if self._sequence is not None and sequence_sizes(self._sequence) is not None:
            return self._sequence
        return event.sequence


def _connect(signal: Any, slot: Callable[..., None]) -> None:
    """Have a slot called in the thread of the acquisition.

    Qt would by default hand frames to the main thread, where they wait without a limit, and for
    ever if that thread waits for the acquisition.
    """
    if "Qt" not in type(signal).__module__:
        signal.connect(slot)
        return
    from qtpy.QtCore import Qt

    signal.connect(slot, Qt.ConnectionType.DirectConnection)


def _only(sender: BackgroundSender) -> NewSender:
    """Serve one acquisition with a sender; it counts the frames of further ones as given up."""

    def only(sequence: MDASequence | None, before: BackgroundSender | None) -> BackgroundSender:
        if before is not None:
            _log.warning(
                "livesim: expected one acquisition for a BackgroundSender, found another one, "
                "which is not streamed: give stream() the address of the engine instead"
            )
        return sender

    return only


def _new_sender(
    engine: str,
    settings: Settings | None,
    sequence: MDASequence | None,
    before: BackgroundSender | None,
) -> BackgroundSender:
    """Return a sender for an acquisition, which says in its header what the sequence says."""
    if sequence is None:
        return BackgroundSender(engine, settings, source=SOURCE, after=before)
    return BackgroundSender(
        engine,
        None if settings is None else settings_with_sequence(sequence, settings),
        sizes=sequence_sizes(sequence),
        interval_s=interval_s(sequence),
        source=SOURCE,
        after=before,
    )


def _camera_image(image: Pixels, axes: dict[str, Any], metadata: dict[str, Any]) -> CameraImage:
    """Return an image with what the metadata say; called in the sender's thread."""
    check_in_stack(axes)
    pixel_um = metadata.get("pixel_size_um")
    return CameraImage(
        image, axes, metadata.get("exposure_ms") or 0.0, pixel_um * 1000.0 if pixel_um else None
    )
