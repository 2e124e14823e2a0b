"""The pipeline that checks its pattern with every raw stack and follows it when it moves."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace

from livesim.config.settings import Settings, SettingsError
from livesim.engine.beside.proposals import (
    Measure,
    PlanRequest,
    Prepare,
    Proposal,
    RecentStack,
    Trackable,
    TurnAngles,
)
from livesim.engine.beside.tracking import BackgroundTracking
from livesim.engine.beside.weighing import Weighing
from livesim.engine.pending import Pending
from livesim.engine.seams import DATA_FAULTS, Prepared, Reconstructed
from livesim.reconstruction.track.check import BandReading
from livesim.reconstruction.track.event import Event
from livesim.reconstruction.track.pattern import PatternTracker
from livesim.values.frames import RawStack, StackIndex
from livesim.values.illumination import ChangeKind, Illumination, PatternChange, TrackingHealth
from livesim.values.pattern import Pattern
from livesim.values.results import Result
from livesim.values.weights import BandWeights

_log = logging.getLogger("livesim.engine")


class TrackedPipeline:
    """A reconstruction whose pattern is checked with every stack.

    Every stack is reconstructed with what is known once it has been looked at itself: a drift or a
    jump that it shows turns its own bands. Whatever needs a new plan is prepared in the background
    and taken from the next stack on. What fails here is counted and leaves the stack as it would
    be without tracking.

    Parameters
    ----------
    active
        The reconstruction with the first pattern.
    background
        Prepares others; closed by `close`.
    prepare_for
        Settings -> what prepares a reconstruction with them; None = they cannot change.
    follows
        Whether it begins with tracking; if not, the pattern stays as it is until steered.
    """

    def __init__(
        self,
        active: Trackable,
        background: BackgroundTracking,
        prepare_for: Callable[[Settings], Prepare] | None = None,
        *,
        follows: bool = True,
    ) -> None:
        self._active, self._background = active, background
        self._prepare_for, self.follows = prepare_for, follows
        self._recalibrate = False
        angles = active.pattern.angles
        self._tracker = PatternTracker(
            [angle.usable for angle in angles], [angle.modulation[0] for angle in angles]
        )
        self._last: StackIndex | None = None
        self._probe: Trackable | None = None
        self._weighing = Weighing()
        self._changes: deque[PatternChange] = deque()
        self._counts: Counter[str] = Counter()

    @property
    def pattern(self) -> Pattern:
        """The cached pattern."""
        return self._active.pattern

    @property
    def illumination(self) -> Illumination:
        """What the next stack is taken to be lit with."""
        return Illumination(self.pattern, self._tracker.turns)

    @property
    def weights(self) -> BandWeights | None:
        """What the last stack was reconstructed with; None = without its networks' change."""
        return self._weighing.weights

    @property
    def health(self) -> TrackingHealth:
        """What is known of the pattern."""
        return TrackingHealth(
            angles=self._tracker.health(),
            estimates=self._background.estimates,
            swaps=self._counts["swaps"],
            alarms=self._counts["alarms"],
            failures=self._counts["failures"] + self._background.failures,
            hits=self._counts["hits"],
        )

    def take_changes(self) -> list[PatternChange]:
        """Return what has changed since the last call, oldest first."""
        taken = list(self._changes)
        self._changes.clear()
        return taken

    @property
    def recalibrating(self) -> bool:
        """Whether a new estimate was asked for and is not there yet."""
        return self._recalibrate or self._background.recalibrating

    def recalibrate(self) -> None:
        """Estimate the pattern again from the next stacks; safe in any thread.

        Raises
        ------
        SettingsError
            If their frames are too few to tell it.
        """
        if self.pattern.too_few_frames:
            frames = len(self.pattern.angles[0].phases_rad)
            raise SettingsError(
                f"expected at least 3 phases to estimate a pattern from, found {frames}: calibrate "
                "with full raw stacks and begin again with that pattern"
            )
        self._recalibrate = True

    def prepare(self, settings: Settings) -> Prepared:
        """Prepare other settings; in any thread but the processor's.

        Raises
        ------
        SettingsError, DataError, RuntimeError
            If they cannot be used.
        """
        if self._prepare_for is None:
            raise SettingsError("expected a pipeline whose settings can change, found a fixed one")
        known, prepare = self.pattern, self._prepare_for(settings)
        # A copy, whose identity tells it from what the background prepares with the old settings.
        prepared = prepare(replace(known))

        def use() -> None:
            self._active, self.follows = prepared, settings.tracks
            self._weighing.restart()
            self._background.steer(prepare, unasked=settings.tracks and settings.tracking.estimate)
            shifts = (0.0,) * len(known.angles)
            self._background.use(prepared, shifts, self._tracker.lost, self._probe)

        return Prepared(lambda: self.pattern is known, use)

    def __call__(self, stack: RawStack) -> Result:
        """Reconstruct one raw stack.

        Raises
        ------
        ValueError, RuntimeError
            If it cannot be reconstructed.
        """
        return self.begin(stack).take().result

    def begin(self, stack: RawStack) -> Pending[Reconstructed]:
        """Begin with one raw stack, as a call does."""
        return self._looked_at(stack, plain=False)

    def begin_plain(self, stack: RawStack) -> Pending[Reconstructed]:
        """Begin with one raw stack and leave its networks for later.

        They get the turns and the weights that hold now, however late they come to it.
        """
        return self._looked_at(stack, plain=True)

    def _looked_at(self, stack: RawStack, *, plain: bool) -> Pending[Reconstructed]:
        if not stack.whole:
            turns = self._tracker.turns  # its frames are looked at with the stacks they belong to
            return self._begun(stack, lambda measure: turns, plain=plain)
        if self._recalibrate:
            self._background.recalibrate()
            self._recalibrate = False
        self._adopt(stack)
        self._weighing.adopt(self._active.weight_shapes)
        begun = self._begun(stack, lambda measure: self._decide(stack, measure), plain=plain)
        self._background.offer(RecentStack(stack, self._tracker.phases, self.pattern))
        self._last = stack.index
        return begun

    def close(self) -> None:
        """End the background's thread."""
        self._background.close()

    def _begun(
        self, stack: RawStack, turn_angles: TurnAngles, *, plain: bool
    ) -> Pending[Reconstructed]:
        watched, weights = self._weighing.watch(), self._weighing.weights
        if plain:
            begun = self._active.begin_plain(stack, turn_angles, weights)
            begun = begun.then(lambda made: made.with_later(watched))
        else:
            begun = self._active.begin(stack, turn_angles, weights).then(watched)
        return begun.then(self._counted) if stack.whole else begun

    def _counted(self, found: Reconstructed) -> Reconstructed:
        self._counts["hits"] += found.hits
        return found

    def _decide(self, stack: RawStack, measure: Measure) -> tuple[float, ...]:
        """Return how far each angle has turned, this stack included."""
        if self.follows:
            try:
                self._look(stack, measure())
            except DATA_FAULTS as error:
                self._fail(error)
        return self._tracker.turns

    def _look(self, stack: RawStack, readings: tuple[BandReading, ...]) -> None:
        before = list(self._tracker.turns)
        for event in self._tracker.see(readings, self._stacks_since(stack)):
            old = Illumination(self.pattern, tuple(before))
            before[event.angle] = self._tracker.turns[event.angle]
            new = Illumination(self.pattern, tuple(before))
            if event.kind is not ChangeKind.MODULATION:  # recorded when it is acted upon
                self._record(stack, event.kind, event.angle, event.reason, old, new)
            if event.kind in (ChangeKind.LOST, ChangeKind.MODULATION):
                self._request(event)
            if event.kind is not ChangeKind.DRIFT:
                self._background.ask()

    def _stacks_since(self, stack: RawStack) -> float:
        """Return how many stacks after the last one; those dropped on the way count as well."""
        if self._last is None or replace(stack.index, time=0) != replace(self._last, time=0):
            return 1.0
        return float(max(stack.index.time - self._last.time, 1))

    def _request(self, event: Event) -> None:
        """Ask for a plan that fits what was seen of an angle."""
        pattern, tracked = self.pattern, self._tracker.angles[event.angle]
        angles = list(pattern.angles)
        for number in self._tracker.lost:
            angles[number] = replace(angles[number], usable=False)
        if event.kind is ChangeKind.MODULATION:
            own = angles[event.angle]
            changed = tuple(min(m * tracked.modulation, 1.0) for m in own.modulation)
            angles[event.angle] = replace(own, modulation=changed)
        elif self._probe is None:
            self._probe = self._active
        wanted = replace(pattern, angles=tuple(angles))
        request = PlanRequest(wanted, event.kind, event.angle, event.reason, pattern)
        self._background.request(request)

    def _adopt(self, stack: RawStack) -> None:
        """Take what the background proposes, from this stack on."""
        proposal = self._background.take()
        if proposal is None:
            return
        if proposal.based_on is not self.pattern:  # another one came first
            self._recalibrate = self._recalibrate or proposal.asked
            if proposal.kind is ChangeKind.LOST and proposal.angle is not None:
                self._request(Event(proposal.kind, proposal.angle, proposal.reason))
            return
        if proposal.prepared is self._active:  # asked for, and nothing better was found
            light = self.illumination
            self._record(stack, proposal.kind, proposal.angle, proposal.reason, light, light)
            return
        try:
            self._swap(stack, proposal)
        except DATA_FAULTS as error:
            self._fail(error)

    def _swap(self, stack: RawStack, proposal: Proposal) -> None:
        old, new = self.illumination, proposal.prepared.pattern
        pairs = zip(self._tracker.angles, old.pattern.angles, new.angles, strict=True)
        for (tracked, was, now), shift in zip(pairs, proposal.shifts, strict=True):
            if now.usable and was.modulation[0] > 0.0:
                tracked.refer(1.0, shift, now.modulation[0] / was.modulation[0])
            if was.usable and not now.usable:
                tracked.lost, self._probe = True, self._probe or self._active
        for reading in proposal.found:
            self._tracker.angles[reading.angle].find(reading)
        if proposal.kind is ChangeKind.ESTIMATE:
            self._tracker.admit([(one.usable, one.modulation[0]) for one in new.angles])
        self._active = proposal.prepared
        lost = self._tracker.lost
        self._probe = self._probe if lost else None
        self._background.use(self._active, proposal.shifts, lost, self._probe)
        words = proposal.reason
        self._record(stack, proposal.kind, proposal.angle, words, old, self.illumination)

    def _record(
        self,
        stack: RawStack,
        kind: ChangeKind,
        angle: int | None,
        reason: str,
        old: Illumination,
        new: Illumination,
    ) -> None:
        change = PatternChange(stack.index, stack.last_received_ns, kind, angle, reason, old, new)
        self._changes.append(change)
        self._counts["swaps"] += new != old
        self._counts["alarms"] += kind.alarming and (kind is ChangeKind.JUMP or new == old)

    def _fail(self, error: Exception) -> None:
        self._counts["failures"] += 1
        _log.warning("tracking: %s", error)
