"""How one engine process behaves, and where it listens."""

from __future__ import annotations

from dataclasses import dataclass

from livesim.wire.endpoints import CONTROL_ADDRESS, FRAMES_ADDRESS, RESULTS_ADDRESS, check_bindable
from livesim.wire.networks import NEWEST, Run
from livesim.wire.sockets import RESULT_DEPTH


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How one engine process behaves.

    Raises
    ------
    SettingsError
        If an endpoint is open to other machines.
    """

    frames: str = FRAMES_ADDRESS
    results: str = RESULTS_ADDRESS
    control: str = CONTROL_ADDRESS
    once: bool = False
    """End after the first stream."""
    lossless: bool = False
    """Let the source wait rather than skip a raw stack."""
    networks: Run = NEWEST
    """When the networks work, unless it is `lossless`: then every stack waits for them."""
    record_into: str | None = None
    """What the status tells of where streams can be recorded."""
    record_later: bool = False
    """Record nothing until asked."""
    results_depth: int = RESULT_DEPTH
    """Results under way to each viewer; a viewer that is slower misses some."""
    stop_grace_s: float = 5.0
    """When told to stop: how long to go on reconstructing what is queued."""
    vanished_s: float = 10.0
    """With no source connected: how long the stream stays open for its source to come back."""
    part: bool = False
    """It is one of several engines: its only listener gets every result, and it waits for that."""
    farewell_s: float = 2.0
    """After the only stream: how long to wait for the source to ask whether it has arrived."""

    def __post_init__(self) -> None:
        for address in (self.frames, self.results, self.control):
            check_bindable(address)
