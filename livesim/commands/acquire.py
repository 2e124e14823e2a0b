"""Run `livesim acquire`: acquire a time-lapse with Micro-Manager, saved and streamed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from livesim.commands.progress import progress_bar
from livesim.config.settings import Settings, SettingsError, load_settings
from livesim.values.errors import DataError
from livesim_acquisition.hook.acquire import Acquired, acquire
from livesim_acquisition.hook.micromanager import opened_core


def acquire_time_lapse(
    config: Path | None, engine: str, out: Path | None, changes: Sequence[str] = ()
) -> None:
    """Acquire what `[acquisition]` says; say on stderr where it lies and what was streamed.

    Parameters
    ----------
    engine
        Its control address.
    out
        Folder that wins over `[acquisition] folder`.

    Raises
    ------
    SettingsError, DataError
        As `acquire`; `DataError` also if frames are missing at the end.
    KeyboardInterrupt
        After an interrupted acquisition has been ended in order.
    """
    settings = acquisition_settings(config, out, changes)
    with opened_core(settings) as core, progress_bar("acquire") as bar:
        acquired = acquire(settings, core, engine, bar.show)
    _report(acquired)


def acquisition_settings(config: Path | None, out: Path | None, changes: Sequence[str]) -> Settings:
    """Read the settings; without `config` the only TOML file in the working folder.

    Raises
    ------
    SettingsError
        If there is no such file, or not one alone, or it is wrong.
    """
    found = [config] if config is not None else sorted(Path().glob("*.toml"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise SettingsError(f"expected --config or one TOML file in this folder, found {names}")
    # Resolved, so that paths inside it mean the same in another process.
    settings = load_settings(found[0].resolve(), ["acquisition={}", *changes])
    if out is None or settings.acquisition is None:
        return settings
    own = settings.acquisition.model_copy(update={"folder": out})
    return settings.model_copy(update={"acquisition": own})


def _report(acquired: Acquired) -> None:
    counts = acquired.counts
    print(
        f"livesim acquire: {counts.offered} of {acquired.frames} frames in {acquired.folder}; "
        f"{counts.sent} sent, {counts.received} received by the engine, {counts.unsent} given up",
        file=sys.stderr,
    )
    if acquired.interrupted:
        raise KeyboardInterrupt
    if counts.offered < acquired.frames:
        raise DataError(
            f"{acquired.folder}: expected {acquired.frames} frames, found {counts.offered}"
        )
