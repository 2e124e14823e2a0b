"""`livesim bench` through the real command and its real processes; no figure is asserted."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def bench(*words):
    command = [sys.executable, "-m", "livesim", "bench", "--quick", *(str(word) for word in words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)


def test_everything_is_measured_and_kept(tmp_path):
    out = tmp_path / "here.json"
    run = bench("--out", out)
    assert run.returncode == 0, run.stderr
    found = json.loads(out.read_text(encoding="utf-8"))
    assert [(live["size"], live["steps"]) for live in found["live"]] == [
        (64, "plain"),
        (64, "two-step"),
    ]
    for live in found["live"]:
        assert live["latency"]["results"] > 0
        assert live["results_per_s"] > 0.0
    assert {point["varied"] for point in found["curves"]} == {
        "size", "batch", "time points", "channels",
    }  # fmt: skip
    assert {"estimation", "step one, float32", "recording: a raw stack"} <= {
        stage["name"] for stage in found["stages"]
    }
    assert out.with_suffix(".png").stat().st_size > 1000
    assert "estimation" in run.stdout
    again = bench("--out", out)
    assert again.returncode == 1
    assert "exists" in again.stderr
