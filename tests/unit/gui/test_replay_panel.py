"""A replay from the window: what it says of itself, what it is told, and with which engine."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("qtpy.QtWidgets", reason="Qt's system libraries", exc_type=ImportError)

from qtpy.QtCore import QProcess, Qt
from qtpy.QtWidgets import QFileDialog

from livesim.config.settings import SettingsError
from livesim_gui.backend import make_backend
from livesim_gui.children.replay import ReplayChild
from livesim_gui.state.stream.feed import Feed
from livesim_gui.state.time.replay import Replay, ReplayWish
from livesim_gui.state.viewer import Viewer
from livesim_gui.window import Window
from tests.doubles.fake_engine import FakeEngine

WAIT_MS = 60_000
LINE = '{"recording": "a.tif", "sent": 12, "total": 90, "paused": true, "rate": "20"}'
OBEYS = """
import json, sys
told = {"sent": 9, "total": 90, "paused": False, "rate": sys.argv[sys.argv.index("--rate") + 1]}
print("livesim replay: a warning", file=sys.stderr, flush=True)
print(json.dumps(told), flush=True)
for line in sys.stdin:
    word, _, rest = line.strip().partition(" ")
    if word == "stop":
        break
    told["paused"] = word in ("pause", "step") or told["paused"] and word != "resume"
    told["sent"] += 9 * (word == "step")
    told["rate"] = rest or told["rate"]
    print(json.dumps(told), flush=True)
