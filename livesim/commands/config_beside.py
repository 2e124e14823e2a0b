"""A recording -> the settings file that lies beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from livesim.config import Settings, SettingsError, load_settings


def settings_for(raw: Path, config: Path | None, changes: Sequence[str] = ()) -> Settings:
    """Read `config`, or else the settings file beside a recording; `changes` win over it.

    That is the TOML file with the recording's name (up to its first dot), or else the only TOML
    file in its folder.

    Raises
    ------
    SettingsError
        If there is none, more than one, or what it says is wrong.
    """
    # Resolved, so that paths inside it mean the same in another process.
    return load_settings((config or _beside(raw)).resolve(), changes)


def _beside(raw: Path) -> Path:
    same_name = raw.with_name(f"{raw.name.split('.')[0]}.toml")
    if same_name.is_file():
        return same_name
    found = sorted(raw.parent.glob("*.toml"))
    if len(found) != 1:
        raise SettingsError(
            f"{raw}: expected {same_name.name} or one TOML file beside it, "
            f"found {', '.join(file.name for file in found) or 'none'}; or give --config"
        )
    return found[0]
