"""Open the one window: it brings state, widgets and actions together, driven by timers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from qtpy.QtCore import QByteArray, QSize, Qt, QTimer, QUrl
from qtpy.QtGui import (
    QCloseEvent,
    QDesktopServices,
    QDragEnterEvent,
    QDropEvent,
    QShowEvent,
)
from qtpy.QtWidgets import QMainWindow, QMessageBox

from livesim.values.version import VERSION
from livesim_gui import remembered
from livesim_gui.actions.actions import Actions
from livesim_gui.actions.appearance import AppearanceActions
from livesim_gui.actions.time import Clock
from livesim_gui.backend import Backend
from livesim_gui.children.export import ADAPT, ExportChild
from livesim_gui.children.replay import ReplayChild
from livesim_gui.dialogs.adapt import AdaptDialog
from livesim_gui.dialogs.dose import DoseDialog
from livesim_gui.dialogs.export import ExportDialog
from livesim_gui.menus import fill_menus
from livesim_gui.past_reader import PastReader
from livesim_gui.presenter import Presenter
from livesim_gui.screen import bounded_size, first_size, fit
from livesim_gui.shortcuts import KeyList, bind_keys
from livesim_gui.state.health.notice import Notice, Over, never
from livesim_gui.state.time.archive import OpenPast, nothing_past
from livesim_gui.state.viewer import Viewer
from livesim_gui.widgets import Widgets

DRAW_MS = 16
"""Of the timer that draws: about the rate of a screen."""
WORDS_MS = 250
"""Of the timer that renews words, curves and spectrum."""
LOOK_MS = 3000
"""Of the timer that looks at what is recorded."""
DOCUMENTATION = "https://livesim.github.io/livesim/"
SIZE = QSize(1280, 800)


class Window(QMainWindow):
    """Drives the viewer: draws at the rate of a screen, and renews words more slowly.

    Parameters
    ----------
    viewer
        What is shown.
    backend
        What works behind it; it ends with the window.
    settings_file
        Where the user's choices are remembered.
    clock
        Seconds from any beginning.
    open_past
        Opens recordings on this machine.
    """

    def __init__(
        self,
        viewer: Viewer,
        backend: Backend,
        settings_file: Path,
        clock: Clock = time.monotonic,
        open_past: OpenPast = nothing_past,
    ) -> None:
        super().__init__()
        self.viewer, self._backend = viewer, backend
        self._settings_file, self._clock = settings_file, clock
        self._follows_screens = False
        known = remembered.load(settings_file)
        viewer.display.look = known.look
        self.widgets = Widgets()
        self.replay = ReplayChild(self)
        self.presenter = Presenter(
            viewer, backend, self.widgets, lambda: self.replay.state, self.say
        )
        self.notice = Notice()
        self.past = PastReader(
            viewer.stream, viewer.time.archive, backend.tasks, open_past, self.say
        )
        self.user_actions = Actions(
            viewer, backend, self.replay, self.widgets, self.past, self.say, clock
        )
        self.export = ExportDialog(self, ExportChild(self))
        self.adapt = AdaptDialog(self, ExportChild(self, ADAPT, "adaptation"))
        self.dose = DoseDialog(self, viewer.stream, backend.access)
        self._lay_out()
        self.appearance = AppearanceActions(self.widgets, known)
        self._bind_keys()
        self._recall(known)
        self.draw()
        self.presenter.renew()
        self._timers = [
            self._timer(self.draw, DRAW_MS),
            self._timer(self.presenter.renew, WORDS_MS),
            self._timer(self._show_notice, WORDS_MS),
            self._timer(self.dose.renew, WORDS_MS),
            self._timer(self.past.look, LOOK_MS),
            self._timer(self.user_actions.file.renew, WORDS_MS),
        ]

    def _lay_out(self) -> None:
        self.setWindowTitle("livesim")
        self.setCentralWidget(self.widgets)
        bar = self.statusBar()
        assert bar is not None
        bar.setSizeGripEnabled(False)
        bar.setContentsMargins(8, 0, 8, 0)
        bar.addWidget(self.widgets.value, 1)
        bar.addWidget(self.widgets.notice, 1)
        self.resize(first_size(SIZE, self))
        self.setAcceptDrops(True)

    def _bind_keys(self) -> None:
        self.widgets.top.keys_asked.connect(self.show_keys)
        start = self.widgets.picture.start
        start.simulator_asked.connect(lambda: self.user_actions.engine.switch_simulator(True))
        start.connect_asked.connect(self._show_connect)
        self.widgets.control.export_asked.connect(self.show_export)
        self.widgets.control.dose_asked.connect(self.show_dose)
        self.widgets.steer.adapt_asked.connect(self.show_adapt)
        self.adapt.use_asked.connect(self.user_actions.engine.use_network)
        own: dict[str, Callable[[], None]] = {
            "full": self._switch_full_screen,
            "keys": self.show_keys,
            "export": self.show_export,
            "quit": self.quit,
        }
        known = self.user_actions.keys() | self.appearance.keys() | own
        bind_keys(self, known, self.user_actions.picture.show_numbered)
        bar = self.menuBar()
        assert bar is not None
        keyless = {
            "replay": self.user_actions.replay.ask_file,
            "documentation": self._show_documentation,
            "about": self._show_about,
        }
        fill_menus(bar, known | keyless)

    def _show_connect(self) -> None:
        self.appearance.show_panel(True)
        self.widgets.tabs.setCurrentWidget(self.widgets.control)
        self.widgets.control.address.setFocus()
        self.widgets.control.address.selectAll()

    def _show_documentation(self) -> None:
        QDesktopServices.openUrl(QUrl(DOCUMENTATION))

    def _show_about(self) -> None:
        QMessageBox.about(self, "About livesim", f"livesim {VERSION}\n{DOCUMENTATION}")

    def _timer(self, do: Callable[[], None], every_ms: int) -> QTimer:
        timer = QTimer(self)
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.timeout.connect(do)
        timer.start(every_ms)
        return timer

    def _recall(self, known: remembered.Remembered) -> None:
        self.widgets.control.recall(known)
        self.widgets.tabs.setCurrentIndex(known.tab)
        if known.geometry:
            self.restoreGeometry(QByteArray(known.geometry))
            if not self.isMaximized():  # there may have been a larger screen the last time
                self.resize(bounded_size(self.size(), self))
        self.widgets.panel_width = known.panel_width

    def draw(self) -> None:
        """Draw the newest result, if there is anything new."""
        self.presenter.draw(self._clock())
        self.past.read()

    def say(self, words: str, over: Over = never) -> None:
        """Tell something below the picture, for a while or until it is over."""
        self.notice.say(words, self._clock(), over)
        self._show_notice()

    def show_keys(self) -> None:
        """List all keys."""
        KeyList(self).show()

    def show_export(self) -> None:
        """Ask what to export: at first the running stream's recording, as it is shown."""
        self.export.offer(self._recorded(), self.viewer.shown())
        self.export.show()
        self.export.raise_()

    def show_adapt(self) -> None:
        """Ask which network is to be taught which recording: at first the running stream's."""
        self.adapt.offer(self._recorded())
        self.adapt.show()
        self.adapt.raise_()

    def _recorded(self) -> Path | None:
        """Return the folder of the last recording, where it lies on this machine."""
        folder = Path(self.viewer.stream.last_folder or "")
        return folder if self.viewer.stream.last_folder is not None and folder.is_dir() else None

    def show_dose(self) -> None:
        """Measure one light level after the other."""
        self.dose.show()
        self.dose.raise_()

    def quit(self) -> None:
        """Close the window."""
        self.close()

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802
        """Fit into every screen that the window is moved to; a new one is placed by its manager."""
        super().showEvent(event)
        handle = self.windowHandle()
        if handle is not None and not self._follows_screens:
            self._follows_screens = True
            handle.screenChanged.connect(lambda _: fit(self))

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:  # noqa: N802
        """Take one file or folder."""
        if event is not None and _dropped(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:  # noqa: N802
        """Look at what was dropped."""
        path = None if event is None else _dropped(event)
        if path is not None:
            self.user_actions.file.open(path)

    def _show_notice(self) -> None:
        self.widgets.notice.setText(self.notice.words(self._clock()))

    def _switch_full_screen(self) -> None:
        if self.isFullScreen():
            self.showNormal()
        else:
            self.showFullScreen()

    def closeEvent(self, event: QCloseEvent | None) -> None:  # noqa: N802
        """Remember the choices; end threads and children."""
        for timer in self._timers:
            timer.stop()
        remembered.save(self._settings_file, self._choices())
        self.export.child.close()
        self.adapt.child.close()
        self.replay.close()
        self._backend.close()
        super().closeEvent(event)

    def _choices(self) -> remembered.Remembered:
        seen = replace(
            self.appearance.remembered,
            look=self.viewer.display.look,
            tab=self.widgets.tabs.currentIndex(),
            geometry=bytes(self.saveGeometry()),
            panel_width=self.widgets.panel_width,
        )
        return self.widgets.control.choices(seen)


def _dropped(event: QDropEvent) -> Path | None:
    """Return the one file or folder of this machine that is dropped; None = something else is."""
    data = event.mimeData()
    urls = [] if data is None else data.urls()
    return Path(urls[0].toLocalFile()) if len(urls) == 1 and urls[0].isLocalFile() else None
