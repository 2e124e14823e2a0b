"""Open a session for every stream whose settings can be used."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import partial

from livesim.config.settings import Settings, SettingsError, parse_settings
from livesim.engine.record.recorder import Aimed, Record, Recorder, RecorderFor
from livesim.engine.seams import Resolved
from livesim.engine.session import Session, Shared
from livesim.io.read.volume_scale import Stated, with_planes
from livesim.values.frames import MOST_PLACES
from livesim.values.numbers import LARGEST
from livesim.wire.control import Beside
from livesim.wire.messages import StreamStart
from livesim.wire.networks import Run

MOST_SETTINGS = 1 << 16
"""Characters of the settings that a source sends: they are a part of every status."""

_log = logging.getLogger("livesim.engine")


class Opening:
    """Opens one session after another; what is asked for meanwhile holds for the next as well.

    Parameters
    ----------
    shared
        What all of them share.
    settings
        Those of this microscope; None takes what each source sends.
    recorder_for
        Where to record each stream; None records nothing.
    recording
        Whether streams are recorded before anybody asks, where there is a recorder.
    """

    def __init__(
        self,
        shared: Shared,
        settings: Settings | None,
        recorder_for: RecorderFor | None,
        *,
        recording: bool,
    ) -> None:
        self._shared, self._settings, self._recorder_for = shared, settings, recorder_for
        self.recording = recording and recorder_for is not None
        """Whether this stream and those that follow are recorded."""

    def __call__(self, start: StreamStart) -> Callable[[], Session]:
        """Return what begins the session of a stream, once the last one is over.

        Where it is going to be recorded, its folder is there by then.

        Raises
        ------
        SettingsError, DataError, OSError
            If the stream cannot be worked on; the message says why.
        """
        check_start(start)
        resolved = self._shared.computing.resolve(stream_settings(self._settings, start))
        record = partial(self._recorder_for, start) if self._recorder_for else None
        first = record(resolved) if record and self.recording else None
        return partial(self._begin, start, resolved, record, first)

    def _begin(
        self, start: StreamStart, resolved: Resolved, record: Record | None, first: Recorder | None
    ) -> Session:
        if record and self.recording != (first is not None):  # asked for since
            first = record(resolved) if self.recording else None
        for note in resolved.notes:
            _log.warning("%s", note)
        self._shared.outlet.begin()
        self._shared.gauges.begin()
        return Session(start, resolved, record, self._shared, first)

    # The control thread.

    def choose(self, run: Run) -> None:
        """Say when the networks work from now on.

        Raises
        ------
        SettingsError
            If every stack waits for them.
        """
        if self._shared.lossless:
            raise SettingsError(
                "expected an engine whose networks work beside the plain images, found one that "
                "was started with --lossless: every stack waits for them"
            )
        self._shared.outlet.choose(run)

    def record(self, session: Session | None, *, on: bool, beside: Beside | None = None) -> None:
        """Record this stream and those that follow, or no longer; `beside`: a part of it.

        Raises
        ------
        SettingsError
            If there is no folder to record into.
        OSError
            If there can be no folder for this stream.
        """
        if self._recorder_for is None:
            raise SettingsError(
                "expected an engine that knows a folder to record into, found one that was "
                "started without: livesim engine --record FOLDER"
            )
        if isinstance(self._recorder_for, Aimed):
            self._recorder_for.aim(beside)
        elif beside is not None:
            raise SettingsError("expected one of several engines, found one that is alone")
        if session is not None:
            session.record(on=on)
        self.recording = on and beside is None  # of the next stream it is told when that comes


def check_start(start: StreamStart) -> None:
    """Refuse a stream that announces more than a recording or the status can hold.

    Raises
    ------
    SettingsError
        Saying what was announced.
    """
    for axis, size in (start.sizes or {}).items():
        most = MOST_PLACES.get(axis, LARGEST)
        if size > most:
            raise SettingsError(f"expected up to {most} places of the axis {axis}, found {size}")
    length = len(json.dumps(start.settings))
    if length > MOST_SETTINGS:
        raise SettingsError(
            f"expected at most {MOST_SETTINGS} characters of settings, found {length}"
        )


def stream_settings(own: Settings | None, start: StreamStart) -> Settings:
    """Return the settings that hold for a stream: the engine's own, or else the source's.

    Raises
    ------
    SettingsError
        If there are none, they are wrong, they disagree about the pattern, or nobody knows the
        pixel size.
    """
    sent = None if start.settings is None else parse_settings(start.settings, "settings sent")
    settings = own or sent
    if settings is None:
        raise SettingsError("expected settings from the engine or the source, found none")
    if sent is not None and sent.pattern.stack_shape != settings.pattern.stack_shape:
        raise SettingsError(
            f"expected {_shape(settings)} as the engine's settings say, "
            f"found {_shape(sent)} in those the source sent"
        )
    settings = _with_pixel(settings, start.pixel_nm)
    if settings.volumes is None:
        return settings
    source = start.source or "the source"
    return with_planes(settings, Stated((start.sizes or {}).get("z"), None, source))


def _shape(settings: Settings) -> str:
    angles, phases = settings.pattern.stack_shape
    return f"{angles} angle(s) x {phases} phases"


def _with_pixel(settings: Settings, pixel_nm: float | None) -> Settings:
    if settings.optics.pixel_nm is not None:
        return settings
    if pixel_nm is None:
        raise SettingsError("expected optics.pixel_nm from the settings or the source, found none")
    optics = settings.optics.model_copy(update={"pixel_nm": pixel_nm})
    return settings.model_copy(update={"optics": optics})
