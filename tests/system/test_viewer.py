"""The viewer as a user runs it: engine, simulated microscope and window, real processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tomli_w
import torch

pytest.importorskip("qtpy.QtWidgets", reason="Qt's system libraries", exc_type=ImportError)

from qtpy.QtCore import Qt

from livesim.config.changes import value_of
from livesim.io.read.open import open_recording
from livesim.processes.viewer_children import Children
from livesim.reconstruction.otf import Otf
from livesim_acquisition.microscope.demo import SETTINGS, demo_settings
from livesim_acquisition.microscope.microscope import SimulatedMicroscope
from livesim_gui.app import ViewOptions, make_window
from livesim_gui.state.health.health import NOT_RECORDED
from livesim_gui.state.picture.stages import PLAIN, STEP_ONE
from livesim_gui.state.steering import FOLLOW, SCALES, WIENER
from livesim_gui.state.time.timeline import Mode
from livesim_models.evaluation.reference import reference
from livesim_models.evaluation.residual import inside
from livesim_models.evaluation.similarity import BORDER
from livesim_models.trust.maps import HAZE, mean_around
from tests.support.viewer_window import pixels

pytestmark = pytest.mark.slow

SIZE = 128
WAIT_MS = 120_000
LIT = 40
"""Grey level from which on a pixel is one of the picture."""
CAPTION = 100
"""Rows of the picture in which it says what it shows."""
FRAMES = 9
"""Of a raw stack."""
LIVESIM = [sys.executable, "-m", "livesim"]
VIEW = [*LIVESIM, "view"]


@pytest.fixture
def simulation(tmp_path):
    """The demo's microscope in small, as a settings file."""
    settings = demo_settings(SIZE, 500.0, stacks=600)
    own = settings.simulation.model_copy(update={"readout_ms": 20.0})
    values = settings.model_copy(update={"simulation": own})
    path = tmp_path / "filaments.toml"
    path.write_text(values.to_toml(), encoding="utf-8")
    return path


def test_from_nothing_to_a_picture_and_back_in_time(qtbot, tmp_path, simulation):
    children = Children()
    options = ViewOptions(
        start_engine=True,
        record=tmp_path / "recordings",
        config=simulation,
        settings_file=tmp_path / "viewer.ini",
    )
    window = make_window(options, children)
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.show()
    widgets = window.widgets
    qtbot.waitUntil(lambda: "waiting for a stream" in widgets.top.word.text(), timeout=WAIT_MS)
    nothing = pixels(widgets.picture)
    widgets.control.simulator_button.click()
    qtbot.waitUntil(lambda: window.presenter.drawn > 5, timeout=WAIT_MS)
    assert _lit(pixels(widgets.picture)) > 3 * _lit(nothing)
    # Before its pattern is known the mean of the frames is shown.
    display = window.viewer.display
    qtbot.waitUntil(lambda: display.scene.main.stage.name == PLAIN, timeout=WAIT_MS)
    drawn = window.presenter.drawn
    qtbot.waitUntil(lambda: window.presenter.drawn > drawn + 1, timeout=WAIT_MS)

    # The split view differs on its left side only: there is widefield, which has fewer fine lines.
    qtbot.keyClick(window, Qt.Key.Key_Left)
    window.draw()
    one = pixels(widgets.picture)[CAPTION:-60]
    qtbot.keyClick(window, Qt.Key.Key_X)
    window.draw()
    both = pixels(widgets.picture)[CAPTION:-60]
    middle = both.shape[1] // 2
    assert (both[:, : middle - 10] != one[:, : middle - 10]).mean() > 0.1
    np.testing.assert_array_equal(both[:, middle + 10 :], one[:, middle + 10 :])
    assert _fine(one) > 1.3 * _fine(both)

    # What the engine knows of the pattern arrives.
    qtbot.waitUntil(lambda: len(window.viewer.stream.news.facts.found) == 3, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: window.viewer.history.angles == 3, timeout=WAIT_MS)
    _wait_for_resolution(qtbot, widgets)
    assert not widgets.alarm.isVisible()
    assert window.viewer.stream.news.facts.pixel_nm == pytest.approx(65.0)

    # What is clicked is done by the engine, and shown once it says so.
    steer = widgets.steer
    steer.sliders[WIENER].setValue(SCALES[WIENER].place(0.1))
    qtbot.waitUntil(lambda: uses(window, WIENER, 0.1), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not steer.auto.isChecked(), timeout=WAIT_MS)
    steer.follow.click()
    qtbot.waitUntil(lambda: uses(window, FOLLOW, False), timeout=WAIT_MS)
    steer.record.click()
    qtbot.waitUntil(lambda: widgets.alarm.isVisible(), timeout=WAIT_MS)
    assert steer.record.text() == "Record"
    steer.record.click()
    qtbot.waitUntil(lambda: not widgets.alarm.isVisible(), timeout=WAIT_MS)

    qtbot.keyClick(window, Qt.Key.Key_Home)
    qtbot.waitUntil(lambda: window.viewer.display.scene.shot.number == 0, timeout=WAIT_MS)
    assert window.viewer.time.timeline.mode is Mode.HELD
    held = window.viewer.display.scene.shot
    before = len(window.viewer.time.shots)
    qtbot.waitUntil(lambda: len(window.viewer.time.shots) > before, timeout=WAIT_MS)
    assert window.viewer.display.scene.shot is held, "the stream goes on, the picture stays"
    window.close()

    assert children.engine is None
    assert not children.simulating
    for name in ("stream-001", "stream-002"):
        recorded = tmp_path / "recordings" / name / "raw.zarr"
        with open_recording(recorded, SETTINGS.pattern) as raw:
            assert len(raw.indices) > 1


