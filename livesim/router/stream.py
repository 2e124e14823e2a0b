"""Spread the raw stacks of one stream over the engines, by channel, and gather their results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from livesim.config.settings import Settings, SettingsError
from livesim.engine.beside.steering import Steering
from livesim.engine.meters import Gauges
from livesim.engine.queue import BoundedQueue
from livesim.engine.record.recorder import Recorder
from livesim.engine.seams import Reconstructed
from livesim.router.member import Member
from livesim.router.share import Share
from livesim.values.frames import RawStack, StackIndex
from livesim.values.pattern import Pattern
from livesim.values.results import Result
from livesim.wire.messages import StreamStart


class RoutedStream:
    """Works on one stream in the processor's place: `livesim.engine.elsewhere.StackWork`.

    A channel belongs to one engine from its first raw stack to its last, since its pattern, its
    tracking and its weights follow from one stack to the next. So its results keep their order.

    Parameters
    ----------
    start
        What the source said.
    stacks, results
        The queues on both sides; this abandons the one and closes the other at its end.
    steering
        Knows the settings of now.
    recorder_of
        Returns what records a raw stack.
    members
        The engines.
    gauges
        Count results and faults.
    hurry
        Lets all engines end.
    lossless
        Whether the source waits rather than that a stack is skipped.

    Raises
    ------
    SettingsError
        If an engine refuses the stream, or it is one that cannot be spread.
    """

    def __init__(
        self,
        start: StreamStart,
        stacks: BoundedQueue[RawStack],
        results: BoundedQueue[Reconstructed],
        steering: Steering,
        recorder_of: Callable[[StackIndex], Recorder | None],
        members: Sequence[Member],
        gauges: Gauges,
        hurry: Callable[[], None],
        *,
        lossless: bool,
    ) -> None:
        _check(steering.in_use.settings, len(members))
        self._start, self._stacks, self._results = start, stacks, results
        self.steering, self._members, self._hurry = steering, members, hurry
        self._meter = gauges.process.meter
        self.shares = tuple(
            Share(
                member,
                len(members),
                start.stream,
                self._told,
                recorder_of,
                gauges.faults,
                lossless=lossless,
            )
            for member in members
        )
        self.stream = start.stream
        for channel in range((start.sizes or {}).get("channel", 1)):
            self._share_of(channel).channels.add(channel)
        self._connect()

    def _connect(self) -> None:
        try:
            for share in self.shares:
                share.connect()
        except BaseException:
            for share in self.shares:
                share.close()
            raise

    def _share_of(self, channel: int) -> Share:
        return self.shares[channel % len(self.shares)]

    def _told(self) -> StreamStart:
        """Return what an engine is told: what is known by now, should it be a new one."""
        settings = self.steering.in_use.settings.model_dump(mode="json", exclude_none=True)
        return self._start.model_copy(update={"settings": settings, "patterns": self._patterns})

    @property
    def _patterns(self) -> dict[int, Pattern] | None:
        known = dict(self._start.patterns or {})
        for member in self._members:
            known |= member.patterns_of(self.stream)
        return known or None

    # The processor's thread.

    def run(self) -> None:
        """Hand every stack to the engine of its channel until no more come."""
        try:
            with ThreadPoolExecutor(len(self.shares), "livesim share") as pool:
                running = [pool.submit(share.run) for share in self.shares]
                try:
                    for stack in self._stacks:
                        self._share_of(stack.index.channel).queue.put(stack)
                finally:
                    for share in self.shares:
                        share.queue.close()
            for one in running:
                one.result()
        finally:
            self._stacks.abandon()
            self._results.close()

    # Any thread.

    def hurry(self) -> None:
        """Skip what no engine has reconstructed yet."""
        for share in self.shares:
            share.hurry()
        self._hurry()

    # The threads of the engines' results.

    def take(self, number: int, result: Result) -> None:
        """Pass on a result of one engine; waits where publishing is behind."""
        made = self.shares[number - 1].made(result)
        if not (made.second or result.searching):
            self._meter.tick()
        self._results.put(made)


def _check(settings: Settings, count: int) -> None:
    """Refuse what one engine has to see as a whole, frame by frame."""
    if settings.volumes is not None:
        raise SettingsError(
            f"expected single planes for {count} engines, found [volumes]: start the engine "
            "without --workers"
        )
    if settings.live.rolling != "off":
        raise SettingsError(
            f"expected live.rolling = 'off' for {count} engines, found "
            f"'{settings.live.rolling}': start the engine without --workers"
        )
