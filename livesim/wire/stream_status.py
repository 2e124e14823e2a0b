"""What an engine says of the stream it works on: what is in use, and what was found of it."""

from __future__ import annotations

from pydantic import Field

from livesim.config.changes import Value
from livesim.config.settings import Settings
from livesim.values.finding import Examination
from livesim.values.frames import StackIndex
from livesim.values.illumination import ChangeKind, TrackingHealth
from livesim.values.pattern import Pattern
from livesim.values.verdict import TrustNumbers, Verdict
from livesim.wire.header import Part
from livesim.wire.networks import NEWEST, Run

KEEPS_UP = 0.9
"""Share of the stacks from which on the networks are said to keep up."""


class StreamStatus(Part):
    """What is known of the stream itself."""

    source: str
    pixel_nm: float
    """Of the raw frames, in the sample."""
    frame_shape: tuple[int, int] | None = None
    """(y, x); None before the first frame."""
    dtype: str | None = None
    """Of the camera's counts, likewise."""
    sizes: dict[str, int] | None = None
    """Expected length of each axis by name; None where the source does not know."""
    exposure_ms: float | None = None
    interval_s: float | None = None


class InUse(Part):
    """All that the results of the running stream depend on, apart from its frames."""

    stream: StreamStatus
    settings: Settings
    """As in its TOML file; where it said "auto" for a network, the one that is used."""
    models: dict[str, str] = Field(default_factory=dict)
    """File of a network -> SHA-256."""
    choices: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Step ("one", "two") -> the networks on the engine's machine that fit the stream."""
    notes: tuple[str, ...] = ()
    """Why "auto" stands for no network, where it does."""
    patterns: dict[int, Pattern] = Field(default_factory=dict)
    """Channel -> the pattern that its next raw stack is reconstructed with, once it is known; the
    phases are those of the newest stack where the pattern is tracked."""


class ChangeStatus(Part):
    """One change of the pattern, without the patterns themselves."""

    number: int
    """Counts the changes of the stream from 1."""
    received_ns: int
    time: int
    """Of the raw stack from which on it holds."""
    kind: ChangeKind
    angle: int | None
    reason: str
    alarm: bool


class ChannelStatus(Part):
    """One channel of the running stream whose pattern is known."""

    channel: int
    tracking: TrackingHealth | None = None
    """None where the pattern is not tracked."""
    changes: tuple[ChangeStatus, ...] = ()
    """The last ones of its pattern, oldest first."""


class DoctorStatus(Part):
    """What the doctor says of the raw stacks that it has looked at."""

    stream: str
    time: int
    """Of the first of them."""
    stacks: int
    found: Examination
    """The surest finding first; none for sound stacks."""


class TrustStatus(Part):
    """Whether the newest result that was reviewed can be trusted."""

    stream: str
    index: StackIndex
    """Of the result."""
    verdict: Verdict
    numbers: TrustNumbers
    reviewed: int
    """Results reviewed of this stream so far."""
    failures: int = 0
    """Reviews that failed; the stream went on."""


class NetworksStatus(Part):
    """How the networks keep up that work beside the frame path."""

    run: Run
    """When they work."""
    per_second: float = 0.0
    """Second results of the stream."""
    of_per_second: float = 0.0
    """First, plain ones."""
    done: int = 0
    """Stacks of the stream with networks."""
    waiting: int = 0
    """Stacks on which they can still work."""

    @property
    def behind(self) -> bool:
        """Whether they work all the time and still not on every stack."""
        return self.run == NEWEST and self.per_second < KEEPS_UP * self.of_per_second


class SteeringStatus(Part):
    """What has become of the wishes for the running stream."""

    pending: dict[str, Value] = Field(default_factory=dict)
    """Asked for, and being prepared."""
    refused: str | None = None
    """Why the last ones could not be used; everything stayed as it was."""
    changes: int = 0
    """Of the settings, so far."""
    since: int | None = None
    """Time of the raw stack from which on the last one holds."""
    recalibrating: bool = False
    """The pattern is being estimated again."""


class RecordStatus(Part):
    """Whether streams are recorded here."""

    into: str | None
    """Folder on the engine's machine; None = it was started without one."""
    on: bool
    """Whether the next raw stack is to be recorded."""
