"""Read TOML from files and lines that may hold anything."""

from __future__ import annotations

import codecs
import re
import tomllib
from pathlib import Path
from typing import Any

from livesim.config.errors import SettingsError

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""Marks with which a file in UTF-16 begins."""
TOML_CHARACTERS, KEY_PARTS = 1 << 18, 64
"""Of a file and of a key, "a.b" has two: far more than any settings have, and few enough to be read
at once whatever they are."""


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; editors on Windows write a mark in front of it, which is no part of it.

    Raises
    ------
    SettingsError
        If the file cannot be read, or is not TOML.
    """
    try:
        data = path.read_bytes()
        if data.startswith(UTF_16):
            raise SettingsError(
                f"{path}: expected TOML in UTF-8, found UTF-16; save it as UTF-8, as Notepad does "
                "where that is chosen beside 'Encoding'"
            )
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: expected a readable TOML file, found: {error}") from error
    return parse_toml(text, str(path))


def parse_toml(text: str, place: str, what: str = "TOML") -> dict[str, Any]:
    """Parse TOML that may hold anything, such as endless brackets.

    Raises
    ------
    SettingsError
        If it is no TOML: the `place`, `what` was expected and what was found.
    """
    if len(text) > TOML_CHARACTERS:
        raise SettingsError(
            f"{place}: expected {what} of up to {TOML_CHARACTERS} characters, found {len(text)}"
        )
    if (parts := _most_parts(text)) > KEY_PARTS:
        raise SettingsError(f"{place}: expected {what}, found a key of {parts} parts")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise SettingsError(f"{place}: expected {what}, found endless brackets") from error
    except ValueError as error:  # of TOML, or of a number of thousands of digits
        raise SettingsError(f"{place}: expected {what}, found: {error}") from error


def _most_parts(text: str) -> int:
    """Return how many parts the longest dotted key has, for which parsing takes its square."""
    pieces = re.split(r"([=\n,{}\[\]])", text)
    ended = zip(pieces[::2], pieces[1::2], strict=False)
    return 1 + max((piece.count(".") for piece, end in ended if end in "=]"), default=0)
