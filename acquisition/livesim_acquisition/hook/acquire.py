"""Acquire a SIM time-lapse with pycromanager, saved as NDTiff and streamed to the engine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livesim.config.acquisition import Acquisition
from livesim.config.settings import Settings, SettingsError
from livesim.values.errors import DataError
from livesim_acquisition.hook.background_sender import BackgroundSender, Counts
from livesim_acquisition.hook.event_checks import check_events
from livesim_acquisition.hook.events import (
    Event,
    acquisition_of,
    make_events,
    sizes_of,
    stream_sizes,
)
from livesim_acquisition.hook.hook import make_hook, make_saved_hook

POLL_S = 0.1
BRIDGE_BYTES_PER_S = 100e6
"""That the Java bridge carries at least, by what pycromanager's authors say."""

Hook = Callable[..., Any]
"""Called by pycromanager."""
HOOKS: Mapping[str, tuple[str, Callable[[BackgroundSender], Hook]]] = {
    "camera": ("image_process_fn", make_hook),
    "disk": ("image_saved_fn", make_saved_hook),
}
"""By where the frames are streamed from: their name in pycromanager, and what makes them."""

Progress = Callable[[int, int], None]
"""(frames taken, frames in all)."""


@dataclass(frozen=True, slots=True)
class Acquired:
    """What became of an acquisition."""

    folder: Path
    """The NDTiff data set."""
    counts: Counts
    """What was streamed of it; `offered` is what the camera took."""
    frames: int
    """That were asked for."""
    interrupted: bool


def acquire(
    settings: Settings,
    core: Any,
    engine: str,
    progress: Progress = lambda taken, total: None,
    hooks: Mapping[str, Hook] | None = None,
) -> Acquired:
    """Let pycromanager acquire what the settings say, into a new folder, and stream it.

    Ctrl-C ends the acquisition in order: what has been taken is saved and streamed.

    Parameters
    ----------
    core
        Of Micro-Manager, see `micromanager.opened_core`.
    engine
        Its control address; where no engine answers, the acquisition goes on without it.
    hooks
        More functions for pycromanager, such as `post_camera_hook_fn`, which starts a generator.

    Raises
    ------
    SettingsError
        If the events would go wrong, or the microscope has no such channel or no focus drive.
    DataError
        If there is no room on the disk, or the microscope fails.
    """
    own = acquisition_of(settings)
    events = make_events(settings)
    check_events(events, settings.pattern)
    _check_microscope(own, core)
    _check_room(own, core, len(events))
    with BackgroundSender(
        engine, settings, sizes=stream_sizes(own), interval_s=own.interval_s or None
    ) as sender:
        run = _start(own, events, {**(hooks or {}), **_hooks(own, core, sender)})
        interrupted = _wait(run, lambda: progress(sender.counts.offered, len(events)))
        folder = Path(run.get_dataset().path)
    return Acquired(folder, sender.counts, len(events), interrupted)


def _start(own: Acquisition, events: list[Event], hooks: dict[str, Hook]) -> Any:
    from pycromanager import Acquisition as PycromanagerAcquisition

    own.folder.mkdir(parents=True, exist_ok=True)
    run = PycromanagerAcquisition(
        directory=str(own.folder.resolve()),
        name=own.name,
        show_display=False,
        port=own.port,
        **hooks,
    )
    run.acquire(events)
    run.mark_finished()
    return run


def _wait(run: Any, look: Callable[[], None]) -> bool:
    """Wait until all is acquired and saved; return whether Ctrl-C has ended it before.

    pycromanager joins its threads where Ctrl-C cannot reach it, so a thread of its own waits.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="livesim acquisition") as pool:
        ended: Future[None] = pool.submit(run.await_completion)
        try:
            while not wait([ended], timeout=POLL_S).done:
                look()
        except KeyboardInterrupt:
            run.abort()
            # Again, should abort have swept the mark away: without it, the wait would never end.
            run.mark_finished()
            _result(ended)
            return True
        _result(ended)
    look()
    return False


def _result(ended: Future[None]) -> None:
    try:
        ended.result()
    except Exception as error:  # pycromanager raises bare Exception
        raise DataError(f"expected the acquisition to go through, found: {error}") from error


def _hooks(own: Acquisition, core: Any, sender: BackgroundSender) -> dict[str, Hook]:
    """Return the hook that hands the frames to the sender, by its name in pycromanager."""
    chosen = own.stream_from
    if chosen == "auto":
        chosen = "disk" if _too_fast(own, core) else "camera"
    name, make = HOOKS[chosen]
    return {name: make(sender)}


def _too_fast(own: Acquisition, core: Any) -> bool:
    """Whether the Java bridge is too slow for the camera's frames."""
    exposure_ms = own.exposure_of(0) or core.get_exposure()
    return own.backend == "java" and _frame_bytes(core) * 1000.0 / exposure_ms > BRIDGE_BYTES_PER_S


def _frame_bytes(core: Any) -> int:
    return int(core.get_image_width() * core.get_image_height() * core.get_bytes_per_pixel())


def _check_microscope(own: Acquisition, core: Any) -> None:
    missing = [one for one in own.channels if not core.is_config_defined(own.channel_group, one)]
    if missing:
        raise SettingsError(
            f"[acquisition] expected channels that are presets of the group '{own.channel_group}', "
            f"found no preset '{missing[0]}' in Micro-Manager"
        )
    if own.z_um and not core.get_focus_device():
        raise SettingsError("[acquisition] expected a focus drive for z, found none")


def _check_room(own: Acquisition, core: Any, frames: int) -> None:
    own.folder.mkdir(parents=True, exist_ok=True)
    needed, free = frames * _frame_bytes(core), shutil.disk_usage(own.folder).free
    if free < needed:
        sizes = " x ".join(f"{size} {axis}" for axis, size in sizes_of(own).items())
        raise DataError(
            f"{own.folder}: expected room for {needed / 1e9:.1f} GB ({frames} frames, {sizes}), "
            f"found {free / 1e9:.1f} GB"
        )
