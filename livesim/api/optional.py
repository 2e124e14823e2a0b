"""Import what only some users have installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from livesim.values.extras import install_command


def imported(name: str, extra: str) -> Any:
    """Import a package of an extra.

    Raises
    ------
    ModuleNotFoundError
        With the line that installs it.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        words = f"expected {name.partition('.')[0]}, found it not installed"
        raise ModuleNotFoundError(f"{words}: {install_command(extra)}") from error
