"""The pictures of docs/use/viewer.md, made by the viewer itself, with a real engine behind it.

Run as `xvfb-run -a -s "-screen 0 1920x1080x24" python -m bench.pictures.viewer`.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

from qtpy.QtCore import QEventLoop, QPointF, QTimer
from qtpy.QtWidgets import QApplication, QWidget

from bench import IMAGES
from livesim.commands.simulate.files import simulate_files
from livesim.config.settings import Settings
from livesim.config.simulation import Simulation
from livesim.processes.viewer_children import Children
from livesim.values.verdict import TrustWord
from livesim.wire.status import EngineStatus
from livesim.wire.stream_status import TrustStatus
from livesim_acquisition.microscope.demo import demo_settings
from livesim_gui.app import ViewOptions, make_window
from livesim_gui.shortcuts import KeyList
from livesim_gui.state.health.strips import DRIFT, K_CHANGE, MODULATION, STEPS
from livesim_gui.state.picture.drawing import Kind
from livesim_gui.state.picture.stages import NETWORK, RESTORED
from livesim_gui.state.steering import SCALES, WIENER
from livesim_gui.window import Window

SMALL, LARGE = (1280, 800), (1920, 1080)
PATIENCE_S = 600.0
TIME_POINTS = 100
FILAMENTS_ALONE = Path(__file__).parents[2] / "tests" / "weights" / "filaments-two.safetensors"
FRAME_MS, UNHURRIED_MS, SLOW_MS = 60.0, 150.0, 400.0
"""Between frames; unhurried, where networks are; slow, where reviews are waited for."""


def main() -> None:
    """Make all pictures, or those of the groups that are named."""
    app = QApplication(["pictures"])
    app.setApplicationName("livesim")
    groups = {
        "start": _start,
        "replay": _replay,
        "good": _good,
        "trouble": _trouble,
        "trusted": _trusted,
        "light": _little_light,
        "alone": _networks_alone,
        "dose": _dose,
    }
    for name in sys.argv[1:] or groups:
        groups[name]()


def _start() -> None:
    with _viewer(ViewOptions()) as window:
        window.widgets.tabs.setCurrentWidget(window.widgets.control)
        _save(window, "viewer-start")
        window.show_keys()
        (listed,) = window.findChildren(KeyList)
        _save(listed, "viewer-keys")


def _replay() -> None:
    """Show a recording that was opened in the window, paused."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "cells"
        simulate_files(_settings(300.0, 40), raw)
        with _viewer(ViewOptions()) as window:
            window.widgets.tabs.setCurrentWidget(window.widgets.control)
            window.widgets.control.at_once.setChecked(False)
            window.user_actions.replay.open(raw / "raw.ome.tif")
            _wait(lambda: window.presenter.drawn > 5)
            window.user_actions.replay.pause_or_go_on()
            _wait(lambda: window.replay.state.paused)
            _save(window, "viewer-replay")


def _good() -> None:
    settings = _settings(300.0, 2 * TIME_POINTS)
    own = settings.simulation
    assert own is not None
    with _running(_timed(settings, own, UNHURRIED_MS), record=True) as window:
        _wait(
            lambda: len(window.viewer.stream.news.facts.found) == 3 and window.viewer.history.angles
        )
        window.user_actions.picture.show_stage(RESTORED)
        _wait(lambda: _trust_of(window) is not None and _is_restored(window))
        _pause(8.0)
        window.user_actions.picture.switch_split()
        _save(window, "viewer")
        window.user_actions.picture.switch_split()
        _pattern(window)
        _steer(window)
        _measure(window)
        _back(window)
        _export(window)


def _export(window: Window) -> None:
    window.show_export()
    window.export.form.beside.setChecked(True)
    _pause(0.5)
    _save(window.export, "viewer-export")
    window.export.hide()


def _pattern(window: Window) -> None:
    charts = window.widgets.pattern.charts
    for chart, strip in zip(charts, (STEPS, K_CHANGE), strict=True):
        chart.chosen.setCurrentText(strip.title)
    window.appearance.use_theme("light")
    _save(window, "viewer-pattern")
    window.appearance.use_theme("dark")
    for chart, strip in zip(charts, (MODULATION, DRIFT), strict=True):
        chart.chosen.setCurrentText(strip.title)


