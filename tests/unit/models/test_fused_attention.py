"""The fused channel attention gives plain torch's numbers, and compiles, without a GPU."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

# Triton has wheels for Linux alone.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("triton") is None, reason="no Triton"),
]


def printed(**environment):
    """What a process of its own prints: a kernel is interpreted or compiled, for good."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.doubles.interpreted_attention"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_its_numbers_are_those_of_plain_torch():
    found = printed(TRITON_INTERPRET="1")
    assert found.pop("network") < 1e-5
    assert found.pop("works") is True
    # The interpreter cuts where a GPU rounds: a whole last place.
    assert len(found) == 3
    assert all(last_places <= 2.0 for last_places in found.values())


def test_it_compiles_for_a_gpu(tmp_path):
    found = printed(TRITON_CACHE_DIR=str(tmp_path))
    assert len(found) == 3
    assert all(size > 0 for size in found.values())
