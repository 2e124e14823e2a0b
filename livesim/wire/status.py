"""How the engine is doing: the frozen snapshot that it answers with on the control socket.

What the engine knows as frozen values (`livesim.values`) travels as these values, not as copies of
them; here stands only what the engine itself counts and times.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from livesim.values.figure import Figure
from livesim.values.frames import Rolling
from livesim.wire.header import Header, Part
from livesim.wire.stream_status import (
    ChannelStatus,
    DoctorStatus,
    InUse,
    NetworksStatus,
    RecordStatus,
    SteeringStatus,
    TrustStatus,
)


class EngineState(StrEnum):
    """What the engine is at."""

    IDLE = "idle"
    """Waits for a stream."""
    CALIBRATING = "calibrating"
    """Takes frames, but has not seen enough signal to know the pattern."""
    RUNNING = "running"
    """Reconstructs."""
    FINISHING = "finishing"
    """The stream has ended; works off what is queued."""
    STOPPED = "stopped"


class Endpoints(Part):
    """Where the engine listens."""

    frames: str
    results: str
    control: str


class StageStatus(Part):
    """One stage of the engine and the queue in front of it."""

    name: str
    done: int
    per_second: float
    queued: int
    queue_limit: int
    keep: str
    """Policy of the queue, see `livesim.wire.sockets.Keep`."""
    dropped: int
    """Given up because the queue was full."""


class PartLatency(Part):
    """How long one part of the way took."""

    name: str
    p50_ms: float
    p95_ms: float
    p99_ms: float


class LatencyStatus(Part):
    """From the last raw frame received to the result published, over the last seconds."""

    results: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    stages: tuple[PartLatency, ...] = ()
    """In their order: assemble, wait (for the processor), reconstruct, publish. Each result's add
    up to its total; percentiles do not."""
    steps: tuple[PartLatency, ...] = ()
    """What the stage reconstruct consists of."""


class FaultStatus(Part):
    """What did not go as it should, since the stream began that runs or was the last one."""

    malformed_messages: int = 0
    stray_frames: int = 0
    """Frames of no stream that is running."""
    misplaced_frames: int = 0
    """Frames with an angle or phase that the pattern does not have."""
    repeated_frames: int = 0
    late_frames: int = 0
    """Frames of a stack already given up."""
    incomplete_stacks: int = 0
    mixed_stacks: int = 0
    """Stacks whose frames are not of one exposure: other shapes or dtypes, or two at one place."""
    unfit_frames: int = 0
    """Frames that cannot be used: other pixels than the stream's, NaN, a channel 1000000."""
    unfit_stacks: int = 0
    """Whole stacks so far from all others that a recording would be nothing but gaps."""
    failed_stacks: int = 0
    """Stacks the pipeline could not reconstruct."""
    skipped_stacks: int = 0
    """Stacks not reconstructed because the engine was stopped, no pattern was found, or the one of
    several engines that they belong to was away."""
    incomplete_volumes: int = 0
    """Volumes that have lost a plane, and are not reconstructed."""
    skipped_volumes: int = 0
    """Volumes that came faster than they can be reconstructed; none of their planes was."""
    unrecorded_stacks: int = 0
    strangers: int = 0
    """Connections that were cut off because they sent far too much that is no message."""
    vanished_sources: int = 0
    """Streams whose source went without ending them."""


class DeviceStatus(Part):
    """What the engine computes on."""

    name: str
    memory_used_bytes: int | None = None
    """Of a GPU, by all its users; None for a processor."""
    memory_total_bytes: int | None = None
    note: str = ""
    """What is not as it should be, such as a slower way of computing; "" = nothing."""


class MemberState(StrEnum):
    """What one of several engines is at."""

    WORKING = "working"
    AWAY = "away"
    """It has ended, or is being started; its share of the stream is skipped."""


class MemberStatus(Part):
    """One of several engines behind one address."""

    number: int
    """From 1 on."""
    state: MemberState
    pid: int | None
    """Of its process; None where there is none at the moment."""
    device: str | None
    """What it computes on, as far as it has said."""
    channels: tuple[int, ...] = ()
    """Of the stream, which it has or would have."""
    done: int = 0
    """First results of the stream."""
    skipped: int = 0
    """Raw stacks of the stream without a result, since it was away or went."""
    starts: int = 0
    """How often it was started."""
    words: str = ""
    """What was skipped, or why it is away; "" = nothing."""


class RollingStatus(Part):
    """A new result with every angle or every frame, made of the newest ones."""

    mode: str
    """angle or frame."""
    newest: Rolling
    """Of the last result, with the rate of them all."""


class EngineStatus(Header):
    """A frozen snapshot of the engine."""

    kind: Literal["status"] = "status"
    state: EngineState
    endpoints: Endpoints
    stream: str | None
    source: str | None
    stages: tuple[StageStatus, ...]
    latency: LatencyStatus | None
    """Of the first results of the stream."""
    faults: FaultStatus
    last_fault: str | None
    recording: str | None
    """Folder that is being written to."""
    recording_fault: str | None = None
    """Why raw stacks or results of the running stream are not recorded any more."""
    channels: tuple[ChannelStatus, ...] = ()
    """Those of the running stream whose patterns are known, in their order."""
    doctor: DoctorStatus | None = None
    """Of the last stream; None until its first raw stacks have been looked at."""
    in_use: InUse | None = None
    """None where no stream is running."""
    device: DeviceStatus | None = None
    rolling: RollingStatus | None = None
    """None where there is one result for each raw stack, or none yet."""
    networks: NetworksStatus | None = None
    """None where every stack waits for them, so that there are no second results."""
    network_latency: LatencyStatus | None = None
    """Of the second results."""
    trust: TrustStatus | None = None
    """Of the last stream; None where nothing was reviewed yet, or no network is at work."""
    steering: SteeringStatus | None = None
    """None where no stream is running."""
    record: RecordStatus | None = None
    engines: Annotated[tuple[MemberStatus, ...], Field(exclude_if=lambda engines: not engines)] = ()
    """Those that share the work, where there are several behind this address."""
    figures: tuple[Figure, ...] = ()
    """All numbers that say how well it goes, see `livesim.engine.figures`."""