def _steer(window: Window) -> None:
    window.widgets.tabs.setCurrentWidget(window.widgets.steer)
    window.widgets.steer.sliders[WIENER].setValue(SCALES[WIENER].place(0.1))
    _wait(lambda: "In use since" in window.widgets.steer.words.text())
    _save(window, "viewer-steer")


def _measure(window: Window) -> None:
    picture, measure = window.widgets.picture, window.widgets.measure
    window.widgets.tabs.setCurrentWidget(measure)
    at, reach = picture.view.center(), picture.view.width() / 16
    corners = (at.x() - reach, at.y() - reach), (at.x() + reach, at.y() + reach)
    measure.add(Kind.REGION, *corners)
    measure.add(Kind.LINE, *corners)
    window.appearance.show_crosshair(True)
    picture.box.scaleBy((0.5, 0.5))
    picture.box.sigRangeChanged.emit(picture.box, picture.box.viewRange(), [True, True])
    _pause(0.5)
    picture.point_at(picture.box.mapViewToScene(QPointF(picture.view.center() * 0.9)))
    _save(window, "viewer-measure")
    for _ in range(2):
        measure.remove_chosen()
    window.appearance.show_crosshair(False)


def _back(window: Window) -> None:
    window.resize(*LARGE)
    window.appearance.use_theme("light")
    window.widgets.tabs.setCurrentWidget(window.widgets.health)
    window.widgets.contrast.lut.setCurrentText("fire")
    _pause(0.5)
    window.widgets.picture.fit()
    window.viewer.time.step(-10)
    _save(window, "viewer-back-in-time")
    window.appearance.use_theme("dark")
    window.widgets.contrast.lut.setCurrentText("grey")


def _trouble() -> None:
    """Show an instrument with weak fringes that drift, which nobody records."""
    settings = _settings(150.0, 3 * TIME_POINTS)
    own = settings.simulation
    assert own is not None
    pattern = own.pattern.model_copy(update={"modulation": (0.22,), "drift_deg_per_stack": 4.0})
    light = own.light.model_copy(update={"dim_first_frame": 0.3})
    changed = own.model_copy(update={"pattern": pattern, "light": light})
    with _running(settings.model_copy(update={"simulation": changed}), record=False) as window:
        _wait(lambda: bool(window.viewer.history.angles))
        _wait(lambda: _complained(window.viewer.stream.news.status))
        _pause(3.0)
        _save(window, "viewer-trouble")


def _trusted() -> None:
    """Show the error of an image that photons carry."""
    with _judged(_settings(100.0), TrustWord.TRUSTED) as window:
        window.user_actions.trust.switch_map()
        _save(window, "viewer-trusted")


def _little_light() -> None:
    """Show an image that they hardly carry."""
    with _judged(_settings(4.0)) as window:
        window.user_actions.trust.switch_map()
        window.appearance.use_theme("light")
        _save(window, "viewer-little-light")
        window.appearance.use_theme("dark")


def _networks_alone() -> None:
    """Show what networks make of things that they were not trained on, beside what is restored."""
    with _judged(_mistaken()) as window:
        _wait(lambda: NETWORK in window.widgets.top.names)
        window.user_actions.picture.flip_networks()
        window.user_actions.picture.switch_split()
        _save(window, "viewer-networks-alone")


@contextmanager
def _judged(settings: Settings, word: TrustWord | None = None) -> Iterator[Window]:
    """Return a window whose engine has reviewed a restored result and said this word, or any."""
    own = settings.simulation
    assert own is not None
    with _running(_timed(settings, own, SLOW_MS), record=True) as window:
        window.widgets.tabs.setCurrentWidget(window.widgets.trust)
        window.user_actions.picture.show_stage(RESTORED)
        _wait(lambda: _trust_of(window) is not None and _is_restored(window))
        scene = window.viewer.display.scene
        assert scene is not None
        window.user_actions.trust.review()
        _wait(lambda: _time_of(window) >= scene.shot.result.index.time)
        said = _trust_of(window)
        assert said is not None
        print(said.verdict.sentence, flush=True)
        if word not in (None, said.verdict.word):
            raise RuntimeError(f"expected the word {word}, found {said.verdict.word}")
        yield window


def _time_of(window: Window) -> int:
    """Return which result the last review is about; -1 before the first one."""
    said = _trust_of(window)
    return -1 if said is None else said.index.time


