"""The share of one stream that one engine has: its queue, what is under way, what was skipped."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from threading import Event, Lock

from livesim.config.changes import difference
from livesim.config.settings import Settings, SettingsError
from livesim.engine.meters import Faults
from livesim.engine.queue import BoundedQueue
from livesim.engine.record.recorder import Recorder
from livesim.engine.seams import Reconstructed
from livesim.engine.session import PROCESS_BYTES, PROCESS_DEPTH
from livesim.router.link import GoneError, Link
from livesim.router.member import Member
from livesim.router.skipped import Skipped
from livesim.router.under_way import UnderWay
from livesim.values.clock import steady_ns
from livesim.values.frames import RawStack, StackIndex
from livesim.values.results import Image, Result
from livesim.wire.header import WireError
from livesim.wire.messages import StreamStart
from livesim.wire.sockets import Keep
from livesim.wire.status import EngineStatus

FAILED = ("failed_stacks", "skipped_stacks")
"""Of the faults of an engine: its raw stacks without a result, but for those that were dropped."""
POLL_S = 0.1


class Share:
    """Hands the raw stacks of some channels to an engine, and gives its results their places.

    A raw stack that is under way when the engine ends, or comes while it is away, is skipped and
    named; nothing waits for the engine to come back. When it does, it goes on with the next stack.

    Parameters
    ----------
    member
        The engine.
    of
        How many engines there are.
    stream
        Its name.
    start
        Makes what the engine is told of the stream, with the settings and patterns of now.
    recorder_of
        Returns what records a raw stack.
    faults
        Hear of what is skipped.
    lossless
        Whether the stream waits while the queue is full.
    """

    def __init__(
        self,
        member: Member,
        of: int,
        stream: str,
        start: Callable[[], StreamStart],
        recorder_of: Callable[[StackIndex], Recorder | None],
        faults: Faults,
        *,
        lossless: bool,
    ) -> None:
        self._member, self._start, self._faults = member, start, faults
        self._stream, self._recorder_of = stream, recorder_of
        self._name = f"engine {member.number} of {of}"
        keep = Keep.BLOCK if lossless else Keep.DROP_OLDEST
        self.queue: BoundedQueue[RawStack] = BoundedQueue(
            PROCESS_DEPTH, keep, PROCESS_BYTES, lambda stack: stack.pixels.nbytes
        )
        self._lock = Lock()
        self._under_way = UnderWay()
        self._skipped, self._told = Skipped(), 0
        self._link: Link | None = None
        self._recorder: Recorder | None = None
        """Of the last raw stack."""
        self._ended, self._hurried = Event(), False
        self.channels: set[int] = set()
        self._reported = 0

    # Any thread.

    @property
    def done(self) -> int:
        """First results."""
        return self._under_way.done

    @property
    def skipped(self) -> int:
        """Raw stacks without a result."""
        return self._skipped.count

    @property
    def words(self) -> str:
        """Which were skipped."""
        return self._skipped.words

    @property
    def ended(self) -> bool:
        """Whether the engine has published all of the stream, or nobody waits for it any more."""
        return self._ended.is_set()

    @property
    def waiting(self) -> int:
        """Raw stacks that are queued, or under way without a result."""
        return self.queue.queued + len(self._under_way)

    @property
    def dropped(self) -> int:
        """Raw stacks that came faster than the engine works, here or there."""
        status = self._member.status
        running = status is not None and status.stream is not None
        failed = self._reported + (_failed(status) if status is not None and running else 0)
        return self.queue.dropped + max(self._under_way.missed - failed, 0)

    @property
    def is_linked(self) -> bool:
        """Whether the present process of the engine has confirmed the stream."""
        link = self._link
        return link is not None and self._is_there(link)

    def hurry(self) -> None:
        """Skip what the engine does not have yet."""
        self._hurried = True

    # The receiver's thread, then the share's.

    def connect(self) -> bool:
        """Begin the stream where the engine is there; return whether it is.

        Raises
        ------
        SettingsError
            If it refuses the stream.
        """
        reach = self._member.reach
        if reach is None:
            return False
        try:
            told = self._start()
            link = Link(reach, told, lambda: self._member.reach is reach)
        except GoneError:
            return False
        self.close()
        self._link = link
        self._catch_up(link, told)
        return True

    def _catch_up(self, link: Link, told: StreamStart) -> None:
        """Steer an engine to what holds, where that has changed since it was told of the stream.

        Who steers sets what holds first, and asks the engines that are linked afterwards.
        """
        held = Settings.model_validate(told.settings)
        while (now := Settings.model_validate(self._start().settings)) != held:
            try:
                link.steer(difference(held, now)[1])
            except WireError as error:
                self._faults.say(f"{self._name} keeps other settings than the others: {error}")
                return
            held = now

    def close(self) -> None:
        """Close the connection, where there is one."""
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def run(self) -> None:
        """Hand over stacks until no more come, and wait until the engine has done them."""
        try:
            for stack in self.queue:
                self._hand_over(stack)
            self._finish()
        finally:
            self.queue.abandon()
            self._ended.set()
            self.close()

    def _hand_over(self, stack: RawStack) -> None:
        self.channels.add(stack.index.channel)
        self._recorder = self._recorder_of(stack.index)
        if self._hurried or not self._is_connected():
            self._skip([stack.index])
            return
        link = self._link
        assert link is not None
        if not self._under_way.add(stack, lambda: self._is_there(link)):
            self._skip([stack.index])
            return
        with suppress(GoneError):  # then `lose` has named it
            self._tell_recorder(link)
            link.send(stack)

    def _tell_recorder(self, link: Link) -> None:
        try:
            link.record(self._recorder)
        except (WireError, SettingsError) as error:
            self._faults.say(f"{self._name} does not write beside the recording: {error}")

    def _is_connected(self) -> bool:
        """Whether the engine has this stream; one that has come back is told of it first."""
        if self.is_linked:
            return True
        try:
            back = self.connect()
        except SettingsError as error:
            self._faults.say(f"{self._name} refuses the stream: {error}")
            return False
        if back:
            self._tell_skipped("is back")
        return back

    def _is_there(self, link: Link) -> bool:
        return link.reach is self._member.reach

    def _finish(self) -> None:
        link = self._link
        if link is not None and self._is_there(link):
            with suppress(GoneError):
                link.end()
            while self._is_there(link) and not self._ended.wait(POLL_S):
                pass
            if self.ended:  # else `lose` names what is missing
                self._take_over(link)
        self._tell_skipped("was away")

    def _take_over(self, link: Link) -> None:
        """Count what the engine could not do, now that the stream is over."""
        self._under_way.end()
        status = link.status() if self._is_there(link) else None
        if status is not None:
            self._report(status)
            # The engine may say so a moment later; what is reported counts once.
            self._member.status = status.model_copy(update={"stream": None})

    def _report(self, status: EngineStatus) -> None:
        """Count what an engine could not reconstruct, once it works on the stream no more."""
        self._reported += _failed(status)
        words = f"{self._name}: {status.last_fault}" if status.last_fault else None
        for kind in FAILED:
            if count := getattr(status.faults, kind):
                self._faults.report(kind, words, count)

    def _skip(self, indices: list[StackIndex]) -> None:
        with self._lock:
            for index in indices:
                self._skipped.add(index)
        self._faults.report("skipped_stacks", count=len(indices))

    def _tell_skipped(self, what: str) -> None:
        if self.skipped == self._told:
            return
        self._told = self.skipped
        where = "" if self._recorder is None else f" {self._recorder.folder / 'raw.zarr'}"
        self._faults.say(
            f"{self._name} {what}; skipped so far: {self.words}; livesim restore{where} makes them"
        )

    # The thread of the engine's results.

    def lose(self) -> None:
        """Skip what was under way: the engine's process has ended."""
        lost, status = self._under_way.lose(), self._member.status
        if status is not None and status.stream == self._stream and not self.ended:
            self._report(status)
            self._member.status = None
        if not (self.ended or self._member.closing):
            self._faults.say(
                f"{self._name} has gone, {self._member.fault}: its channels are skipped until it "
                "is back"
            )
        if lost:
            self._skip(lost)

    def end(self) -> None:
        """Hear that the engine has published all of the stream."""
        self._ended.set()

    def made(self, result: Result) -> Reconstructed:
        """Return a result of the engine with when its raw stack passed here."""
        if result.searching:
            stack, second = self._under_way.seen(result.index), False
        else:
            stack, second = self._under_way.made(result.index)
        made = Reconstructed(
            result, step_one=_kept(result.step_one), network=_kept(result.network), second=second
        )
        if stack is None:
            return made
        return replace(
            made,
            result=replace(result, last_received_ns=stack.last_received_ns),
            passage=replace(stack.passage, reconstructed=steady_ns()),
        )


def _failed(status: EngineStatus) -> int:
    return sum(getattr(status.faults, kind) for kind in FAILED)


def _kept(image: Image | None) -> Callable[[], Image] | None:
    return None if image is None else lambda: image
