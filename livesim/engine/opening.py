"""What a source says before its first frame -> the session that works on its stream."""

from __future__ import annotations

from functools import partial

from livesim.config.settings import Settings, SettingsError
from livesim.engine.beside.trust import LiveTrust
from livesim.engine.record.recorder import RecorderFor
from livesim.engine.seams import DoctorFor, FactoryFor, Resolve
from livesim.engine.session import Gauges, Session
from livesim.engine.stream_settings import stream_settings
from livesim.values.clock import steady_ns
from livesim.wire.messages import StreamStart
from livesim.wire.sockets import Publisher

SHOWN_NS = 10_000_000_000
"""How long step one is published after a viewer has asked: it asks twice a second."""


class Opening:
    """Opens one session after another; what is asked for meanwhile holds for the next as well.

    Parameters
    ----------
    factory_for, settings, recorder_for, doctor_for, resolve
        See `livesim.engine.process.Engine`.
    recording
        Whether streams are recorded before anybody asks, where there is a recorder.
    """

    def __init__(
        self,
        factory_for: FactoryFor,
        settings: Settings | None,
        recorder_for: RecorderFor | None,
        doctor_for: DoctorFor | None,
        resolve: Resolve,
        publisher: Publisher,
        gauges: Gauges,
        trust: LiveTrust,
        *,
        lossless: bool,
        recording: bool,
    ) -> None:
        self._factory_for, self._resolve = factory_for, resolve
        self._settings = settings
        self._recorder_for, self._doctor_for = recorder_for, doctor_for
        self._publisher, self._gauges, self._trust = publisher, gauges, trust
        self._lossless = lossless
        self.recording = recording and recorder_for is not None
        """Whether this stream and those that follow are recorded."""
        self._shown_until_ns = 0

    def __call__(self, start: StreamStart) -> Session:
        """Return a session that has begun.

        Raises
        ------
        SettingsError, DataError, OSError
            If the stream cannot be worked on; the message says why.
        """
        resolved = self._resolve(stream_settings(self._settings, start))
        self._trust.begin()
        return Session(
            start,
            resolved,
            self._factory_for,
            self._resolve,
            partial(self._recorder_for, start) if self._recorder_for else None,
            self._publisher,
            self._gauges,
            lossless=self._lossless,
            recording=self.recording,
            examine=self._doctor_for(resolved.settings) if self._doctor_for else None,
            offer=self._trust.offer,
            shows_step_one=lambda: steady_ns() < self._shown_until_ns,
        )

    # The control thread.

    def show_step_one(self) -> None:
        """Publish for a while what step one alone gives."""
        self._shown_until_ns = steady_ns() + SHOWN_NS

    def record(self, session: Session | None, *, on: bool) -> None:
        """Record this stream and those that follow, or no longer.

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
        if session is not None:
            session.record(on=on)
        self.recording = on
