"""Read the settings of a simulation, and stream it to an engine."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console

import livesim_acquisition
from livesim.commands.progress import progress_bar
from livesim.config.settings import Settings, SettingsError, load_settings
from livesim.config.shipped import named_file, shipped_names
from livesim.wire.sockets import Keep
from livesim_acquisition.microscope.live_source import (
    Timing,
    at_rate,
    prefetch_frames,
    stream_prefetched,
)
from livesim_acquisition.microscope.microscope import SimulatedMicroscope
from livesim_acquisition.microscope.prefetch import Prefetch
from livesim_acquisition.replay.rate import Rate
from livesim_acquisition.sender import Sender

HELD = 0.98
"""Share of the rate asked for, below which the user is warned."""


SIMULATIONS = Path(livesim_acquisition.__file__).parent / "simulations"
"""Settings files that come with livesim."""


def shipped_simulations() -> str:
    """Return the name of every simulation that comes with livesim, and what it is, line by line."""
    names = shipped_names(SIMULATIONS)
    width = max(map(len, names))
    paths = [SIMULATIONS / f"{name}.toml" for name in names]
    firsts = [path.read_text(encoding="utf-8").partition("\n")[0] for path in paths]
    lines = zip(names, firsts, strict=True)
    return "\n".join(f"{name:{width}}  {first.lstrip('# ')}" for name, first in lines)


def simulation_settings(config: Path, changes: Sequence[str]) -> Settings:
    """Read a settings file; what it leaves out of `[simulation]` has its defaults.

    Parameters
    ----------
    config
        Its path, or the name of a simulation that comes with livesim.

    Raises
    ------
    SettingsError
        As `load_settings`.
    """
    # Resolved, so that paths inside it mean the same elsewhere.
    return load_settings(named_file(config, SIMULATIONS).resolve(), ["simulation={}", *changes])


def simulation_changes(size: str | None, time_points: int | None, seed: int | None) -> list[str]:
    """Return flags of the command line as changes of the settings.

    Raises
    ------
    SettingsError
        If the size is neither rows nor rows x columns.
    """
    changes = [] if size is None else [_size_change(size)]
    changes += [] if time_points is None else [f"simulation.time_points={time_points}"]
    return changes + ([] if seed is None else [f"simulation.seed={seed}"])


def _size_change(text: str) -> str:
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdecimal() for part in parts):
        raise SettingsError(
            f"--size: expected rows, or rows x columns such as 256x384, found '{text}'"
        )
    return f"simulation.size=[{int(parts[0])}, {int(parts[-1])}]"


def simulate_stream(settings: Settings, engine: str, rate: Rate | float) -> None:
    """Stream a simulation to an engine; say on stderr what became of its frames.

    Parameters
    ----------
    engine
        Its control endpoint.
    rate
        Frames per second; `Rate.REAL` = as the settings say, `Rate.MAX` = without pacing.

    Raises
    ------
    SettingsError, DataError
        As `stream_prefetched`.
    """
    paced = rate is not Rate.MAX
    microscope = SimulatedMicroscope(at_rate(settings, rate))
    torch.set_num_threads(max(1, torch.get_num_threads() - 1))  # one is left for the sender
    with (
        # A camera does not wait: what the engine does not take in time is given up and counted.
        Sender(engine, Keep.DROP_OLDEST if paced else Keep.BLOCK) as sender,
        prefetch_frames(microscope) as ahead,
    ):
        total = microscope.own.time_points * microscope.instrument.frames
        if paced:
            simulate_ahead(ahead, 1.0 / microscope.instrument.frame_interval_s, total)
        with progress_bar("frames sent", total) as bar:
            timing = stream_prefetched(microscope, ahead, sender, paced=paced, progress=bar.show)
    print(_words(timing, None if not paced else microscope), file=sys.stderr)


def simulate_ahead(
    ahead: Prefetch, rate: float, total: int, console: Console | None = None
) -> None:
    """Wait until `total` frames can be sent at `rate` a second, and show how far that is."""
    with progress_bar("frames simulated before sending begins", total, console) as bar:
        ahead.wait_for(rate, total, lambda made: bar.show(made, total))


def _words(timing: Timing, paced: SimulatedMicroscope | None) -> str:
    delivery = timing.delivery
    words = (
        f"livesim simulate: {delivery.sent} frames sent at {timing.frames_per_s:.1f} frames/s, "
        f"{delivery.received} received, {delivery.unsent} given up"
    )
    if paced is None:
        return words
    asked = 1.0 / paced.instrument.frame_interval_s
    own = paced.instrument.frames / paced.stack_interval_s
    if timing.behind and timing.frames_per_s < HELD * min(asked, own):
        words += (
            f"; {min(asked, own):.1f} frames/s were asked for, but {timing.behind} frames were "
            "simulated or taken too slowly: choose a smaller size, or fewer time points"
        )
    return words
