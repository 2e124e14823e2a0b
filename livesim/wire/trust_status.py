"""What the review says of the newest result that it has looked at, as on the wire."""

from __future__ import annotations

from livesim.values.frames import StackIndex
from livesim.values.verdict import TrustWord
from livesim.wire.header import Header


class TrustStatus(Header):
    """Whether the newest result that was reviewed can be trusted."""

    stream: str
    index: StackIndex
    """Of the result."""
    word: TrustWord
    reasons: tuple[str, ...]
    unlike: tuple[str, ...] = ()
    """Those of the reasons that the networks' cards give."""
    advice: str
    rms_sigmas: float
    """Of the residual map: 1 for the truth."""
    places: int
    """Squares of the field with light, see `livesim.values.verdict.TrustNumbers`."""
    denied: int
    worst_sigmas: float
    worst_yx: tuple[float, float]
    visible_percent: float
    noise_ratio: float = 1.0
    spread_percent: float | None
    reviewed: int
    """Results reviewed of this stream so far."""
    failures: int = 0
    """Reviews that failed; the stream went on."""
    flipping: float | None = None
    """How much of what was asked for is done, 0 to 1; None = nothing is under way."""
