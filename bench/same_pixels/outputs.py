"""Run the commands of a checkout on a recording, and keep what they make.

Making them costs five processes and some twenty seconds a recording; what is kept costs nothing.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import subprocess
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from threading import Timer

from bench.same_pixels.checkout import LIMIT_S, REPEATABLE, Checkout, last_line

PATTERN, PLAIN, DEFAULT, LIVE = ("pattern.json", "plain.ome.tif", "default.ome.tif", "live")
"""What is made in the folder of a recording."""
_LOG, _MADE = "log.txt", "made.json"
"""The second is written last: a folder without it is not complete."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a checkout made of one recording."""

    folder: Path
    seconds: float
    """How long it took when it was made."""
    kept: bool
    """It was made by an earlier run."""
    failures: tuple[str, ...] = ()
    """One sentence for each command that failed."""


def outputs(checkout: Checkout, raw: Path, keep: Path) -> Made:
    """Return what a checkout makes of a recording: found in `keep`, or made there now."""
    commit = checkout.commit
    folder = keep.resolve() / commit[:12] / f"{raw.stem}-{_digest(raw)}"
    if (folder / _MADE).exists():
        return Made(folder, json.loads((folder / _MADE).read_text())["seconds"], kept=True)
    if folder.exists():
        shutil.rmtree(folder)  # an earlier run was interrupted, or a command of it failed
    folder.mkdir(parents=True)
    made = _make(checkout, raw.resolve(), folder)
    if not made.failures and checkout.clean and checkout.commit == commit:  # not edited meanwhile
        (folder / _MADE).write_text(json.dumps({"seconds": made.seconds}), encoding="utf-8")
    return made


def _make(checkout: Checkout, raw: Path, folder: Path) -> Made:
    """Calibrate, restore with and without networks, and stream the recording into an engine."""
    began = time.monotonic()
    with_pattern = ("restore", raw, "--pattern", PATTERN)
    said = (
        _run(checkout, folder, "calibrate", raw, "--out", PATTERN),
        _run(checkout, folder, *with_pattern, "--steps", "reconstruct", "--out", PLAIN),
        _run(checkout, folder, *with_pattern, "--out", DEFAULT),
        _stream(checkout, folder, raw),
    )
    return Made(folder, time.monotonic() - began, kept=False, failures=tuple(filter(None, said)))


def _run(checkout: Checkout, folder: Path, *words: str | Path) -> str:
    """Run a sub-command to its end; return "", or a sentence on how it failed."""
    try:
        with (folder / _LOG).open("a", encoding="utf-8") as log:
            done = subprocess.run(
                checkout.command(*words),
                env=checkout.environment,
                cwd=folder,
                stdout=log,
                stderr=log,
                timeout=LIMIT_S,
            )
    except subprocess.TimeoutExpired:
        return f"{folder.name}: expected `livesim {words[0]}` to end in {LIMIT_S:g} s"
    return _failure(folder, str(words[0]), done.returncode)


def _failure(folder: Path, name: str, status: int) -> str:
    if status == 0:
        return ""
    text = last_line((folder / _LOG).read_text(encoding="utf-8"))
    return f"{folder.name}: expected `livesim {name}` to end with 0, found {status}: {text}"


def _stream(checkout: Checkout, folder: Path, raw: Path) -> str:
    """Replay a recording into an engine on free ports that records it and ends.

    Lossless, so that no raw stack is skipped on a busy machine.
    """
    ports = [f"--{name}=tcp://127.0.0.1:0" for name in ("frames", "results", "control")]
    flags = ("--tied", "--once", "--lossless", f"--record={LIVE}", *ports)
    with (
        (folder / _LOG).open("a", encoding="utf-8") as log,
        subprocess.Popen(
            checkout.command("engine", *flags),
            env=checkout.environment,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as engine,
    ):
        limit = Timer(LIMIT_S, engine.kill)
        limit.start()
        assert engine.stdout is not None
        words = engine.stdout.readline().split()  # listening: frames F results R control C
        failure = _replay(checkout, folder, raw, words)
        if failure:
            engine.kill()  # it would wait for a stream
        status = engine.wait()
        limit.cancel()
    return failure or _failure(folder, "engine", status)


def _replay(checkout: Checkout, folder: Path, raw: Path, words: list[str]) -> str:
    if "control" not in words:
        return f"{folder.name}: expected the engine to say where it listens, found {words}"
    control = words[words.index("control") + 1]
    return _run(checkout, folder, "replay", raw, "--rate", "max", "--engine", control)


def _digest(raw: Path) -> str:
    """Return what tells a recording, its settings and this machine from any others."""
    versions = [f"{name} {version(name)}" for name in ("torch", "numpy", "scipy")]
    machine = repr((_processor(), platform.python_version(), REPEATABLE, *versions)).encode()
    files = (raw.read_bytes(), raw.with_suffix(".toml").read_bytes())
    return hashlib.sha256(b"".join((*files, machine))).hexdigest()[:12]


def _processor() -> str:
    """Return the processor's name: torch chooses its instructions by it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next((line for line in lines if line.startswith("model name")), platform.processor())
