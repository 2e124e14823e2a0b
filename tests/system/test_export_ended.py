"""`livesim export` can be ended by the process that started it; nothing of the file is left."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.recorded import open_results, result, times

pytestmark = pytest.mark.slow

LIMIT_S = 120.0


def test_closing_stdin_ends_the_export(tmp_path):
    with open_results(tmp_path) as recorder:
        for index in times(400):
            recorder.write(result(index))
    out = tmp_path / "out"
    out.mkdir()
    command = [sys.executable, "-m", "livesim", "export", tmp_path, "--out", out / "a.ome.zarr"]
    with subprocess.Popen(
        [*command, "--json", "--tied"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        pipesize=4096,  # it holds fewer lines than there are: nothing is over before it is read
    ) as process:
        first = json.loads(process.stdout.readline())
        assert first == {"done": 1, "total": 400}
        process.stdin.close()
        process.stdout.read()  # to its end: a full pipe would hold it
        assert process.wait(LIMIT_S) != 0
    assert list(out.iterdir()) == []
