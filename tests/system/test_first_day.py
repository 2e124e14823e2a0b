"""The first day of a user, on screens of four sizes: `first_day.py` in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("qtpy.QtWidgets", reason="Qt's system libraries", exc_type=ImportError)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SCRIPT = Path(__file__).with_name("first_day.py")
LIMIT_S = 540
SCREENS = {
    "1280x800": 1.0,
    "1366x768": 1.0,
    "1920x1080": 1.0,
    "1920x1080 at 150 %": 1.5,
}
"""Pixels, and what Qt makes of each."""
STEPS = ("start", "live", "simulator-stopped", "file", "line", "saved", "export")


def shown_on(screen: str) -> list[str]:
    """Return what begins the command line of a program on such a screen, if there can be one."""
    xvfb = shutil.which("xvfb-run")
    size = screen.split()[0]
    return [] if xvfb is None else [xvfb, "-a", "-s", f"-screen 0 {size}x24"]


@pytest.mark.parametrize("screen", SCREENS)
def test_everything_that_a_first_day_holds_is_done_and_seen(tmp_path, screen):
    known = {key: value for key, value in os.environ.items() if key != "QT_QPA_PLATFORM"}
    begin = shown_on(screen)
    own = {"QT_SCALE_FACTOR": str(SCREENS[screen])} if begin else {"QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [*begin, sys.executable, str(SCRIPT), str(tmp_path)],
        env=known | own,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-3000:]}"
    said = done.stdout.splitlines()
    assert [line.split(":")[0] for line in said if line[:1].isdigit()] == [
        f"{number}-{step}" for number, step in enumerate(STEPS, 1)
    ]
    assert said[-1] == "closed"
    written = {path.suffix for path in (tmp_path / "snapshots").iterdir()}
    assert written == {".png", ".tif"}
    assert (tmp_path / "export.tif").stat().st_size > 0
