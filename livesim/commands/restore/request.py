"""Say what is to be made of a recording."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from livesim.config.settings import Settings


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """What is to be made of one recording."""

    raw: Path
    settings: Settings
    pattern_file: Path | None
    """None: the pattern is estimated."""
    out: Path
    overwrite: bool = False
    live: bool = False
    """Whether to follow what the live run logged of its settings and weights."""
    error: bool = False
    """Whether to write the error of every image beside it."""
    strict: bool = False
    """Whether a recording without fringes is refused, instead of giving its widefield."""
    device: str | None = None
    """That computes; None = every GPU in turn, without one the processor."""
    pyramid: bool = False
    """Whether to write levels of lower resolution as well."""
