"""How the viewer and the engine stand to each other, in one word."""

from __future__ import annotations

from enum import Enum


class Connection(Enum):
    """Whether the engine answers."""

    NONE = "not connected"
    WAITING = "connecting"
    """Asked, but nobody has answered yet."""
    CONNECTED = "connected"
    LOST = "lost"
    """It has answered before, and does not any more."""
