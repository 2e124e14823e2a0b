"""Measure the viewer's frame rate and longest pause: `xvfb-run -a python -m bench.speed.viewer`.

Busy is how long one event holds the window's thread, by the clock and in time of a processor. On a
machine where others work as well the clock also counts their turns; the processor's time does not.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QApplication

from bench.report import Row, report
from livesim.processes.viewer_children import Children
from livesim_gui.app import ViewOptions, make_window
from livesim_gui.window import Window

SIDES = (1024, 2048)
"""Of the shown image; widefield images have half."""
SIZES = ((1280, 800), (1920, 1080))
ENOUGH_S = 2.0
"""Before the measuring begins."""


class TimedApplication(QApplication):
    """Knows how long each event holds the window's thread."""

    def __init__(self) -> None:
        super().__init__(["bench"])
        self.busy_ms: list[float] = []
        self.work_ms: list[float] = []
        self._depth = 0

    def notify(self, receiver: QObject | None, event: QEvent | None) -> bool:
        self._depth += 1
        begin, work = time.perf_counter(), time.thread_time()
        try:
            return super().notify(receiver, event)
        finally:
            self._depth -= 1
            if not self._depth:
                self.busy_ms.append(1000.0 * (time.perf_counter() - begin))
                self.work_ms.append(1000.0 * (time.thread_time() - work))

    def forget(self) -> None:
        """Begin to count."""
        self.busy_ms.clear()
        self.work_ms.clear()


class Paints(QObject):
    """Counts how often the picture is painted."""

    def __init__(self, window: Window) -> None:
        super().__init__()
        self.count = 0
        window.widgets.picture.graphics.viewport().installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        self.count += event is not None and event.type() == QEvent.Type.Paint
        return False


@contextmanager
def engine(side: int, per_s: float) -> Iterator[str]:
    """Run an engine in a process of its own that only publishes; return its address."""
    command = [sys.executable, "-m", "bench.speed.viewer_engine", str(side), str(per_s)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


def measure(
    app: TimedApplication, side: int, size: tuple[int, int], per_s: float, seconds: float
) -> Row:
    """Show a stream for a while; what counts is painted pictures."""
    with engine(side, per_s) as address, tempfile.TemporaryDirectory() as folder:
        options = ViewOptions(address, settings_file=Path(folder) / "viewer.ini")
        window = make_window(options, Children())
        window.resize(*size)
        window.show()
        _run(app, ENOUGH_S)
        _wait_for_picture(app, window)
        paints, drawn = Paints(window), window.presenter.drawn
        missed = window.viewer.stream.news.missed
        app.forget()
        began, cpu = time.perf_counter(), time.process_time()
        _run(app, seconds)
        elapsed = time.perf_counter() - began
        row = {
            "method": f"{side}² in {size[0]} x {size[1]}",
            "sent /s": per_s,
            "shown /s": (window.presenter.drawn - drawn) / elapsed,
            "paints /s": paints.count / elapsed,
            "missed": window.viewer.stream.news.missed - missed,
            "busy ms, 99 %": float(np.percentile(app.busy_ms, 99)),
            "busy ms, longest": max(app.busy_ms),
            "of a processor": max(app.work_ms),
            "cores": (time.process_time() - cpu) / elapsed,
        }
        window.close()
    return row


def _wait_for_picture(app: TimedApplication, window: Window) -> None:
    deadline = time.monotonic() + 30.0
    while not window.presenter.drawn:
        if time.monotonic() > deadline:
            raise TimeoutError("expected a picture within 30 s, found none")
        _run(app, 0.1)


def _run(app: TimedApplication, seconds: float) -> None:
    QTimer.singleShot(round(1000 * seconds), app.quit)
    app.exec()


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--per-s", type=float, default=30.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    app = TimedApplication()
    rows = [
        measure(app, side, size, options.per_s, options.seconds) for side in SIDES for size in SIZES
    ]
    title = f"The viewer while a stream runs, platform {app.platformName()}"
    report("viewer", title, rows, seconds=options.seconds)


if __name__ == "__main__":
    main()
