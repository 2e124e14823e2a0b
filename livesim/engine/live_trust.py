"""Results in, whether they can be trusted out: looked at now and then while the stream runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from livesim.engine.background import BACKGROUND_FAULTS, Rest, step_back
from livesim.frames import Result, StackIndex
from livesim.trust import Review, Trust, TrustWord
from livesim.wire.codec import TrustMaps
from livesim.wire.control import TrustStatus

_LATEST = 0.1  # s, how often the thread looks for a result

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
        self._offer: _Offer | None = None
        self._seen: _Offer | None = None
        self._asked: bool | None = None
        self._status: TrustStatus | None = None
        self._reviewed = self._failures = 0
        self._rest = Rest()
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def status(self) -> TrustStatus | None:
        """What the last review has found; None before the first. Safe in any thread."""
        return self._status

    # The publisher's thread.

    def begin(self) -> None:
        """Forget the last stream."""
        with self._changed:
            self._offer = self._seen = self._status = self._asked = None
            self._reviewed = self._failures = 0

    def offer(self, result: Result) -> None:
        """Take the newest result; never waits."""
        if result.review is None or self._closed:
            return
        self._offer = _Offer(result.stream, result.index, result.review)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="livesim-trust")
            self._thread.start()

    # The control thread.

    def ask(self, *, flips: bool) -> bool:
        """Ask for a review now, with flips or without; return whether there is what to review."""
        with self._changed:
            if self._offer is None:
                return False
            self._asked = flips or bool(self._asked)
            if flips and self._status is not None:
                self._status = self._status.model_copy(update={"flipping": 0.0})
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
            offer, asked, self._asked = self._offer, self._asked, None
        due = offer is not self._seen and self._rest.over
        if offer is None or (asked is None and not due):
            return
        self._seen = offer
        try:
            # What somebody asked for does not count: else it would be long until the next review.
            with nullcontext() if asked else self._rest:
                self._take(offer, offer.review(self._tell if asked else None))
        except _Ended:
            pass
        except BACKGROUND_FAULTS as error:
            self._fail(error)

    def _tell(self, done: float) -> None:
        if self._closed:
            raise _Ended
        status = self._status
        if status is not None:
            self._status = status.model_copy(update={"flipping": done})

    def _take(self, offer: _Offer, trust: Trust) -> None:
        with self._changed:
            if self._offer is None or self._offer.stream != offer.stream:
                return  # another stream has begun
            self._reviewed += 1
            before, self._status = self._status, self._told(offer, trust)
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
            failures=self._failures,
        )

    def _fail(self, error: Exception) -> None:
        self._failures += 1
        _log.warning("trust: %s", error)
        if self._status is not None:
            self._status = self._status.model_copy(
                update={"failures": self._failures, "flipping": None}
            )
