"""Review now and then, while a stream runs, how much of the networks' work photons carry."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from livesim.engine.beside.worker import Rest, Worker
from livesim.engine.seams import Reconstructed, Review
from livesim.values.frames import StackIndex
from livesim.values.verdict import Trust, TrustWord
from livesim.wire.messages import TrustMaps
from livesim.wire.stream_status import TrustStatus

_POLL_S = 0.1


_log = logging.getLogger("livesim.engine")


@dataclass(frozen=True, slots=True, eq=False)
class _Offer:
    """The newest result that can be reviewed."""

    stream: str
    index: StackIndex
    review: Review


class LiveTrust:
    """A thread of low priority that reviews the newest result, and rests four times as long.

    The channels take turns.

    It never holds the frame path: a result is handed over by reference, and the weights that its
    review finds are taken before a later stack. It outlives a stream, so the last result of one can
    still be reviewed when somebody asks.

    Parameters
    ----------
    publish
        Sends the maps; safe in any thread.
    claim
        Called once in the thread, see `Worker`.
    """

    def __init__(
        self, publish: Callable[[TrustMaps], None], claim: Callable[[], None] = lambda: None
    ) -> None:
        self._publish = publish
        self._newest: _Offer | None = None
        self._offers: dict[int, _Offer] = {}
        self._seen: dict[int, StackIndex] = {}
        self._found: dict[int, TrustStatus] = {}
        self._asked = False
        self._reviewed = 0
        self._rest = Rest()
        self._worker = Worker("trust", self._work, lambda: self._asked, poll_s=_POLL_S, claim=claim)

    @property
    def status(self) -> TrustStatus | None:
        """The last review of the channel with the worst word; None before the first review.

        Safe in any thread.
        """
        found = tuple(self._found.values())
        if not found:
            return None
        worst = max(found, key=lambda one: one.verdict.word.badness)
        now = {"reviewed": self._reviewed, "failures": self._worker.failures}
        return worst.model_copy(update=now)

    # The publisher's thread.

    def begin(self) -> None:
        """Forget the last stream."""
        with self._worker.changed:
            self._newest, self._asked = None, False
            self._offers, self._seen, self._found = {}, {}, {}
            self._reviewed = self._worker.failures = 0

    def offer(self, made: Reconstructed) -> None:
        """Take the newest result; never waits for a review."""
        if self._worker.closed:
            return
        result, review = made.result, made.review
        if review is None:  # the networks have been switched off
            if self._newest is not None and result.ends_its_stack:
                self.begin()
            return
        with self._worker.changed:
            self._newest = _Offer(result.stream, result.index, review)
            self._offers[result.index.channel] = self._newest
        self._worker.start()

    # The control thread.

    def ask(self) -> bool:
        """Ask for a review now; return whether there is what to review."""
        with self._worker.changed:
            if self._newest is None:
                return False
            self._asked = True
            self._worker.wake()
            return True

    def close(self) -> None:
        """End the thread; a review under way is given up at its next step."""
        self._worker.close()
        self._worker.join()

    # The thread.

    def _work(self) -> None:
        with self._worker.changed:
            asked, self._asked = self._asked, False
            offer = self._newest if asked else self._due()
            if offer is None:
                return
            self._seen.pop(offer.index.channel, None)
            self._seen[offer.index.channel] = offer.index
        # What somebody asked for does not count: else it would be long until the next review.
        with nullcontext() if asked else self._rest:
            self._take(offer, offer.review(lambda done: self._worker.check_open()))

    def _due(self) -> _Offer | None:
        """Return the newest result of the channel that was not reviewed for longest."""
        if not self._rest.over:
            return None
        turns = (*(set(self._offers) - set(self._seen)), *self._seen)
        fresh = (self._offers[c] for c in turns if self._offers[c].index != self._seen.get(c))
        return next(fresh, None)

    def _take(self, offer: _Offer, trust: Trust) -> None:
        channel = offer.index.channel
        with self._worker.changed:
            if self._newest is None or self._newest.stream != offer.stream:
                return  # another stream has begun
            self._reviewed += 1
            before = self._found.get(channel)
            self._found = self._found | {channel: self._status_of(offer, trust)}
        for index, maps in trust.maps_of(offer.index):
            self._publish(TrustMaps(offer.stream, index, maps))
        word = TrustWord.TRUSTED if before is None else before.verdict.word
        if trust.verdict.word is not word:
            _log.warning("trust: stack %d: %s", offer.index.time, trust.verdict.sentence)

    def _status_of(self, offer: _Offer, trust: Trust) -> TrustStatus:
        return TrustStatus(
            stream=offer.stream,
            index=offer.index,
            verdict=trust.verdict,
            numbers=trust.numbers,
            reviewed=self._reviewed,
        )
