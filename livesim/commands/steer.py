"""Run `livesim steer`: change settings of a running engine, and wait until they hold."""

from __future__ import annotations

import sys
import time
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

from livesim.config.changes import STEERED, Value
from livesim.config.settings import SettingsError
from livesim.values.errors import DataError
from livesim.wire.control_client import ControlClient
from livesim.wire.status import EngineStatus

PATIENCE_S = 120.0
"""How long an engine may take to prepare: a stream whose next stack does not come never does."""
ASK_EVERY_S = 0.1
MODEL_SUFFIX = ".safetensors"


def steer_engine(
    engine: str, changes: Sequence[str], *, recalibrate: bool = False, record: str = ""
) -> None:
    """Do what was asked for, and wait until it is so.

    Raises
    ------
    SettingsError
        If nothing was asked for, or a text that is not KEY=VALUE.
    DataError
        If the engine refuses: everything stays as it was.
    """
    values = parse_changes(changes)
    if record not in ("", "on", "off"):
        raise SettingsError(f"--record: expected on or off, found '{record}'")
    if not (values or recalibrate or record):
        raise SettingsError(
            "expected KEY=VALUE, --recalibrate or --record on|off, found nothing; keys that can "
            f"change while a stream runs: {', '.join(STEERED)}"
        )
    with ControlClient(engine) as client:
        if values:
            client.steer(values)
            status = _wait(client, lambda one: not one.steering or not one.steering.pending)
            _say_steered(status)
        if recalibrate:
            client.recalibrate()
            _say_pattern(_wait(client, lambda one: not one.steering or not _seeks(one)))
        if record:
            client.record(on=record == "on")
            _say_recording(client.status())


def parse_changes(changes: Sequence[str]) -> dict[str, Value]:
    """Read "key=value" texts; a value is TOML, or a bare word.

    Raises
    ------
    SettingsError
        If one is neither.
    """
    return dict(_parse(change) for change in changes)


def _parse(change: str) -> tuple[str, Value]:
    key, equals, text = change.partition("=")
    if not equals or not text.strip():
        raise SettingsError(f"expected KEY=VALUE, found '{change}'")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        value = text.strip()  # such as none, or the path of a model
    if not isinstance(value, bool | int | float | str):
        raise SettingsError(f"{key}: expected a number, a word, true or false, found '{text}'")
    return key.strip(), _file(value) if isinstance(value, str) else value


def _file(word: str) -> str:
    """Return the whole path of a model file: the engine works in a folder of its own."""
    path = Path(word)
    return str(path.resolve()) if path.suffix == MODEL_SUFFIX and path.is_file() else word


def _wait(client: ControlClient, done: Callable[[EngineStatus], bool]) -> EngineStatus:
    deadline = time.monotonic() + PATIENCE_S
    while not done(status := client.status()):
        if time.monotonic() > deadline:
            raise DataError(
                f"expected the change within {PATIENCE_S:g} s, found it still pending: it is made "
                "with the next raw stack"
            )
        time.sleep(ASK_EVERY_S)
    return status


def _say_steered(status: EngineStatus) -> None:
    steering = status.steering
    if steering is None:
        raise DataError("expected a running stream, found that it has ended")
    if steering.refused is not None:
        raise DataError(f"expected settings that can be used, found: {steering.refused}")
    if steering.since is not None:
        print(f"livesim steer: in use since stack {steering.since}", file=sys.stderr)


def _seeks(status: EngineStatus) -> bool:
    return status.steering is not None and status.steering.recalibrating


def _say_pattern(status: EngineStatus) -> None:
    patterns = {} if status.in_use is None else status.in_use.patterns
    for pattern in patterns.values():
        usable = sum(angle.usable for angle in pattern.angles)
        print(
            f"livesim steer: estimated: {usable} of {len(pattern.angles)} angles show fringes",
            file=sys.stderr,
        )


def _say_recording(status: EngineStatus) -> None:
    where = "not recording" if status.recording is None else f"recording into {status.recording}"
    print(f"livesim steer: {where}", file=sys.stderr)
