"""Run `livesim serve`: the live picture in browsers, and a page to try a recording on."""

from __future__ import annotations

import os
import secrets
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from livesim.config.settings import SettingsError
from livesim.values.extras import install_command
from livesim.wire.endpoints import default_keys

NEEDED = ("starlette", "uvicorn", "wsproto")
TOKEN_FILE = "browser.token"
"""In the folder of keys."""
TRIAL = (sys.executable, "-m", "livesim", "trial")
MIB = 1 << 20
NICENESS = 10
"""The engine, and whatever records, goes before those who watch."""


def run_serve(
    engine: str, listen: str, token_file: Path | None, *, upload_mib: int, trials: bool
) -> None:
    """Serve until a signal ends it.

    Parameters
    ----------
    engine
        Control endpoint.
    listen
        As a user types it.
    token_file
        None = that in the folder of keys where other machines can come in; else none.
    upload_mib
        Of a recording that is tried, at most.
    trials
        Whether recordings can be tried at all.

    Raises
    ------
    SettingsError
        If a package is missing, or the address or the token cannot be used.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise SettingsError(
            f"livesim serve needs {' and '.join(missing)}: {install_command('serve')}"
        )
    from livesim_gui.browser.server import Listening, listening, serve
    from livesim_gui.browser.trial import TrialLimits, Trials
    from livesim_gui.browser.upload import UploadLimits

    usual = default_keys() / TOKEN_FILE
    if token_file is None and not _on_this_machine(listen) and usual.is_file():
        token_file = usual
    where: Listening = listening(listen, None if token_file is None else read_token(token_file))
    limits = TrialLimits(UploadLimits(upload_mib * MIB))
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    with suppress(KeyboardInterrupt):  # how a server is ended
        serve(where, engine, Trials(TRIAL, limits) if trials else None)


def read_token(file: Path) -> str:
    """Return the token that a file holds.

    Raises
    ------
    SettingsError
        If it cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: expected a token, found: {error}") from error


def make_token(folder: Path) -> None:
    """Make the token that lets browsers on other machines in, unless there is one; print it."""
    file = folder / TOKEN_FILE
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.touch(mode=0o600)  # before there is anything in it to be read
        file.write_text(secrets.token_urlsafe(24) + "\n", encoding="utf-8")
    print(f"{read_token(file)}\nthe token in {file}: type it into the page, or write it behind the")
    print("address with a # between them")


def _on_this_machine(listen: str) -> bool:
    from livesim_gui.browser.server import listening

    try:
        listening(listen, None)
    except SettingsError:
        return False
    return True
