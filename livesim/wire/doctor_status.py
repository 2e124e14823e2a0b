"""What the doctor says of a stream's first raw stacks, as on the wire."""

from __future__ import annotations

from livesim.wire.header import Header


class FindingStatus(Header):
    """One fault that the doctor has found in the raw stacks of the stream."""

    fault: str
    """See `livesim.values.finding.Fault`."""
    words: str
    sureness: float
    """Probability that it is so, 0 to 1."""
    mend: str | None
    """TOML that mends it, a section and the lines to set in it."""
    advice: str
    frames: tuple[int, ...]
    """The frames concerned, of those of one channel, plane and position counted from 0."""
    value: float | None
    """The number found."""


class DoctorStatus(Header):
    """What the doctor says of the raw stacks that it has looked at."""

    stream: str
    time: int
    """Of the first of them."""
    stacks: int
    findings: tuple[FindingStatus, ...]
    """The surest first; none for sound stacks."""
    undecided: tuple[str, ...]
    """What could not be told."""
