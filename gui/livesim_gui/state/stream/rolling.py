"""Put the rates of a rolling reconstruction in words."""

from __future__ import annotations

from livesim.values.frames import Rolling
from livesim.wire.status import RollingStatus


def rolling_words(rolling: Rolling | RollingStatus | None) -> str:
    """Return both numbers, which are easily mistaken for each other, and the mark of motion."""
    if rolling is None:
        return ""
    motion = ", motion: expect artefacts" if rolling.motion else ""
    return (
        f"update rate {rolling.updates_per_s:.1f} /s, "
        f"time resolution {rolling.resolution_ms:.0f} ms{motion}"
    )
