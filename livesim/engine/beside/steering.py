"""Steer a running stream: prepare other settings beside the frame path, use them between stacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from livesim.config.changes import Changes, difference, steered
from livesim.config.settings import Settings, SettingsError
from livesim.engine.beside.worker import Worker
from livesim.engine.seams import DATA_FAULTS, Pipeline, Prepared, Resolved, Steerable
from livesim.values.frames import RawStack
from livesim.wire.stream_status import SteeringStatus

NOT_STEERABLE = "expected a stream whose settings can change, found one whose pipeline is fixed"


@dataclass(frozen=True, slots=True, eq=False)
class _Ready:
    """A wish that has been prepared, for every channel."""

    resolved: Resolved
    prepared: Mapping[int, Prepared]


class Steering:
    """The settings of one stream.

    A wish is checked at once, prepared in a thread of low priority, and used from the next raw
    stack on, by all channels together: before every stack one attribute is looked at, so none
    waits and none is lost. Wishes add up; what cannot be used leaves everything as it was.

    Parameters
    ----------
    first
        In use at the beginning.
    resolve
        Replaces "auto" in settings.
    claim
        Called once in the thread, see `Worker`.
    """

    def __init__(
        self,
        first: Resolved,
        resolve: Callable[[Settings], Resolved],
        claim: Callable[[], None] = lambda: None,
    ) -> None:
        self.first = self.in_use = first
        """Safe in any thread."""
        self._resolve = resolve
        self._wanted = first
        self._pipelines: dict[int, Pipeline] = {}
        self._used: dict[int, Resolved] = {}
        self._ready: _Ready | None = None
        self._refused: str | None = None
        self._count = 0
        self._since: int | None = None
        self._worker = Worker("steering", self._work, lambda: self._due, claim=claim)

    # Any thread.

    def wish(self, changes: Changes) -> None:
        """Ask for other settings.

        Raises
        ------
        SettingsError, DataError
            If they are wrong, or name a network that cannot be used.
        """
        with self._worker.changed:
            if not all(isinstance(one, Steerable) for one in self._pipelines.values()):
                raise SettingsError(NOT_STEERABLE)
            self._want(self._resolved(steered(self._wanted.settings, changes)))

    def recalibrate(self) -> None:
        """Ask for a new estimate of every channel's pattern.

        Raises
        ------
        SettingsError
            If there is none yet, or it is not estimated.
        """
        pipelines = list(self._pipelines.values())
        if not pipelines:
            raise SettingsError("expected a pattern that can be estimated again, found none yet")
        for pipeline in pipelines:
            if not isinstance(pipeline, Steerable):
                raise SettingsError(NOT_STEERABLE)
            pipeline.recalibrate()

    @property
    def status(self) -> SteeringStatus:
        """A snapshot."""
        _, pending = difference(self.in_use.settings, self._wanted.settings)
        pipelines = list(self._pipelines.values())
        return SteeringStatus(
            pending=pending,
            refused=self._refused,
            changes=self._count,
            since=self._since,
            recalibrating=any(isinstance(p, Steerable) and p.recalibrating for p in pipelines),
        )

    def trust_others(self) -> Resolved:
        """Take what was wished for last as in use, and return what was: others do the work."""
        with self._worker.changed:
            before, self.in_use = self.in_use, self._wanted
            self._count += 1
        return before

    def take_back(self, before: Resolved) -> None:
        """Return to what was in use: others refused what was wished for last."""
        with self._worker.changed:
            self.in_use = self._wanted = before
            self._count -= 1

    def close(self) -> None:
        """End the thread, once what it prepares is done; does not wait for that."""
        self._worker.close()

    # The processor's thread.

    def begin(self, channel: int, pipeline: Pipeline) -> None:
        """Steer a channel's pipeline, which was made with the first settings."""
        with self._worker.changed:
            self._pipelines[channel] = pipeline
            self._used[channel] = self.first
            self._ready = None  # prepared without this channel
            if self.in_use is not self.first:
                self._want(replace(self._wanted))  # a copy: it is not in use everywhere
            self._worker.wake()

    def of(self, channel: int) -> Resolved:
        """Return what a channel is reconstructed with."""
        return self._used[channel]

    def adopt(self, stack: RawStack) -> None:
        """Use what is ready, from this stack on."""
        if self._ready is None:
            return
        with self._worker.changed:
            ready, self._ready = self._ready, None
            if ready is None or not all(one.fits() for one in ready.prepared.values()):
                self._worker.wake()  # a pattern has changed since: prepare again
                return
            for channel, one in ready.prepared.items():
                one.use()
                self._used[channel] = ready.resolved
            changed = self.in_use.settings != ready.resolved.settings
            self.in_use = ready.resolved
        if changed:
            self._count, self._since = self._count + 1, stack.index.time

    def _resolved(self, settings: Settings) -> Resolved:
        """Return settings without "auto"; what that stood for before is still to be said."""
        found = self._resolve(settings)
        _check_same_files(self._wanted, found)
        if found.settings.steps != self._wanted.settings.steps:
            return found
        return replace(found, notes=self._wanted.notes)

    # The thread.

    def _want(self, wanted: Resolved) -> None:
        self._wanted, self._refused = wanted, None
        self._worker.start()
        self._worker.wake()

    def _work(self) -> None:
        with self._worker.changed:
            if not self._due:
                return
            wanted, pipelines = self._wanted, dict(self._pipelines)
        self._prepare(wanted, pipelines)

    @property
    def _due(self) -> bool:
        reached = self.in_use if self._ready is None else self._ready.resolved
        return bool(self._pipelines) and reached is not self._wanted

    def _prepare(self, wanted: Resolved, pipelines: Mapping[int, Pipeline]) -> None:
        try:
            prepared = {
                channel: _prepared(pipeline, wanted.settings.of_channel(channel))
                for channel, pipeline in pipelines.items()
            }
        except DATA_FAULTS as error:  # the worker logs it; who has asked reads it in the status
            with self._worker.changed:
                self._refuse(wanted, str(error))
            raise
        with self._worker.changed:
            if len(pipelines) == len(self._pipelines):
                self._ready = _Ready(wanted, prepared)

    def _refuse(self, wanted: Resolved, why: str) -> None:
        """Go back to what is in use, unless something else is wanted by now."""
        if wanted is self._wanted:
            self._wanted, self._ready, self._refused = self.in_use, None, why


def _check_same_files(used: Resolved, wanted: Resolved) -> None:
    """Refuse a file that was written again under its name: a recording could not tell the two."""
    for name, sha256 in wanted.models.items():
        if used.models.get(name, sha256) != sha256:
            raise SettingsError(
                f"expected {name} as it is in use, found that it was written again since; give "
                "the new network a name of its own"
            )


def _prepared(pipeline: Pipeline, settings: Settings) -> Prepared:
    if not isinstance(pipeline, Steerable):
        raise SettingsError(NOT_STEERABLE)
    return pipeline.prepare(settings)
