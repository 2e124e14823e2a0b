"""Take one stream after another from the wire, and keep what is known of the last one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Event

from livesim.config.settings import SettingsError
from livesim.engine.beside.doctor import LiveDoctor
from livesim.engine.meters import Gauges
from livesim.engine.options import EngineOptions
from livesim.engine.session import Session
from livesim.engine.threads import return_free_memory
from livesim.values.errors import DataError
from livesim.values.frames import RawFrame
from livesim.values.quoting import shortened
from livesim.wire.header import WireError
from livesim.wire.messages import StreamEnd, StreamStart
from livesim.wire.sockets import FramePuller

POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Known:
    """What the engine can say of the last stream; replaced as a whole, never changed."""

    stream: str | None = None
    ended: bool = False
    received: int = 0
    """Frames, once it has ended."""
    recorded: int = 0
    """Raw stacks, once all is worked off."""
    refused: str | None = None
    heard: Event = field(default_factory=Event)
    """Set once the source has heard that its stream has ended or is refused."""


class Intake:
    """The receiver's thread: takes streams one at a time, until it is stopped.

    A stream that starts while another one is running ends that one, since a source that was killed
    cannot say so; one that is refused ends none. Frames of any other stream are counted as stray.
    The next stream is taken once the last one is worked off. Where no source is connected any more,
    the stream is ended after `vanished_s`. One that is connected may be silent for as long as it
    likes: a time-lapse may rest for hours.

    Parameters
    ----------
    open_session
        Returns what begins the session of a stream, or says why there can be none.
    """

    def __init__(
        self,
        puller: FramePuller,
        open_session: Callable[[StreamStart], Callable[[], Session]],
        gauges: Gauges,
        options: EngineOptions,
    ) -> None:
        self._puller, self._open = puller, open_session
        self._gauges, self._options = gauges, options
        self.session: Session | None = None
        """That of the running stream."""
        self.known = Known()
        """The last stream; it outlives the session, so other threads read that one first."""
        self._turned_away = Known()
        """The last one that was refused; it is not forgotten what became of the one before."""
        self.doctor: LiveDoctor | None = None
        """Of the last stream."""
        self.finished = False
        """No stream is going to be taken any more."""
        self.fault: BaseException | None = None
        """What its thread is dying of."""
        self._cut: str | None = None
        self._alone_since: float | None = None
        self._stop_at: float | None = None
        self._at_once = False
        self._done = False

    # Any thread.

    def known_of(self, stream: str) -> Known | None:
        """Return what is known of a stream; None where it is neither the last one nor refused."""
        kept = (self.known, self._turned_away)
        return next((one for one in kept if one.stream == stream), None)

    def stop(self, *, at_once: bool = False) -> None:
        """Begin to end; safe in a signal handler and in any thread.

        With `at_once` what is not reconstructed yet is given up; what is recorded is finished.
        """
        self._at_once = self._at_once or at_once
        self._stop_at = self._stop_at or time.monotonic()

    def hurry_if_due(self) -> None:
        """Give up what is not reconstructed yet, some time after a stop."""
        session, stop_at = self.session, self._stop_at
        if stop_at is None or session is None:
            return
        if self._at_once or time.monotonic() - stop_at > self._options.stop_grace_s:
            session.hurry()

    def cut(self, stream: str) -> None:
        """End a stream without waiting for frames of it that are still under way."""
        self._cut = stream

    # The receiver's thread.

    def run(self) -> None:
        """Receive until stopped or, with `once`, until the stream has ended.

        What is wrong in this thread ends the stream as well: its other threads wait for nobody.
        """
        try:
            while not self._ending:
                self._take_next()
            self._end_stream()
            self._await_source()
        except BaseException as error:
            self.fault = error
            self.stop(at_once=True)
            self._end_stream()
            raise
        finally:
            self.finished = True

    @property
    def _ending(self) -> bool:
        broken = self.session is not None and bool(self.session.ended_threads)
        return self._done or broken or self._stop_at is not None

    def _take_next(self) -> None:
        if self._cut is not None and self._cut == self.known.stream:
            self._take_end(StreamEnd(stream=self._cut, aborted=True))
        try:
            message = self._puller.receive(POLL_S)
        except WireError as error:
            self._gauges.faults.report("malformed_messages", str(error))
            return
        if isinstance(message, RawFrame):
            self._take_frame(message)
        elif isinstance(message, StreamStart):
            self._start_stream(message)
        elif message is not None:
            self._take_end(message)
        else:
            self._end_if_alone()

    def _take_frame(self, frame: RawFrame) -> None:
        if self.session is None or frame.stream != self.known.stream:
            self._gauges.faults.report("stray_frames")
        else:
            self.session.add(frame)

    def _start_stream(self, start: StreamStart) -> None:
        try:
            begin = self._open(start)
            self._end_stream()
            self.session = begin()
        except (SettingsError, DataError, OSError) as error:
            self._refuse(start, str(error))
        else:
            self.known = Known(stream=start.stream)
            self.doctor = self.session.doctor

    def _refuse(self, start: StreamStart, why: str) -> None:
        words = f"stream from {start.source or 'an unnamed source'} refused: {why}"
        self._gauges.faults.say(words, "refused")
        self._turned_away = Known(stream=start.stream, refused=shortened(why))
        self._done = self._options.once and self.session is None

    def _end_if_alone(self) -> None:
        """End the stream of a source that has gone without a word."""
        if self.session is None or self._puller.sources:
            self._alone_since = None
            return
        self._alone_since = self._alone_since or time.monotonic()
        if time.monotonic() - self._alone_since < self._options.vanished_s:
            return
        start = self.session.start
        self._gauges.faults.report(
            "vanished_sources",
            f"{start.source or 'the source'} has gone without ending its stream: ended",
        )
        self._take_end(StreamEnd(stream=start.stream, aborted=True))

    def _take_end(self, end: StreamEnd) -> None:
        if self.session is None or end.stream != self.known.stream:
            return
        received = self.session.counts.frames
        self.known = Known(stream=end.stream, ended=True, received=received)
        self._end_stream(end)
        self._done = self._options.once

    def _end_stream(self, end: StreamEnd | None = None) -> None:
        session = self.session
        if session is None:
            return
        try:
            session.finish(end)
        finally:
            self.known = replace(self.known, recorded=session.recording.written)
            self.session = None
        return_free_memory()

    def _await_source(self) -> None:
        """Stay until the source has asked what became of its stream, or seems not to."""
        for last in (self.known, self._turned_away):
            if last.ended or last.refused:
                last.heard.wait(self._options.farewell_s)
