"""The switch that lets nothing be skipped."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[2] / "conftest.py"
TESTS = """
import pytest

def test_reads_recordings(recordings):
    pass

@pytest.mark.skip(reason="no accelerator")
def test_elsewhere():
    pass

@pytest.mark.xfail(reason="not yet", strict=True)
def test_not_yet():
    assert False
"""


@pytest.mark.parametrize(("switch", "status"), [("0", 0), ("1", 1)])
def test_a_skip_is_a_failure_only_under_the_switch(tmp_path, switch, status):
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "test_it.py").write_text(TESTS, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "LIVESIM_DATA"}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rsfE", "-p", "no:cacheprovider", str(tmp_path)],
        env=environment | {"LIVESIM_REQUIRE_ALL": switch},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == status, run.stdout
    assert "1 xfailed" in run.stdout
    assert "no accelerator" in run.stdout
    assert "LIVESIM_DATA does not name the folder of real recordings" in run.stdout
