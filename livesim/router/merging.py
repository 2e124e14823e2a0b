"""Make one status of the router's own and what its engines say of the same stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from livesim.router.member import Member
from livesim.router.share import Share
from livesim.router.stream import RoutedStream
from livesim.wire.status import (
    DeviceStatus,
    EngineState,
    EngineStatus,
    FaultStatus,
    MemberState,
    MemberStatus,
    StageStatus,
)
from livesim.wire.stream_status import (
    DoctorStatus,
    InUse,
    NetworksStatus,
    SteeringStatus,
    TrustStatus,
)


def merged(
    own: EngineStatus, members: Sequence[Member], stream: RoutedStream | None
) -> EngineStatus:
    """Return the router's own status with what its engines say.

    Counts add up, each channel has its own engine, and of findings the worst is told.

    Parameters
    ----------
    own
        Of the router, which assembles, records and publishes.
    members
        The engines, with what each has said last.
    stream
        That is running, or was the last one; None before the first.
    """
    shares = () if stream is None else stream.shares
    theirs = [one for one in _said(members) if one.stream is not None and one.stream == own.stream]
    values: dict[str, Any] = {
        "engines": tuple(_member(members, shares)),
        "device": _device([one.device for one in _said(members) if one.device is not None]),
        "stages": tuple(_stages(own.stages, theirs, shares)),
        "doctor": _doctor([one.doctor for one in _said(members) if one.doctor is not None]),
        "trust": _trust([one.trust for one in _said(members) if one.trust is not None]),
        "networks": _networks(own, [one.networks for one in theirs if one.networks is not None]),
    }
    if theirs:
        values |= {
            "state": _state(own.state, theirs),
            "faults": _faults(own.faults, theirs),
            "last_fault": own.last_fault or next(_faults_said(theirs, members), None),
            "channels": tuple(
                sorted((c for one in theirs for c in one.channels), key=lambda c: c.channel)
            ),
            "in_use": _in_use(own.in_use, theirs),
            "steering": _steering(own.steering, theirs),
        }
    return own.model_copy(update=values)


def _said(members: Sequence[Member]) -> list[EngineStatus]:
    return [one.status for one in members if one.status is not None and one.reach is not None]


def _member(members: Sequence[Member], shares: Sequence[Share]) -> Iterator[MemberStatus]:
    for number, member in enumerate(members):
        share = shares[number] if shares else None
        reach, device = member.reach, member.status.device if member.status else None
        words = [] if share is None or not share.words else [f"skipped {share.words}"]
        yield MemberStatus(
            number=member.number,
            state=MemberState.AWAY if reach is None else MemberState.WORKING,
            pid=None if reach is None else reach.pid,
            device=None if device is None else device.name,
            channels=() if share is None else tuple(sorted(share.channels)),
            done=0 if share is None else share.done,
            skipped=0 if share is None else share.skipped,
            starts=member.starts,
            words="; ".join([*words, *([member.fault] if reach is None else [])]),
        )


def _stages(
    own: Sequence[StageStatus], theirs: Sequence[EngineStatus], shares: Sequence[Share]
) -> Iterator[StageStatus]:
    """Yield the stages; in front of processing are queues of the router's and of the engines."""
    process = [stage for one in theirs for stage in one.stages if stage.name == "process"]
    for stage in own:
        if stage.name != "process":
            yield stage
            continue
        change = {
            "queued": stage.queued + sum(one.waiting for one in shares),
            "queue_limit": stage.queue_limit
            + sum(one.queue.limit for one in shares)
            + sum(one.queue_limit for one in process),
            "dropped": stage.dropped + sum(one.dropped for one in shares),
        }
        yield stage.model_copy(update=change)


def _state(own: EngineState, theirs: Sequence[EngineStatus]) -> EngineState:
    known = any(one.state is not EngineState.CALIBRATING for one in theirs)
    return EngineState.RUNNING if own is EngineState.CALIBRATING and known else own


def _faults(own: FaultStatus, theirs: Sequence[EngineStatus]) -> FaultStatus:
    """Add what engines could not reconstruct; what of frames is wrong the router has counted."""
    names = ("failed_stacks", "skipped_stacks")
    more = {name: sum(getattr(one.faults, name) for one in theirs) for name in names}
    return own.model_copy(update={name: getattr(own, name) + more[name] for name in names})


def _faults_said(theirs: Sequence[EngineStatus], members: Sequence[Member]) -> Iterator[str]:
    for member in members:
        said = member.status
        if said in theirs and said is not None and said.last_fault is not None:
            yield f"engine {member.number}: {said.last_fault}"


def _in_use(own: InUse | None, theirs: Sequence[EngineStatus]) -> InUse | None:
    if own is None:
        return None
    patterns = {c: p for one in theirs if one.in_use for c, p in one.in_use.patterns.items()}
    return own.model_copy(update={"patterns": dict(sorted(patterns.items()))})


def _steering(own: SteeringStatus | None, theirs: Sequence[EngineStatus]) -> SteeringStatus | None:
    # One that has no channel never has a stack from which on it would use what is wished for.
    busy = [one for one in theirs if one.in_use is not None and one.in_use.patterns]
    said = [one.steering for one in busy or theirs if one.steering is not None]
    if own is None or not said:
        return own
    return SteeringStatus(
        pending={key: value for one in said for key, value in one.pending.items()},
        refused=next((one.refused for one in said if one.refused), None),
        changes=own.changes,
        since=max((one.since for one in said if one.since is not None), default=None),
        recalibrating=any(one.recalibrating for one in said),
    )


def _device(said: Sequence[DeviceStatus]) -> DeviceStatus | None:
    """Return the engines' devices as one: the names of all, the memory of the fullest."""
    if not said:
        return None
    fullest = max(
        said, key=lambda one: (one.memory_used_bytes or 0) / (one.memory_total_bytes or 1)
    )
    names = dict.fromkeys(one.name for one in said)
    counted = [f"{[one.name for one in said].count(name)} engine(s) on {name}" for name in names]
    notes = dict.fromkeys(one.note for one in said if one.note)
    return fullest.model_copy(update={"name": ", ".join(counted), "note": "; ".join(notes)})


def _doctor(said: Sequence[DoctorStatus]) -> DoctorStatus | None:
    return max(said, key=lambda one: len(one.found.findings), default=None)


def _trust(said: Sequence[TrustStatus]) -> TrustStatus | None:
    return max(said, key=lambda one: one.verdict.word.badness, default=None)


def _networks(own: EngineStatus, said: Sequence[NetworksStatus]) -> NetworksStatus | None:
    if own.networks is None or not said:
        return own.networks
    return own.networks.model_copy(
        update={
            "run": said[0].run,
            "per_second": sum(one.per_second for one in said),
            "of_per_second": sum(one.of_per_second for one in said),
            "waiting": sum(one.waiting for one in said),
        }
    )
