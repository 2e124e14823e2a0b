"""Wishes of the user in; links to engines and children started out. One at a time, no widgets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from livesim.config.changes import Value
from livesim.config.settings import SettingsError
from livesim.wire.status import EngineStatus
from livesim_gui.background_tasks import BackgroundTasks
from livesim_gui.children.launcher import EngineWish, Launcher
from livesim_gui.link import Link
from livesim_gui.panels.control import Running
from livesim_gui.state.stream.connection import reached
from livesim_gui.state.stream.feed import Feed, News
from livesim_gui.state.stream.steering import Asked, Controls, controls_of

_ENGINE, _SIMULATOR, _REVIEW, _FIND = "engine", "simulator", "review", "find"
_STEER, _CALIBRATE, _RECORD = "steer", "calibrate", "record"


class Session:
    """The engine that is listened to, and what this viewer has started.

    Parameters
    ----------
    feed
        Where everything that is learnt goes.
    tasks
        Starts and stops, which take seconds.
    launcher
        Starts processes; None where this viewer may not.
    """

    def __init__(
        self, feed: Feed, tasks: BackgroundTasks, launcher: Launcher | None = None
    ) -> None:
        self._feed, self._tasks, self._launcher = feed, tasks, launcher
        self._link: Link | None = None
        self._asked = Asked()
        self._busy: str | None = None

    @property
    def address(self) -> str | None:
        """Control address of the engine that is listened to; None = none."""
        return None if self._link is None else self._link.address

    def connect(self, address: str, keys: str = "") -> str | None:
        """Listen to another engine; return what is wrong with the address, if anything.

        Parameters
        ----------
        keys
            Folder of the keys for an engine on another machine; empty = the usual one.
        """
        try:
            complete = reached(address, keys)
        except SettingsError as error:
            return str(error)
        if self._link is not None:
            self._link.close()
        self._link = Link(complete, self._feed)
        return None

    def start_engine(
        self,
        wish: EngineWish,
        tell: Callable[[str], None],
        failed: Callable[[str], None],
    ) -> None:
        """Start an engine here, and listen to it; `tell` is told its address."""
        launcher = self._launcher
        if launcher is None:
            return

        def started(address: str) -> None:
            self._busy = None
            self.connect(address)
            tell(address)

        self._begin("The engine starts…")
        self._tasks.run(
            _ENGINE,
            lambda: launcher.start_engine(wish.record, wish.config, at_once=wish.at_once),
            started,
            lambda words: self._fail(words, failed),
        )

    def find_recording(
        self, chosen: Path, found: Callable[[Path], None], failed: Callable[[str], None]
    ) -> None:
        """Look what can be replayed of a file or folder; `failed` is told why nothing can."""
        launcher = self._launcher
        if launcher is not None:
            self._tasks.run(_FIND, lambda: launcher.find_recording(chosen), found, failed)

    def stop_engine(self) -> None:
        """End the engine that was started here."""
        if self._launcher is not None:
            self._begin("The engine finishes and closes its recordings…")
            self._tasks.run(_ENGINE, self._launcher.stop_engine, self._done)

    def start_simulator(self, config: Path | None, failed: Callable[[str], None]) -> None:
        """Stream a simulation to the engine that is listened to."""
        launcher, link = self._launcher, self._link
        if launcher is not None and link is not None:
            self._tasks.run(
                _SIMULATOR,
                lambda: launcher.start_simulator(link.address, config),
                self._done,
                lambda words: self._fail(words, failed),
            )

    def stop_simulator(self) -> None:
        """End the simulated microscope."""
        if self._launcher is not None:
            self._begin("The simulator ends its stream…")
            self._tasks.run(_SIMULATOR, self._launcher.stop_simulator, self._done)

    def review(self, flips: bool, tell: Callable[[str], None]) -> None:
        """Ask the engine to check its newest result now; `tell` is told what stands in the way."""
        link = self._link
        if link is None:
            tell("No engine is connected.")
            return

        def answered(accepted: bool) -> None:
            if not accepted:
                tell("There is no result of networks to check.")

        self._tasks.run(_REVIEW, lambda: link.review(flips), answered, tell)

    def wish(self, key: str, value: Value, failed: Callable[[str], None]) -> None:
        """Ask the engine for another setting; the newest of each is sent when its turn comes."""
        self._asked.ask(key, value)
        self._send_wishes(failed)

    def _send_wishes(self, failed: Callable[[str], None]) -> None:
        link, changes = self._link, self._asked.take()
        if link is None or not changes:
            return

        def sent(_: object) -> None:
            self._asked.sent(self._feed.statuses)
            self._send_wishes(failed)

        def refused(words: str) -> None:
            self._asked.failed()
            failed(words)

        self._tasks.run(_STEER, lambda: link.steer(changes), sent, refused)

    def controls(self, status: EngineStatus | None) -> Controls:
        """Return what the controls that steer show."""
        return controls_of(status, self._asked.keys(self._feed.statuses))

    def recalibrate(
        self, failed: Callable[[str], None], begun: Callable[[], None] = lambda: None
    ) -> None:
        """Ask the engine to estimate the pattern anew; `begun` is called once it knows."""
        link = self._link
        if link is None:
            failed("No engine is connected.")
        else:
            self._tasks.run(_CALIBRATE, link.recalibrate, lambda _: begun(), failed)

    def record(self, on: bool, failed: Callable[[str], None]) -> None:
        """Ask the engine to record, or to end that."""
        link = self._link
        if link is not None:
            self._tasks.run(_RECORD, lambda: link.record(on=on), self._done, failed)

    def running(self, news: News) -> Running:
        """Return what runs."""
        launcher, connection = self._launcher, news.connection.value
        words = self._busy or (None if news.status is not None else news.words)
        if launcher is None:
            return Running(connection, False, None, False, self._busy is not None, words)
        return Running(
            connection,
            True,
            launcher.engine,
            launcher.simulating,
            self._busy is not None,
            words,
        )

    def under_way(self, status: EngineStatus | None) -> str | None:
        """Say what was begun here and has not come to a stream yet."""
        simulating = self._launcher is not None and self._launcher.simulating
        if simulating and status is not None and status.stream is None:
            return "The simulator makes its first frames…"
        return self._busy

    def close(self) -> None:
        """End the link and everything that was started."""
        if self._link is not None:
            self._link.close(wait_s=2.0)
        if self._launcher is not None:
            self._launcher.close()

    def _begin(self, words: str) -> None:
        self._busy = words

    def _done(self, _: object) -> None:
        self._busy = None

    def _fail(self, words: str, failed: Callable[[str], None]) -> None:
        self._busy = None
        failed(words)
