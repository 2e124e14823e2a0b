"""Run the viewer: make the window, show it, and end in order when it is closed or interrupted."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from pathlib import Path

from qtpy import QT5
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication

from livesim_gui.backend import make_backend
from livesim_gui.children.launcher import Launcher
from livesim_gui.plotting import pg
from livesim_gui.remembered import default_path
from livesim_gui.state.stream.facts import StreamFacts
from livesim_gui.state.stream.feed import Feed
from livesim_gui.state.time.archive import OpenPast, nothing_past
from livesim_gui.state.time.ring import Ring
from livesim_gui.state.viewer import Viewer
from livesim_gui.window import Window


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """The choices that the viewer begins with; the command line fills them in."""

    engine: str | None = None
    """Control address to connect to; None connects to nothing."""
    start_engine: bool = False
    """Start one instead."""
    record: Path | None = None
    """Where it records; None = where it did the last time."""
    config: Path | None = None
    """Its settings file."""
    file: Path | None = None
    """Recording to look at."""
    given: StreamFacts = field(default_factory=StreamFacts)
    """What holds where a stream does not say otherwise."""
    memory_bytes: int = 1 << 30
    """Of results that are remembered."""
    settings_file: Path | None = None
    """Where the user's choices are remembered; None = the user's own place."""


def make_window(
    options: ViewOptions, launcher: Launcher, open_past: OpenPast = nothing_past
) -> Window:
    """Return the window, connected; there must be an application."""
    pg.setConfigOptions(antialias=True)
    feed = Feed(Ring(options.memory_bytes), options.given)
    backend = make_backend(feed, launcher)
    settings_file = options.settings_file or default_path()
    window = Window(Viewer(feed), backend, settings_file, open_past=open_past)
    _begin(window, options)
    return window


def _begin(window: Window, options: ViewOptions) -> None:
    control = window.widgets.control
    if options.config is not None:
        control.config.setText(str(options.config))
    if options.start_engine:
        if options.record is not None:
            control.record.setText(str(options.record))
            control.at_once.setChecked(True)
        window.user_actions.engine.switch_engine(True)
    elif options.file is not None:
        window.user_actions.file.open(options.file, options.config)
    elif options.engine is not None:
        control.show_address(options.engine)
        window.user_actions.engine.connect(options.engine, control.keys.text())


def run_viewer(options: ViewOptions, launcher: Launcher, open_past: OpenPast) -> int:
    """Show the window until it is closed; return the exit status."""
    if QT5:  # Qt 6 always scales
        QApplication.setAttribute(Qt.ApplicationAttribute.AA_EnableHighDpiScaling)
        QApplication.setAttribute(Qt.ApplicationAttribute.AA_UseHighDpiPixmaps)
    app = QApplication(["livesim"])
    app.setApplicationName("livesim")
    window = make_window(options, launcher, open_past)
    # The timers let Python see Ctrl-C. Closed before the loop runs, it would never end.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: QTimer.singleShot(0, window.quit))
    window.show()
    # For who starts a viewer and waits until it is there.
    print(f"viewing {options.file or options.engine or 'an engine of its own'}", flush=True)
    return int(app.exec())
