"""Bring what one engine says and publishes into a feed, by two threads of its own."""

from __future__ import annotations

import time
from threading import Event, Thread

from livesim.config.changes import Changes
from livesim.config.settings import SettingsError
from livesim.values.frames import StackIndex
from livesim.wire.control_client import ControlClient
from livesim.wire.endpoints import beside
from livesim.wire.header import WireError
from livesim.wire.networks import Run
from livesim.wire.sockets import Keep, Subscriber
from livesim.wire.status import EngineStatus
from livesim_gui.connection_help import why_silent
from livesim_gui.state.stream.feed import Feed

ASK_EVERY_S = 0.5
ANSWER_S = 1.0
LISTEN_S = 0.1


class Link:
    """The connection to one engine: one thread asks how it is, another takes its results.

    Both leave what they learn in the feed; the window takes the newest from there when it draws.

    Parameters
    ----------
    address
        The engine's control endpoint; it says itself where it publishes results.
    feed
        Where everything goes.
    stages
        Whether the stages on the way to the restored image are shown: the engine makes them for
        those who ask.
    """

    def __init__(self, address: str, feed: Feed, *, stages: bool = True) -> None:
        self.address = address
        self._feed, self._stages = feed, stages
        self._generation = feed.begin(address)
        self._over = Event()
        self._listener: Thread | None = None
        self._asker = Thread(target=self._ask, name="livesim-status", daemon=True)
        self._asker.start()

    def close(self, wait_s: float = 0.0) -> None:
        """End both threads; what they still bring is dropped. Waits up to `wait_s` for them."""
        self._over.set()
        self._feed.end()
        if wait_s:
            for thread in (self._asker, self._listener):
                if thread is not None:
                    thread.join(wait_s)

    def review(self) -> bool:
        """Ask for a review; return whether there is anything to review. Waits for the answer.

        Raises
        ------
        WireError
            If nobody answers.
        """
        with ControlClient(self.address) as client:
            return client.review(ANSWER_S).accepted

    def steer(self, changes: Changes) -> None:
        """Ask for other settings; waits for the answer.

        Raises
        ------
        WireError
            If nobody answers, or the engine refuses.
        """
        with ControlClient(self.address) as client:
            client.steer(changes)

    def recalibrate(self) -> None:
        """Ask for a new estimate of the pattern; as `steer`."""
        with ControlClient(self.address) as client:
            client.recalibrate()

    def record(self, *, on: bool) -> None:
        """Ask for a recording, or its end; as `steer`."""
        with ControlClient(self.address) as client:
            client.record(on=on)

    def hold(self, stream: str, index: StackIndex) -> None:
        """Ask for the networks' image of a stack; as `steer`."""
        with ControlClient(self.address) as client:
            client.held(stream, index)

    def networks(self, run: Run) -> None:
        """Say when the networks work; as `steer`."""
        with ControlClient(self.address) as client:
            client.networks(run)

    def _ask(self) -> None:
        while not self._over.is_set():
            try:
                client = ControlClient(self.address)
            except SettingsError as error:  # keys for another machine are missing
                self._feed.refuse(self._generation, str(error))
                return
            with client:
                self._converse(client)

    def _converse(self, client: ControlClient) -> None:
        """Ask again and again, until nobody answers: then there is a new socket."""
        while not self._over.is_set():
            try:
                status = client.status(ANSWER_S, stages=self._stages)
            except WireError as error:
                self._feed.silence(self._generation, why_silent(self.address, str(error)))
                return
            self._feed.answer(self._generation, status)
            self._listen_to(status)
            self._over.wait(ASK_EVERY_S)

    def _listen_to(self, status: EngineStatus) -> None:
        """Take the results, once it is known where they are published."""
        if self._listener is None:
            endpoint = beside(self.address, status.endpoints.results)
            self._listener = Thread(
                target=self._listen, args=(endpoint,), name="livesim-results", daemon=True
            )
            self._listener.start()

    def _listen(self, endpoint: str) -> None:
        with Subscriber(endpoint, Keep.LATEST) as subscriber:
            while not self._over.is_set():
                try:
                    message = subscriber.receive(LISTEN_S)
                except WireError as error:
                    self._feed.fault(self._generation, str(error))
                    continue
                if message is not None:
                    now_s = time.monotonic()
                    self._feed.take(self._generation, message, now_s, subscriber.dropped)