def _is_restored(window: Window) -> bool:
    scene = window.viewer.display.scene
    return scene is not None and scene.shot.result.plain is not None and not scene.is_plain


def _dose() -> None:
    """Measure a ladder of exposures, each a stream of its own as after a change at the camera."""
    ladder = {"10 ms": 100.0, "2 ms": 20.0}
    with _running(_dim(100.0), record=False) as window:
        window.show_dose()
        for name, photons in ladder.items():
            if name != "10 ms":
                _stream_again(window, _dim(photons))
            window.dose.name.setText(name)
            _wait(lambda: bool(window.viewer.history.angles))
            window.dose.next.click()
            _wait(lambda: window.dose.ladder.measuring is None)
        _save(window.dose, "viewer-dose")
        print(window.dose.ladder.table)


def _dim(photons: float) -> Settings:
    return _settings(photons, 3 * TIME_POINTS, 128)


def _stream_again(window: Window, settings: Settings) -> None:
    """Stream with other settings, and wait for the new stream."""
    before = window.viewer.stream.news.stream
    _write(settings, Path(window.widgets.control.config.text()))
    window.user_actions.engine.switch_simulator(True)
    _wait(lambda: window.viewer.stream.news.stream != before)


def _mistaken() -> Settings:
    """Return mitochondria, shown to a network that knows filaments alone."""
    settings = _settings(200.0)
    own = settings.simulation
    assert own is not None
    steps = settings.steps.model_copy(update={"one": "none", "two": str(FILAMENTS_ALONE)})
    other = own.model_copy(update={"specimen": ("mitochondria",)})
    return settings.model_copy(update={"simulation": other, "steps": steps})


def _trust_of(window: Window) -> TrustStatus | None:
    status = window.viewer.stream.news.status
    if status is not None and status.stream is None:
        raise RuntimeError(
            "expected the stream to last until its results have been checked, found the engine "
            f"{status.state} ({status.last_fault})"
        )
    return None if status is None else status.trust


def _complained(status: EngineStatus | None) -> bool:
    """Return whether the doctor has found what is wrong."""
    if status is None or status.stream is None:
        raise RuntimeError("expected the stream to last until the doctor has spoken")
    return status.doctor is not None and bool(status.doctor.found.findings)


def _settings(photons: float, stacks: int = TIME_POINTS, size: int = 256) -> Settings:
    settings = demo_settings(size, photons, stacks)
    own = settings.simulation
    assert own is not None
    return _timed(settings, own, FRAME_MS)


def _timed(settings: Settings, own: Simulation, frame_ms: float) -> Settings:
    """Return settings whose simulated frames come every so many milliseconds."""
    timed = own.model_copy(update={"exposure_ms": 5.0, "readout_ms": frame_ms - 5.0})
    return settings.model_copy(update={"simulation": timed})


@contextmanager
def _running(settings: Settings, *, record: bool) -> Iterator[Window]:
    """Return a window that shows a stream of this simulated microscope."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "microscope.toml"
        _write(settings, config)
        with chdir(folder), _viewer(ViewOptions()) as window:
            control = window.widgets.control
            control.record.setText("recordings" if record else "")
            control.config.setText(config.name)
            window.user_actions.engine.switch_engine(True)
            _wait(lambda: window.viewer.stream.news.status is not None)
            window.user_actions.engine.switch_simulator(True)
            _wait(lambda: window.viewer.display.scene is not None)
            yield window


def _write(settings: Settings, config: Path) -> None:
    config.write_text(settings.to_toml(), encoding="utf-8")


@contextmanager
def _viewer(options: ViewOptions) -> Iterator[Window]:
    with tempfile.TemporaryDirectory() as folder:
        options = ViewOptions(
            config=options.config, settings_file=Path(folder) / "viewer.ini", engine=options.engine
        )
        window = make_window(options, Children())
        window.resize(*SMALL)
        window.show()
        try:
            yield window
        finally:
            window.close()


def _save(widget: QWidget, name: str) -> None:
    _pause(0.8)
    widget.grab().save(str(IMAGES / f"{name}.png"))
    print(IMAGES / f"{name}.png", flush=True)


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"expected a stream within {PATIENCE_S} s, found none")
        _pause(0.1)


def _pause(seconds: float) -> None:
    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()


if __name__ == "__main__":
    main()
