"""Review now and then, while a stream runs, whether its results can be trusted."""

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
from livesim.wire.trust_status import TrustStatus

_POLL_S = 0.1

_WORST = (TrustWord.TRUSTED, TrustWord.LOOK, TrustWord.DO_NOT_TRUST)

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

    It never holds the frame path: a result is handed over by reference. It outlives a stream, so
    the last result of one can still be reviewed, and looked at closer when somebody asks.

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
        self._asked: bool | None = None
        self._flipping: float | None = None
        self._reviewed = 0
        self._rest = Rest()
        self._worker = Worker(
            "trust", self._work, lambda: self._asked is not None, poll_s=_POLL_S, claim=claim
        )

    @property
    def status(self) -> TrustStatus | None:
        """The last review of the channel with the worst word; None before the first review.

        Safe in any thread.
        """
        found = tuple(self._found.values())
        if not found:
            return None
        worst = max(found, key=lambda one: _WORST.index(one.word))
        now = {
            "reviewed": self._reviewed,
            "failures": self._worker.failures,
            "flipping": self._flipping,
        }
        return worst.model_copy(update=now)

    # The publisher's thread.

    def begin(self) -> None:
        """Forget the last stream."""
        with self._worker.changed:
            self._newest = self._asked = self._flipping = None
            self._offers, self._seen, self._found = {}, {}, {}
            self._reviewed = self._worker.failures = 0

    def offer(self, made: Reconstructed) -> None:
        """Take the newest result; never waits for a review."""
        if self._worker.closed:
            return
        result, review = made.result, made.review
        if review is None:  # the networks have been switched off
            if self._newest is not None:
                self.begin()
            return
        with self._worker.changed:
            self._newest = _Offer(result.stream, result.index, review)
            self._offers[result.index.channel] = self._newest
        self._worker.start()

    # The control thread.

    def ask(self, *, flips: bool) -> bool:
        """Ask for a review now, with flips or without; return whether there is what to review."""
        with self._worker.changed:
            if self._newest is None:
                return False
            self._asked = flips or bool(self._asked)
            self._flipping = 0.0 if flips else self._flipping
            self._worker.wake()
            return True

    def close(self) -> None:
        """End the thread; a review under way is given up at its next step."""
        self._worker.close()
        self._worker.join()

    # The thread.

    def _work(self) -> None:
        with self._worker.changed:
            asked, self._asked = self._asked, None
            offer = self._due() if asked is None else self._newest
            if offer is None:
                return
            self._seen.pop(offer.index.channel, None)
            self._seen[offer.index.channel] = offer.index
        try:
            # What somebody asked for does not count: else it would be long until the next review.
            with self._rest if asked is None else nullcontext():
                self._take(offer, offer.review(self._tell if asked else None))
        finally:
            if asked:
                self._flipping = None

    def _due(self) -> _Offer | None:
        """Return the newest result of the channel that was not reviewed for longest."""
        if not self._rest.over:
            return None
        turns = (*(set(self._offers) - set(self._seen)), *self._seen)
        fresh = (self._offers[c] for c in turns if self._offers[c].index != self._seen.get(c))
        return next(fresh, None)

    def _tell(self, done: float) -> None:
        self._worker.check_open()
        self._flipping = done

    def _take(self, offer: _Offer, trust: Trust) -> None:
        channel = offer.index.channel
        with self._worker.changed:
            if self._newest is None or self._newest.stream != offer.stream:
                return  # another stream has begun
            self._reviewed += 1
            before = self._found.get(channel)
            self._found = self._found | {channel: self._status_of(offer, trust)}
        self._publish(TrustMaps(offer.stream, offer.index, trust.maps))
        word = TrustWord.TRUSTED if before is None else before.word
        if trust.verdict.word is not word:
            _log.warning("trust: stack %d: %s", offer.index.time, trust.verdict.sentence)

    def _status_of(self, offer: _Offer, trust: Trust) -> TrustStatus:
        numbers = trust.numbers
        return TrustStatus(
            stream=offer.stream,
            index=offer.index,
            word=trust.verdict.word,
            reasons=trust.verdict.reasons,
            unlike=trust.verdict.unlike,
            advice=trust.verdict.advice,
            rms_sigmas=numbers.rms_sigmas,
            places=numbers.places,
            denied=numbers.denied,
            worst_sigmas=numbers.worst_sigmas,
            worst_yx=numbers.worst_yx,
            visible_percent=numbers.visible_percent,
            noise_ratio=numbers.noise_ratio,
            spread_percent=numbers.spread_percent,
            reviewed=self._reviewed,
        )
