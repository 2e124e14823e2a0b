"""Results in, whether they can be trusted out: looked at now and then while the stream runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from livesim.engine.beside.background import BACKGROUND_FAULTS, Rest, step_back
from livesim.engine.seams import Reconstructed, Review
from livesim.values.frames import StackIndex
from livesim.values.verdict import Trust, TrustWord
from livesim.wire.messages import TrustMaps
from livesim.wire.trust_status import TrustStatus

_LATEST = 0.1  # s, how often the thread looks for a result

_WORST = (TrustWord.TRUSTED, TrustWord.LOOK, TrustWord.DO_NOT_TRUST)

_log = logging.getLogger("livesim.engine")


class _Ended(Exception):  # noqa: N818
    """Nobody waits for the review any more."""


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
    quieten
        Called once in the thread.
    """

    def __init__(
        self, publish: Callable[[TrustMaps], None], quieten: Callable[[], None] = lambda: None
    ) -> None:
        self._publish, self._quieten = publish, quieten
        self._newest: _Offer | None = None
        self._offers: dict[int, _Offer] = {}
        self._seen: dict[int, StackIndex] = {}
        self._said: dict[int, TrustStatus] = {}
        self._asked: bool | None = None
        self._flipping: float | None = None
        self._reviewed = self._failures = 0
        self._rest = Rest()
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def status(self) -> TrustStatus | None:
        """What has been found last, of the channel of which the worst was said; None before that.

        Safe in any thread.
        """
        said = tuple(self._said.values())
        if not said:
            return None
        worst = max(said, key=lambda one: _WORST.index(one.word))
        now = {
            "reviewed": self._reviewed,
            "failures": self._failures,
            "flipping": self._flipping,
        }
        return worst.model_copy(update=now)

    # The publisher's thread.

    def begin(self) -> None:
        """Forget the last stream."""
        with self._changed:
            self._newest = self._asked = self._flipping = None
            self._offers, self._seen, self._said = {}, {}, {}
            self._reviewed = self._failures = 0

    def offer(self, made: Reconstructed) -> None:
        """Take the newest result; never waits for a review."""
        if self._closed:
            return
        result, review = made.result, made.review
        if review is None:  # the networks have been switched off
            if self._newest is not None:
                self.begin()
            return
        with self._changed:
            self._newest = _Offer(result.stream, result.index, review)
            self._offers[result.index.channel] = self._newest
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="livesim-trust")
            self._thread.start()

    # The control thread.

    def ask(self, *, flips: bool) -> bool:
        """Ask for a review now, with flips or without; return whether there is what to review."""
        with self._changed:
            if self._newest is None:
                return False
            self._asked = flips or bool(self._asked)
            self._flipping = 0.0 if flips else self._flipping
            self._changed.notify()
            return True

    def close(self) -> None:
        """End the thread; a review under way is given up at its next step."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    # The thread.

    def _run(self) -> None:
        step_back()
        self._quieten()
        while not self._closed:
            self._work()
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._asked is not None, _LATEST)

    def _work(self) -> None:
        with self._changed:
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
        except _Ended:
            pass
        except BACKGROUND_FAULTS as error:
            self._failures += 1
            _log.warning("trust: %s", error)
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
        if self._closed:
            raise _Ended
        self._flipping = done

    def _take(self, offer: _Offer, trust: Trust) -> None:
        channel = offer.index.channel
        with self._changed:
            if self._newest is None or self._newest.stream != offer.stream:
                return  # another stream has begun
            self._reviewed += 1
            before = self._said.get(channel)
            self._said = self._said | {channel: self._told(offer, trust)}
        self._publish(TrustMaps(offer.stream, offer.index, trust.maps))
        word = TrustWord.TRUSTED if before is None else before.word
        if trust.verdict.word is not word:
            _log.warning("trust: stack %d: %s", offer.index.time, trust.verdict.sentence)

    def _told(self, offer: _Offer, trust: Trust) -> TrustStatus:
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
