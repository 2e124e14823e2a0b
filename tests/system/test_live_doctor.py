"""The doctor of a running engine, as a user sees it: a faulty stream, and `livesim status`."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest

from livesim.processes.engine import EngineProcess
from livesim.wire.control_client import ControlClient
from tests.support.processes import LIMIT_S, LIVESIM, livesim
from tests.support.simulations import settings_file

pytestmark = pytest.mark.slow

STREAM = {"size": [128, 128], "peak_photons": 300.0, "time_points": 5}
INTERRUPTED = 130


def examined(control, stream_before=None):
    """Wait until the doctor has looked at a stream; return the status."""
    deadline = time.monotonic() + LIMIT_S
    with ControlClient(control) as client:
        while True:
            status = client.status(10.0)
            if status.doctor is not None and status.doctor.stream != stream_before:
                return status
            assert time.monotonic() < deadline, status
            time.sleep(0.02)


def test_a_faulty_stream_is_named_while_it_runs_and_a_mended_one_is_not(tmp_path):
    faulty = settings_file(tmp_path, **STREAM, sequence={"rotated_by": 2})
    with EngineProcess() as engine:
        control = engine.control()
        slowly = ("--time-points", "60", "--set", "simulation.interval_s=1.0")
        with subprocess.Popen(
            [*LIVESIM, "simulate", "-c", faulty, "--to", control, *slowly]
        ) as source:
            status = examined(control)
            assert status.stream == status.doctor.stream  # it runs
            said = livesim("status", "--engine", control).stdout
            source.send_signal(signal.SIGINT)
            assert source.wait(LIMIT_S) == INTERRUPTED
        assert "rotated frame order, certain" in said
        assert "fix: first_frame = 2  (in [pattern])" in said

        mend = ("--set", "pattern.first_frame=2")
        livesim("simulate", "-c", faulty, "--to", control, "--rate", "max", *mend)
        mended = examined(control, status.doctor.stream)
        assert (mended.doctor.found.findings, mended.doctor.stacks) == ((), 3)
