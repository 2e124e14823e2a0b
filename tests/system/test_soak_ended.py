"""A soak that is told to end, in a process of its own: nothing that it started stays."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import LIMIT_S
from tests.support.waiting import wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]


def command(pid):
    """What a process was started with; "" where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except FileNotFoundError:
        return ""


def children(pid):
    """Number -> command of what a process has started."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child): command(child) for child in listed}


def test_what_a_soak_has_started_ends_with_it(tmp_path):
    soak = subprocess.Popen(
        [sys.executable, "-m", "bench.soak", "--minutes", "5", "--size", "64"],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with soak:
        try:
            # Once the source has begun a stream, all that is started at first has been.
            wait_for(lambda: list(tmp_path.glob("*/journals/*.sent")))
            started = children(soak.pid)
            for one in ("livesim engine", "soak.source", "livesim view"):
                assert one in " ".join(started.values())
        finally:
            soak.terminate()
        assert soak.wait(LIMIT_S) == 143
    wait_for(lambda: not any(map(command, started)))
    assert not list(tmp_path.iterdir())
