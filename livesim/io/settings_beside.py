"""Find the settings and the pattern that belong to a recording."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from livesim.config.settings import Settings, SettingsError, load_settings, parse_settings
from livesim.io.recording_files import (
    PATTERN_LOG_NAME,
    PATTERN_NAME,
    RAW_NAME,
    SETTINGS_LOG_NAME,
    WEIGHTS_LOG_NAME,
    check_there,
    finished_name,
    of_channel,
)
from livesim.values.errors import DataError


def settings_for(raw: Path, config: Path | None, changes: Sequence[str] = ()) -> Settings:
    """Read `config`, or else the settings that belong to a recording; `changes` win over them.

    Those are in the TOML file with the recording's name, or in the only TOML file in its folder,
    or, in a recording of livesim's own, inside it. Of "cells_0.5.ome.tif" the longest name wins:
    "cells_0.5.ome.toml", then "cells_0.5.toml". Of a symbolic link they lie beside it or its
    target.

    Raises
    ------
    DataError
        If there is no such recording.
    SettingsError
        If there are none, more than one file, or what they say is wrong.
    """
    check_there(raw)
    beside = [] if config is not None else _beside(raw)
    if config is None and not beside and (raw / "zarr.json").is_file():
        return _recorded(raw, changes)
    if config is None and len(beside) != 1:
        raise _not_one(raw, beside)
    # Resolved, so that paths inside it mean the same in another process.
    return load_settings((config or beside[0]).resolve(), changes)


def pattern_for(raw: Path) -> Path | None:
    """Return the pattern that the engine used for a recording of livesim's own, if it is one.

    With it the result is that of the live run, pixel by pixel. Of several channels it is that of
    the first one.
    """
    if not _is_own(raw):
        return None
    others = sorted(raw.parent.glob(of_channel(PATTERN_NAME, "*")))
    found = [raw.with_name(PATTERN_NAME), *others]
    return next((file for file in found if file.is_file()), None)


def own_pattern_files(raw: Path, pattern_file: Path, channel: int) -> tuple[Path, Path | None]:
    """Return the pattern of a channel and the log of its changes, None = there is none.

    That is `pattern_file` for every channel, unless it is the recording's own: then a channel has
    one of its own. Older recordings have one for all channels.
    """
    if pattern_file != pattern_for(raw):
        return pattern_file, None
    own = raw.with_name(of_channel(PATTERN_NAME, channel))
    log = raw.with_name(of_channel(PATTERN_LOG_NAME, channel if own.is_file() else 0))
    return own if own.is_file() else pattern_file, log if log.is_file() else None


def weights_log_for(raw: Path, channel: int) -> Path | None:
    """Return the log of a channel's weights in a recording of livesim's own, if there is one."""
    log = raw.with_name(of_channel(WEIGHTS_LOG_NAME, channel))
    return log if _is_own(raw) and log.is_file() else None


def follows_live(raw: Path, config: Path | None, changes: Sequence[str] = ()) -> bool:
    """Whether a recording of livesim's own is restored with its own settings.

    Then what the live run logged of settings and weights is followed.
    """
    return config is None and not changes and not _beside(raw) and _is_own(raw)


def settings_logs_for(raw: Path) -> tuple[Path, ...]:
    """Return the logs of the settings in a recording of livesim's own.

    One engine has one log of all channels; of several, each channel has its own.
    """
    return tuple(
        log
        for name in (SETTINGS_LOG_NAME, of_channel(SETTINGS_LOG_NAME, "*"))
        for log in sorted(raw.parent.glob(name))
        if log.is_file()
    )


def settings_named_after(raw: Path) -> Path | None:
    """Return the TOML file beside a recording that has its name, if there is one."""
    same_name = (raw.with_name(name) for name in _toml_names(raw))
    return next((file for file in same_name if file.is_file()), None)


def _is_own(raw: Path) -> bool:
    """Whether an engine recorded it, also where the engine never came to close it."""
    return finished_name(raw).name == RAW_NAME


def _beside(raw: Path) -> list[Path]:
    """Return the TOML files that may belong to a recording: one, if it has its name.

    One that has the name of a link's target belongs to it before another that lies beside the link.
    """
    places = tuple(dict.fromkeys((raw, raw.resolve())))
    named = (settings_named_after(place) for place in places)
    others = (sorted(place.parent.glob("*.toml")) for place in places)
    return next(([found] for found in named if found), None) or next(filter(None, others), [])


def _toml_names(raw: Path) -> list[str]:
    """Return what the settings of a recording may be called: its name, cut at a dot."""
    parts = raw.name.split(".")
    return [f"{'.'.join(parts[:end])}.toml" for end in range(len(parts), 0, -1)]


def _recorded(raw: Path, changes: Sequence[str]) -> Settings:
    from livesim.io.write.results import read_recipe  # loads the file formats: only where needed

    try:
        settings = read_recipe(raw).settings
    except DataError as error:
        raise _not_one(raw, []) from error
    values = settings.model_dump(mode="json", exclude_none=True)
    return parse_settings(values, str(raw), raw.parent, changes)


def _not_one(raw: Path, found: Sequence[Path]) -> SettingsError:
    names = _toml_names(raw)
    return SettingsError(
        f"{raw}: expected {', '.join(names[1:] or names)} or one TOML file beside it, "
        f"found {', '.join(file.name for file in found) or 'none'}; or give --config"
    )
