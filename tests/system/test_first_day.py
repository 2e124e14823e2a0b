"""The walk of a first day, in a real window on a small screen."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("qtpy.QtWidgets", reason="Qt's system libraries", exc_type=ImportError)

pytestmark = pytest.mark.slow

WALK = Path(__file__).with_name("first_day.py")
STEPS = (
    "1-start",
    "2-live",
    "3-simulator-stopped",
    "4-file",
    "5-line",
    "6-saved",
    "7-export",
    "closed",
)


@contextmanager
def screen(size: str) -> Iterator[str]:
    """Yield the name of a display of this size that nobody looks at."""
    ours, its = os.pipe()
    words = ["Xvfb", "-displayfd", str(its), "-screen", "0", f"{size}x24", "-nolisten", "tcp"]
    server = subprocess.Popen(words, pass_fds=[its], stderr=subprocess.DEVNULL)
    os.close(its)
    try:
        with os.fdopen(ours) as told:
            yield f":{int(told.readline())}"
    finally:
        server.terminate()
        server.wait(10.0)


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="needs Xvfb")
def test_a_first_day_on_the_smallest_screen(tmp_path):
    """1366 x 768 at 150 %: what is not seen in whole, or does not answer, ends the walk."""
    with screen("1366x768") as display:
        environment = os.environ | {
            "DISPLAY": display,
            "QT_QPA_PLATFORM": "xcb",
            "QT_SCALE_FACTOR": "1.5",
            "XDG_RUNTIME_DIR": str(tmp_path),
        }
        done = subprocess.run(
            [sys.executable, str(WALK), str(tmp_path)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    steps = [line.split(":")[0] for line in done.stdout.splitlines()]
    assert [step for step in steps if step in STEPS] == list(STEPS)
