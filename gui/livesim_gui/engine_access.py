"""Talk to the engine that is listened to, one at a time, without holding the window."""

from __future__ import annotations

from collections.abc import Callable

from livesim.config.changes import Value
from livesim.config.settings import SettingsError
from livesim.values.frames import StackIndex
from livesim.wire.networks import Run
from livesim.wire.status import EngineStatus
from livesim_gui.background_tasks import BackgroundTasks
from livesim_gui.link import Link
from livesim_gui.state.steering import Controls, Wishes, controls_of
from livesim_gui.state.stream.connection import complete_address
from livesim_gui.state.stream.feed import Feed

_REVIEW, _STEER, _CALIBRATE, _RECORD = "review", "steer", "calibrate", "record"
_HOLD, _NETWORKS = "hold", "networks"

Tell = Callable[[str], None]
"""Shows the user what stands in the way."""


class EngineAccess:
    """The connection to an engine, and what it is asked for.

    Parameters
    ----------
    feed
        Where everything that is learnt goes.
    tasks
        Wait for the engine's answers.
    """

    def __init__(self, feed: Feed, tasks: BackgroundTasks) -> None:
        self._feed, self._tasks = feed, tasks
        self._link: Link | None = None
        self._wishes = Wishes()
        self._run: Run | None = None
        """When the networks are to work, until the engine knows."""

    @property
    def address(self) -> str | None:
        """Control address of the engine that is listened to; None = none."""
        return None if self._link is None else self._link.address

    @property
    def answers(self) -> bool:
        """Whether the engine answers."""
        return self._feed.connected

    def connect(self, address: str, keys: str = "") -> str | None:
        """Listen to another engine; return what is wrong with the address, if anything.

        Parameters
        ----------
        keys
            Folder of the keys for an engine on another machine; empty = the usual one.
        """
        try:
            complete = complete_address(address, keys)
        except SettingsError as error:
            return str(error)
        if self._link is not None:
            self._link.close()
        self._link = Link(complete, self._feed)
        return None

    def leave(self) -> None:
        """Listen to no engine any more; it goes on."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def review(self, failed: Tell) -> None:
        """Ask the engine to check its newest result now."""
        link = self._link
        if link is None:
            failed("No engine is connected.")
            return

        def answered(accepted: bool) -> None:
            if not accepted:
                failed("There is no result of networks to check.")

        self._tasks.run(_REVIEW, link.review, answered, failed)

    def hold(self, stream: str, index: StackIndex, failed: Tell) -> None:
        """Ask for the networks' image of a stack, for somebody holds its picture."""
        link = self._link
        if link is not None:
            self._tasks.run(_HOLD, lambda: link.hold(stream, index), lambda _: None, failed)

    def networks(self, run: Run, failed: Tell) -> None:
        """Say when the networks work from now on; the last word counts, however fast they come."""
        self._run = run
        self._send_run(failed)

    def _send_run(self, failed: Tell) -> None:
        link, run = self._link, self._run
        if link is None or run is None:
            return

        def sent(_: object) -> None:
            self._run = None if self._run == run else self._run
            self._send_run(failed)

        def not_sent(words: str) -> None:
            self._run = None
            failed(words)

        self._tasks.run(_NETWORKS, lambda: link.networks(run), sent, not_sent)

    def wish(self, key: str, value: Value, failed: Tell) -> None:
        """Ask the engine for another setting; the newest of each is sent when its turn comes."""
        self._wishes.add(key, value)
        self._send_wishes(failed)

    def _send_wishes(self, failed: Tell) -> None:
        link, changes = self._link, self._wishes.take()
        if link is None or not changes:
            return

        def sent(_: object) -> None:
            self._wishes.sent(self._feed.statuses)
            self._send_wishes(failed)

        def refused(words: str) -> None:
            self._wishes.refused()
            failed(words)

        self._tasks.run(_STEER, lambda: link.steer(changes), sent, refused)

    def controls(self, status: EngineStatus | None) -> Controls:
        """Return what the controls that steer show."""
        return controls_of(status, self._wishes.pending(self._feed.statuses))

    def recalibrate(self, failed: Tell, begun: Callable[[], None] = lambda: None) -> None:
        """Ask the engine to estimate the pattern again; `begun` is called once it knows."""
        link = self._link
        if link is None:
            failed("No engine is connected.")
        else:
            self._tasks.run(_CALIBRATE, link.recalibrate, lambda _: begun(), failed)

    def record(self, on: bool, failed: Tell) -> None:
        """Ask the engine to record, or to end that."""
        link = self._link
        if link is not None:
            self._tasks.run(_RECORD, lambda: link.record(on=on), lambda _: None, failed)

    def close(self) -> None:
        """End the connection."""
        if self._link is not None:
            self._link.close(wait_s=2.0)
