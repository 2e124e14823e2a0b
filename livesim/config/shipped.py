"""Find a settings file that comes with livesim by its name alone, such as `er-tirf`."""

from __future__ import annotations

from pathlib import Path

from livesim.config.errors import SettingsError


def shipped_names(folder: Path) -> list[str]:
    """Return the names of the files that come with livesim in `folder`."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def named_file(asked: Path, folder: Path) -> Path:
    """Return the file at the path `asked`, or the one of that name in `folder`.

    A file of the user's own wins over one that comes with livesim.

    Raises
    ------
    SettingsError
        If there is neither.
    """
    shipped = folder / f"{asked}.toml"
    if asked.is_file() or (asked.name == str(asked) and shipped.is_file()):
        return asked if asked.is_file() else shipped
    known = ", ".join(shipped_names(folder))
    raise SettingsError(f"{asked}: expected a TOML file, or one of {known}, found neither")
