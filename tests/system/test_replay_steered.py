"""`livesim replay` in a process of its own, steered by keys at a real terminal and by lines."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager, suppress

import numpy as np
import pytest
import tifffile

from livesim.config.settings import PatternSettings
from livesim.engine.options import EngineOptions
from livesim.engine.process import Engine
from livesim.engine.record.folder import record_into
from livesim.io.read.open import open_recording
from livesim.wire.endpoints import FREE_ADDRESS
from tests.support.running_engine import at_work, averaging
from tests.support.waiting import wait_for

fcntl, pty, termios = map(pytest.importorskip, ("fcntl", "pty", "termios"))

pytestmark = pytest.mark.slow

LIMIT_S = 120.0
TIMES = 200
TOML = "[optics]\nnumerical_aperture = 1.4\nemission_nm = 520.0\npixel_nm = 80.0\n"
AT_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execv(sys.argv[1], sys.argv[1:])"
)


@pytest.fixture
def engine(tmp_path):
    options = EngineOptions(FREE_ADDRESS, FREE_ADDRESS, FREE_ADDRESS, lossless=True)
    recorder = record_into(tmp_path / "out")
    with (
        Engine(options, averaging(), None, recorder) as engine,
        at_work(engine),
    ):
        yield engine


@pytest.fixture
def command(tmp_path, engine):
    """The replay of a recording whose every frame says its number, 1 frame a second."""
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "microscope.toml").write_text(TOML)
    pixels = np.arange(9 * TIMES, dtype=np.uint16)[:, None, None] * np.ones((16, 12), np.uint16)
    tifffile.imwrite(folder / "cells.ome.tif", pixels, ome=True, metadata={"axes": "TYX"})
    words = ["-m", "livesim", "replay", str(folder / "cells.ome.tif"), "--rate", "1"]
    return [sys.executable, *words, "--engine", engine.endpoints.control]


def received(engine):
    return engine.status().stages[0].done


def recorded(tmp_path):
    """Return the numbers of the frames of all whole stacks, once the recording is closed."""
    folder = tmp_path / "out" / "stream-001" / "raw.zarr"
    wait_for(folder.exists)
    with open_recording(folder, PatternSettings()) as recording:
        return [int(frame.pixels[0, 0]) for frame in recording.frames()]


class Terminal:
    """A command at a terminal of its own."""

    def __init__(self, command):
        self.keys, inside = pty.openpty()
        self.modes = termios.tcgetattr(inside)
        self.inside = inside
        at = {"stdin": inside, "stdout": inside, "stderr": inside, "start_new_session": True}
        self.popen = subprocess.Popen([sys.executable, "-c", AT_TERMINAL, *command], **at)
        self.shown = b""
        fcntl.fcntl(self.keys, fcntl.F_SETFL, os.O_NONBLOCK)

    def press(self, keys):
        os.write(self.keys, keys)

    def shows(self, words):
        """Whether the terminal has shown `words` since it was last found to have shown any."""
        with suppress(BlockingIOError):
            self.shown += os.read(self.keys, 1 << 16)
        found = words in self.shown
        if found:
            self.shown = b""
        return found

    def wait(self):
        """Wait for the end; return its status."""
        wait_for(lambda: self.shows(b"\0") or self.popen.poll() is not None)
        return self.popen.returncode


@contextmanager
def terminal(command):
    shown = Terminal(command)
    try:
        yield shown
    finally:
        if shown.popen.poll() is None:
            shown.popen.kill()
            shown.popen.wait()
        os.close(shown.keys)
        os.close(shown.inside)


def test_keys_steer_a_replay_and_the_terminal_is_restored(tmp_path, engine, command):
    with terminal(command) as at:
        wait_for(lambda: at.shows(b"1 frames/s"))
        assert not termios.tcgetattr(at.inside)[3] & termios.ICANON
        at.press(b" ")
        wait_for(lambda: at.shows(b"paused"))
        before = received(engine)
        at.press(b".\x1b[C")  # the rest of this stack, and another one
        wait_for(lambda: received(engine) % 9 == 0 and received(engine) > before + 9)
        at.press(b"m ")
        wait_for(lambda: received(engine) > 90)
        at.press(b"q")
        assert at.wait() == 0
        assert termios.tcgetattr(at.inside) == at.modes
    kept = recorded(tmp_path)
    assert len(kept) >= 90
    assert kept == list(range(len(kept)))


def test_ctrl_c_restores_the_terminal(engine, command):
    with terminal(command) as at:
        wait_for(lambda: received(engine) > 0)
        at.press(b"\x03")
        assert at.wait() == 130
        assert termios.tcgetattr(at.inside) == at.modes


def test_lines_steer_a_replay_and_their_end_stops_it(tmp_path, engine, command):
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "bufsize": 1}
    with subprocess.Popen([*command, "--control", "stdin"], **pipes) as steered:
        try:
            wait_for(lambda: received(engine) > 0)
            steered.stdin.write("step\nfaster\nstep\n")
            wait_for(lambda: received(engine) == 18)
            steered.stdin.write("rate 200\nresume\n")
            wait_for(lambda: received(engine) >= 60)
            said = steered.communicate(timeout=LIMIT_S)[1]
        finally:
            steered.kill()
    assert steered.returncode == 0
    assert "expected a line of pause, resume, step, rate and stop, found 'faster'" in said
    kept = recorded(tmp_path)
    assert kept == list(range(len(kept)))
    assert 54 <= len(kept) < 9 * TIMES
