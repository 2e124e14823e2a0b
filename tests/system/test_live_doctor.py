"""The doctor of a running engine, as a user sees it: a faulty stream, and `livesim status`."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from livesim.commands.engine_process import EngineProcess
from livesim.io.toml_text import toml_text
from livesim.wire.control_client import ControlClient
from tests.simulations import settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

LIMIT_S = 90
STREAM = {"size": [128, 128], "peak_photons": 300.0, "time_points": 5}
INTERRUPTED = 130


def command(*words):
    return [sys.executable, "-m", "livesim", *(str(word) for word in words)]


def livesim(*words):
    return subprocess.run(
        command(*words), check=True, timeout=LIMIT_S, capture_output=True, text=True
    )


def config(folder, **simulation):
    own = settings(**STREAM | simulation)
    path = folder / "microscope.toml"
    path.write_text(toml_text(own.model_dump(mode="json", exclude_none=True)), encoding="utf-8")
    return path


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
    faulty = config(tmp_path, sequence={"rotated_by": 2})
    with EngineProcess() as engine:
        control = engine.control()
        slowly = ("--time-points", "60", "--set", "simulation.interval_s=1.0")
        with subprocess.Popen(
            command("simulate", "-c", faulty, "--to", control, *slowly)
        ) as source:
            status = examined(control)
            assert status.stream == status.doctor.stream  # it runs
            said = livesim("status", "--engine", control).stdout
            source.send_signal(signal.SIGINT)
            assert source.wait(LIMIT_S) == INTERRUPTED
        assert "rotated frame order, certain" in said
        assert "mend: first_frame = 2  (in [pattern])" in said

        mend = ("--set", "pattern.first_frame=2")
        livesim("simulate", "-c", faulty, "--to", control, "--rate", "max", *mend)
        mended = examined(control, status.doctor.stream)
        assert (mended.doctor.findings, mended.doctor.stacks) == ((), 3)
