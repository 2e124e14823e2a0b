"""Memory that threads have left free goes back where the system can be asked to."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from livesim.engine.threads import SPINS, limit_spinning

SCRIPT = """
    import threading
    from pathlib import Path

    import numpy as np

    from livesim.engine.threads import return_free_memory, limit_arenas

    def resident_mb():
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))

    def scatter():
        # Small enough not to be mapped by themselves; every other one stays.
        many = [np.zeros(12_500) for _ in range(1000)]
        kept.append(many[::100])

    limit_arenas()
    before, kept = resident_mb(), []
    for _ in range(4):
        thread = threading.Thread(target=scatter)
        thread.start()
        thread.join()
    held = resident_mb() - before
    return_free_memory()
    print(held, resident_mb() - before)
"""


def test_threads_of_torch_wait_without_spinning_unless_somebody_says_how_long(monkeypatch):
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    limit_spinning()
    assert os.environ["GOMP_SPINCOUNT"] == SPINS
    monkeypatch.setenv("GOMP_SPINCOUNT", "10000")
    limit_spinning()
    assert os.environ["GOMP_SPINCOUNT"] == "10000"


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone can be asked")
def test_what_threads_leave_free_goes_back():
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT)], check=True, capture_output=True, text=True
    )
    held, left = map(float, ran.stdout.split())
    assert held > 60  # without being asked, the library keeps what one thread after the other left
    assert left < held / 2
