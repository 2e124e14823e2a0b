"""What has become of the pattern of a running stream, channel by channel, as on the wire."""

from __future__ import annotations

from livesim.wire.header import Header


class AngleStatus(Header):
    """What tracking knows of the illumination of one angle."""

    state: str
    """followed, weak, lost or unwatched, see `livesim.values.illumination.AngleState`."""
    drift_deg: float
    """All its phases since the pattern was first known, unwrapped."""
    error_deg: float
    rate_deg: float
    """Drift from one stack to the next."""
    modulation: float


class ChangeStatus(Header):
    """One change of the pattern."""

    number: int
    """Counts the changes of the stream from 1."""
    received_ns: int
    time: int
    """Of the raw stack from which on it holds."""
    kind: str
    """See `livesim.values.illumination.ChangeKind`."""
    angle: int | None
    reason: str
    alarm: bool


class TrackingStatus(Header):
    """What has become of the pattern of the running stream."""

    angles: tuple[AngleStatus, ...]
    changes: tuple[ChangeStatus, ...]
    """The last ones, oldest first."""
    swaps: int
    """Changes of the parameters so far."""
    alarms: int
    estimates: int
    """Made in the background."""
    failures: int
    """Checks or estimates that failed; the stream went on."""


class ChannelStatus(Header):
    """One channel of the running stream whose pattern is known."""

    channel: int
    tracking: TrackingStatus | None
    """None where the pattern is not watched."""