def test_a_recording_is_opened_paused_and_stepped(qtbot, tmp_path, simulation):
    folder = tmp_path / "raw"
    flags = ["-c", simulation, "--out", folder, "--time-points", "200"]
    subprocess.run([*LIVESIM, "simulate", *map(str, flags)], check=True, timeout=WAIT_MS / 1000)
    window = make_window(ViewOptions(settings_file=tmp_path / "viewer.ini"), Children())
    qtbot.addWidget(window)
    window.show()
    control, bar = window.widgets.control, window.widgets.control.replay
    control.record.setText(str(tmp_path / "recordings"))
    control.at_once.setChecked(False)
    bar.rate.setCurrentIndex(bar.rate.findData("20"))
    window.user_actions.replay.open(folder / "raw.ome.tif")
    qtbot.waitUntil(lambda: window.presenter.drawn > 2, timeout=WAIT_MS)
    assert not window.widgets.alarm.isVisible(), "nothing of a replay can be lost"

    bar.main.click()
    qtbot.waitUntil(lambda: bar.main.text() == "Go on", timeout=WAIT_MS)
    whole = window.replay.state.sent // FRAMES
    qtbot.waitUntil(lambda: newest(window) == whole - 1, timeout=WAIT_MS)
    bar.step.click()
    qtbot.waitUntil(lambda: newest(window) == whole, timeout=WAIT_MS)
    later = window.viewer.stream.news.statuses + 3
    qtbot.waitUntil(lambda: window.viewer.stream.news.statuses >= later, timeout=WAIT_MS)
    assert newest(window) == whole
    assert window.replay.state.sent == FRAMES * (whole + 1)

    bar.stop.click()
    sent = FRAMES * (whole + 1)
    words = f"{sent} frames sent, {sent} received"
    qtbot.waitUntil(lambda: words in bar.words.text(), timeout=WAIT_MS)
    window.close()
    assert not list((tmp_path / "recordings").glob("stream-*"))


def newest(window):
    """Return the time point of the newest result."""
    return window.viewer.time.shots[-1].result.index.time