print("livesim replay: a.tif: 9 frames sent, 9 received", file=sys.stderr)
"""
FAILS = "import sys; sys.exit('livesim: a.tif: expected a recording, found an empty file')"


def test_what_is_opened_becomes_the_flags_of_the_command():
    flags = ReplayWish(Path("/data/a.tif"), Path("/data/m.toml")).flags("tcp://127.0.0.1:9", "20")
    assert flags[:3] == ["/data/a.tif", "--config", "/data/m.toml"]
    assert flags[3:] == [
        *("--control", "stdin", "--json", "--engine", "tcp://127.0.0.1:9", "--rate", "20")
    ]
    assert "--config" not in ReplayWish(Path("/data/a.tif")).flags("tcp://127.0.0.1:9", "real")


def test_the_words_are_the_replays_own():
    replay = Replay("a.tif", running=True)
    assert replay.words == "a.tif: opens…"
    replay = replay.heard(LINE)
    assert (replay.words, replay.main_words) == ("a.tif: 12 of 90 frames, paused", "Go on")
    told = replay.complained("livesim replay: expected an exposure\n")
    assert told.words.endswith("\nexpected an exposure")
    assert told.ended(1).words == "expected an exposure"
    assert told.ended(1).main_words == "Again"
    assert replay.ended(3).words == "The replay ended with 3."
    assert replay.ended(0).words == ""


def test_a_stream_is_known_as_the_replays_until_another_begins():
    ended = Replay("a.tif", running=True).ended(0)
    assert ended.is_of("a.tif")
    assert not ended.is_of("camera")
    assert not Replay().is_of(None)


@pytest.mark.parametrize("line", ["", "a library's warning", "[1]", '{"sent": 3}', "null"])
def test_other_lines_change_nothing(line):
    replay = Replay("a.tif", running=True, sent=5)
    assert replay.heard(line) == replay


def test_a_rate_that_is_not_on_the_list_is_shown_all_the_same():
    running = Replay("a.tif", running=True).heard(LINE.replace("true", "false"))
    assert Replay.words.fget(running).endswith("20 frames/s")
    odd = running.heard(LINE.replace("true", "false").replace('"20"', '"3.5"'))
    assert odd.words.endswith("3.5 frames/s")


class StubLauncher:
    """Starts nothing but says where an engine listens; settings belong to names with an m."""

    def __init__(self, address):
        self.engine, self.simulating, self.started = None, False, []
        self._address = address

    def start_engine(self, record, config, *, at_once):
        self.started.append(at_once)
        self.engine = self._address
        return self._address

    def find_recording(self, chosen):
        if not chosen.name.startswith("m"):
            raise SettingsError(f"{chosen}: expected one TOML file beside it, found none")
        return chosen

    def close(self):
        """End nothing."""


@pytest.fixture
def engine():
    with FakeEngine(stream=None) as engine:
        yield engine


@pytest.fixture
def window(qtbot, tmp_path, engine):
    feed = Feed()
    launcher = StubLauncher(engine.address)
    window = Window(Viewer(feed), make_backend(feed, launcher), tmp_path / "viewer.ini")
    window.launcher = launcher
    window.replay._process.command = (sys.executable, "-c", OBEYS)
    qtbot.addWidget(window)
    with qtbot.waitActive(window, timeout=WAIT_MS):
        window.show()
        window.activateWindow()
    yield window
    window.close()


def child_of(window):
    return window.replay


def test_an_engine_is_started_first_and_the_buttons_steer_the_replay(window, qtbot):
    bar = window.widgets.control.replay
    window.widgets.control.at_once.setChecked(False)
    bar.rate.setCurrentIndex(bar.rate.findData("20"))
    window.user_actions.replay.open(Path("/data/m.tif"))
    qtbot.waitUntil(lambda: "9 of 90 frames, 20 frames/s" in bar.words.text(), timeout=WAIT_MS)
    assert "a warning" in bar.words.text()
    assert window.launcher.started == [False]
    qtbot.keyClick(window, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: bar.main.text() == "Go on", timeout=WAIT_MS)
    qtbot.keyClick(window, Qt.Key.Key_Period)
    qtbot.waitUntil(lambda: bar.progress.value() == 18, timeout=WAIT_MS)
    bar.main.click()
    qtbot.waitUntil(lambda: bar.main.text() == "Pause", timeout=WAIT_MS)
    bar.rate.setCurrentIndex(bar.rate.findData("max"))
    bar.rate.activated.emit(bar.rate.currentIndex())
    qtbot.waitUntil(lambda: "as fast as it goes" in bar.words.text(), timeout=WAIT_MS)
    bar.stop.click()
    qtbot.waitUntil(lambda: "9 frames sent, 9 received" in bar.words.text(), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: bar.main.text() == "Again", timeout=WAIT_MS)
    assert not bar.step.isEnabled()
    bar.main.click()
    qtbot.waitUntil(lambda: bar.main.text() == "Pause", timeout=WAIT_MS)
    assert len(window.launcher.started) == 1, "the engine that is connected takes it"


def test_another_recording_ends_the_one_that_runs(window, qtbot):
    window.user_actions.replay.open(Path("/data/m1.tif"))
    qtbot.waitUntil(lambda: child_of(window).state.sent == 9, timeout=WAIT_MS)
    window.user_actions.replay.open(Path("/data/m2.tif"))
    qtbot.waitUntil(lambda: child_of(window).state.name == "m2.tif", timeout=WAIT_MS)
    qtbot.waitUntil(lambda: child_of(window).state.sent == 9, timeout=WAIT_MS)


def test_without_settings_it_asks_for_some(window, qtbot, monkeypatch):
    chosen = iter(["", "/data/microscope.toml"])
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (next(chosen), ""))
    bar = window.widgets.control.replay
    window.user_actions.replay.open(Path("/data/cells.tif"))
    qtbot.waitUntil(lambda: "expected one TOML file" in bar.words.text(), timeout=WAIT_MS)
    assert not child_of(window).state.running
    window.user_actions.replay.open(Path("/data/cells.tif"))
    qtbot.waitUntil(lambda: child_of(window).state.running, timeout=WAIT_MS)
    assert window.user_actions.replay._opened == ReplayWish(
        Path("/data/cells.tif"), Path("/data/microscope.toml")
    )


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ((sys.executable, "-c", FAILS), "a.tif: expected a recording, found an empty file"),
        (("/no/such/livesim",), "could not be started"),
    ],
)
def test_a_replay_that_fails_says_why(qtbot, command, words):
    child = ReplayChild(None, command)
    child.start(ReplayWish(Path("a.tif")), "tcp://127.0.0.1:9", "real")
    qtbot.waitUntil(lambda: not child.state.running, timeout=WAIT_MS)
    assert words in child.state.words
    child.close()


def test_the_window_ends_its_replay(window, qtbot):
    window.user_actions.replay.open(Path("/data/m.tif"))
    qtbot.waitUntil(lambda: child_of(window).state.sent == 9, timeout=WAIT_MS)
    window.close()
    assert child_of(window)._process.exitCode() == 0
    assert child_of(window)._process.state() == QProcess.ProcessState.NotRunning