def uses(window, key, value):
    """Return whether the engine says that it uses a value."""
    status = window.viewer.stream.news.status
    in_use = None if status is None else status.in_use
    return in_use is not None and value_of(in_use.settings, key) == value


def _lit(picture):
    """Return which part is not dark, whatever the room around the picture."""
    return (picture.max(axis=-1) > 40).mean()


def _fine(picture):
    """Return how much neighbouring pixels differ, of how bright the picture is."""
    left = picture[:, : picture.shape[1] // 2].astype(float)
    return np.abs(np.diff(left, axis=1)).mean() / left.mean()


def test_an_engine_that_does_not_record_makes_the_bar_red(qtbot, tmp_path, simulation):
    children = Children()
    window = make_window(ViewOptions(settings_file=tmp_path / "viewer.ini"), children)
    qtbot.addWidget(window)
    window.show()
    control = window.widgets.control
    control.record.setText("")
    control.config.setText(str(simulation))
    control.engine_button.click()
    qtbot.waitUntil(lambda: control.engine_button.text() == "Stop engine", timeout=WAIT_MS)
    qtbot.waitUntil(control.simulator_button.isEnabled, timeout=WAIT_MS)
    control.simulator_button.click()
    qtbot.waitUntil(lambda: window.widgets.alarm.isVisible(), timeout=WAIT_MS)
    assert window.widgets.alarm.text() == NOT_RECORDED
    control.simulator_button.click()
    qtbot.waitUntil(lambda: "Start" in control.simulator_button.text(), timeout=WAIT_MS)
    qtbot.waitUntil(control.engine_button.isEnabled, timeout=WAIT_MS)
    assert not children.simulating
    control.engine_button.click()
    qtbot.waitUntil(lambda: control.engine_button.text() == "Start engine", timeout=WAIT_MS)
    window.close()


WRONG = Path(__file__).parents[1] / "weights" / "filaments-two.safetensors"
WRONG_STEPS = {"one": "none", "two": str(WRONG)}
TRUSTED = {
    "filaments, the network of auto": ("filaments", {}, range(40, 101)),
    "beads, a network that knows filaments": ("beads", WRONG_STEPS, range(30)),
}
"""How much of what the networks changed is shown, in per cent."""


def _newest_weighed(qtbot, viewer):
    """Wait for a result with weights, which comes with what the networks alone make."""
    found = []

    def look():
        shots = (shot.result for shot in viewer.time.shots)
        found.extend(r for r in shots if r.network is not None and (r.image != r.plain).any())
        return bool(found)

    qtbot.waitUntil(look, timeout=WAIT_MS)
    return found[-1]


def _share_shown(result):
    """Return how much of what the networks changed is in the image."""
    change = result.network - result.plain
    return float(((result.image - result.plain) * change).sum() / np.square(change).sum())


def _likeness(result, settings):
    """Return how the structure of an image goes with that of the truth, -1 to 1."""
    microscope = SimulatedMicroscope(settings)
    time = result.index.time
    pattern, otf = microscope.instrument.pattern(time), Otf.theoretical(settings.optics)
    truth = reference(microscope.stack(time).object, pattern, otf)
    pair = (torch.from_numpy(np.array(one)).float() for one in (result.image, truth))
    fine = [inside(one - mean_around(one, HAZE), BORDER).flatten() for one in pair]
    return float(torch.corrcoef(torch.stack(fine))[0, 1])


def _wait_for_resolution(qtbot, widgets):
    """Wait until the panel has renewed what it says of the pattern."""
    facts = widgets.pattern.facts
    qtbot.waitUntil(lambda: "Resolution: attainable" in facts.text(), timeout=WAIT_MS)


@pytest.mark.parametrize("case", TRUSTED)
def test_the_word_on_the_image_and_its_error_appear(qtbot, tmp_path, case):
    specimen, steps, shown = TRUSTED[case]
    settings = demo_settings(SIZE, 200.0, stacks=200)
    own = settings.simulation.model_copy(update={"specimen": (specimen,), "readout_ms": 60.0})
    settings = settings.model_copy(update={"simulation": own})
    values = settings.model_dump(mode="json", exclude_none=True)
    config = tmp_path / "microscope.toml"
    config.write_text(tomli_w.dumps(values | {"steps": values["steps"] | steps}), encoding="utf-8")
    children = Children()
    options = ViewOptions(start_engine=True, config=config, settings_file=tmp_path / "viewer.ini")
    window = make_window(options, children)
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.show()
    widgets = window.widgets
    # The engine may still be starting: the click waits for it.
    qtbot.waitUntil(widgets.control.simulator_button.isEnabled, timeout=WAIT_MS)
    widgets.control.simulator_button.click()
    qtbot.waitUntil(lambda: widgets.top.trust.text() == "✔ trusted", timeout=WAIT_MS)
    (percent,) = re.findall(r"(\d+) % of what the networks changed", widgets.top.trust.toolTip())
    assert int(percent) in shown
    result = _newest_weighed(qtbot, window.viewer)
    assert 100.0 * _share_shown(result) == pytest.approx(int(percent), abs=15.0)
    # The word's promise: photons carry 80 % of what is shown, a correlation of 0.89; beads, of
    # which the plain image is shown, are close to that.
    assert _likeness(result, settings) > 0.87
    assert STEP_ONE not in widgets.top.names, "neither has a step one"

    qtbot.waitUntil(lambda: window.viewer.maps is not None, timeout=WAIT_MS)
    qtbot.keyClick(window, Qt.Key.Key_T)
    qtbot.waitUntil(lambda: window.viewer.display.scene.tint is not None, timeout=WAIT_MS)
    with_map = pixels(widgets.picture).astype(int)
    colour = np.abs(with_map[..., 2] - with_map[..., 0])[CAPTION:-80]
    qtbot.keyClick(window, Qt.Key.Key_T)
    qtbot.waitUntil(lambda: window.viewer.display.scene.tint is None, timeout=WAIT_MS)
    window.draw()
    grey = pixels(widgets.picture)[CAPTION:-80].astype(int)
    without = np.abs(grey[..., 2] - grey[..., 0])
    assert (without > 40).mean() < 0.002
    lit = grey[..., 1] > LIT  # the window around the picture is bluish
    assert colour[lit].mean() > 10.0 * without[lit].mean() + 1.0
    window.close()


@contextmanager
def view(tmp_path, *flags, **environment):
    known = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    with subprocess.Popen(
        [*VIEW, "--remember", str(tmp_path / "viewer.ini"), *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=known | {"QT_QPA_PLATFORM": "offscreen"} | environment,
    ) as started:
        try:
            yield started
        finally:
            if started.poll() is None:
                started.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_the_viewer_and_its_choices_are_kept(tmp_path, number):
    with view(tmp_path, "--engine", "127.0.0.1:1") as started:
        assert started.stdout.readline() == "viewing tcp://127.0.0.1:1\n"
        started.send_signal(number)
        _, errors = started.communicate(timeout=60.0)
    assert started.returncode == 0, errors
    assert "Traceback" not in errors
    assert "address=127.0.0.1:1" in (tmp_path / "viewer.ini").read_text()


@pytest.mark.parametrize(
    ("flags", "environment", "words"),
    [
        ([], {"QT_QPA_PLATFORM": ""}, "no display found"),
        (["--engine", "udp://x"], {}, "expected an address such as"),
        (["--config", "missing.toml"], {}, "expected a readable TOML file"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path, flags, environment, words):
    with view(tmp_path, *flags, **environment) as started:
        _, errors = started.communicate(timeout=60.0)
    assert started.returncode == 2
    assert words in errors
    assert errors.count("\n") == 1


def test_the_viewers_process_never_loads_torch():
    code = (
        "import sys, livesim_gui.app, livesim.processes.viewer_children\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
