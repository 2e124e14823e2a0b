"""A replay in one process, the engine in another, real sockets between them."""

from __future__ import annotations

import signal

import numpy as np
import pytest
import tifffile
import zarr

from livesim.config.settings import PatternSettings
from livesim.io.pattern_file import read_pattern
from livesim.io.read.open import open_recording
from livesim.values.results import Result
from livesim.wire.control_client import ControlClient
from livesim.wire.messages import StreamEnd
from livesim.wire.sockets import Keep, Subscriber
from tests.support.processes import LIMIT_S, LIVESIM, engine, process

pytestmark = pytest.mark.slow

STOP_S = 60.0
TIMES = 60
"""So many that at 20 frames/s a replay outlasts what interrupts it by far."""
TOML = """
[optics]
numerical_aperture = 1.4
emission_nm = 520.0
pixel_nm = 80.0
"""


def replay(raw, to, *flags):
    return process(*LIVESIM, "replay", raw, "--engine", to.control, *flags)


@pytest.fixture
def raw(tmp_path):
    """A recording whose every frame says where it belongs, with its settings beside it."""
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "microscope.toml").write_text(TOML)
    path = folder / "cells.ome.tif"
    numbers = np.arange(9 * TIMES, dtype=np.uint16)
    pixels = numbers[:, None, None] * np.ones((32, 24), np.uint16)
    tifffile.imwrite(path, pixels, ome=True, metadata={"axes": "TYX"})
    return path


def raw_stacks(folder):
    """Return the first pixel of each frame of a raw recording that is whole."""
    assert not list(folder.parent.rglob("*.partial"))
    with open_recording(folder / "raw.zarr", PatternSettings()) as recording:
        return [int(frame.pixels[0, 0]) for frame in recording.frames()]


def test_a_recording_goes_through_and_ends_up_whole(tmp_path, raw):
    with engine(tmp_path / "out", "once", "lossless") as running:
        with Subscriber(running.results, Keep.DROP_OLDEST, 100) as viewer:
            with replay(raw, running, "--rate", "max") as source:
                assert source.wait() == 0
                assert f"{9 * TIMES} frames sent, {9 * TIMES} received" in source.text
            seen = []
            while not seen or not isinstance(seen[-1], StreamEnd):
                message = viewer.receive(LIMIT_S)
                assert message is not None
                seen.append(message)
        assert running.process.wait() == 0
    folder = tmp_path / "out" / "stream-001"
    assert raw_stacks(folder) == list(range(9 * TIMES))
    assert read_pattern(folder / "pattern.json").pixel_nm == 80.0
    recorded = zarr.open_group(folder / "results.ome.zarr", mode="r")["0"][:, 0, 0]
    assert recorded.shape == (TIMES, 64, 48)
    for result in seen:
        if isinstance(result, Result):
            np.testing.assert_array_equal(result.image, recorded[result.index.time])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_engine_with_whole_files(tmp_path, raw, number):
    with engine(tmp_path / "out") as running, replay(raw, running, "--rate", "20") as source:
        running.wait_for(lambda s: s.stages[1].done >= 1)
        running.process.popen.send_signal(number)
        assert running.process.wait(STOP_S) == 0, running.process.text
        source.popen.send_signal(signal.SIGINT)
        assert source.wait(STOP_S) in (1, 130)
        assert "Traceback" not in source.text
    kept = raw_stacks(tmp_path / "out" / "stream-001")
    assert kept == list(range(len(kept)))
    assert len(kept) >= 9


def test_interrupting_the_source_ends_its_stream(tmp_path, raw):
    with engine(tmp_path / "out", "once", "lossless") as running:
        with replay(raw, running, "--rate", "20") as source:
            running.wait_for(lambda s: s.stages[3].done >= 1)
            source.popen.send_signal(signal.SIGINT)
            assert source.wait(STOP_S) == 130
            assert "Traceback" not in source.text
        # The engine ends by itself, and says that not all that began was reconstructed.
        assert running.process.wait(STOP_S) in (0, 1)
        assert "Traceback" not in running.process.text
    kept = raw_stacks(tmp_path / "out" / "stream-001")
    assert kept == list(range(len(kept)))
    assert len(kept) < 9 * TIMES


def test_a_source_killed_in_mid_stack_and_the_next_one(tmp_path, raw):
    with engine(tmp_path / "out", "lossless") as running:
        with replay(raw, running, "--rate", "20") as killed:
            running.wait_for(lambda s: s.stages[0].done > 12)
            killed.popen.kill()
            killed.wait()
        with replay(raw, running, "--rate", "max") as source:
            assert source.wait() == 0
        with replay(raw, running, "--rate", "max") as source:
            assert source.wait() == 0
        status = running.wait_for(lambda s: s.stream is None)
        assert status.faults.stray_frames == 0
        running.process.popen.send_signal(signal.SIGINT)
        assert running.process.wait(STOP_S) == 0, running.process.text
    folders = sorted((tmp_path / "out").iterdir())
    assert [one.name for one in folders] == ["stream-001", "stream-002", "stream-003"]
    assert 9 <= len(raw_stacks(folders[0])) < 9 * TIMES
    for folder in folders[1:]:
        assert raw_stacks(folder) == list(range(9 * TIMES))


def test_a_slow_engine_skips_results_but_not_raw_stacks(tmp_path, raw):
    with engine(tmp_path / "out", "slow") as running:
        with replay(raw, running, "--rate", "max") as source:
            assert source.wait() == 0
        running.wait_for(lambda s: s.stages[1].done == TIMES)
        with ControlClient(running.control) as client:
            client.stop(LIMIT_S)
        assert running.process.wait(STOP_S) == 0, running.process.text
    assert raw_stacks(tmp_path / "out" / "stream-001") == list(range(9 * TIMES))


def test_the_status_is_shown(tmp_path, raw):
    with engine(tmp_path / "out", "lossless") as running:
        with replay(raw, running, "--rate", "max") as source:
            assert source.wait() == 0
        running.wait_for(lambda s: s.stream is None)
        with process(*LIVESIM, "status", "--engine", running.control) as shown:
            assert shown.wait() == 0
        for word in ("idle", "receive", "record", "process", "publish", "median"):
            assert word in shown.text


@pytest.mark.parametrize(
    ("command", "status", "words"),
    [
        (["status", "--engine", "127.0.0.1:9"], 1, "expected an engine at tcp://127.0.0.1:9"),
        (["engine", "--control", "0.0.0.0:0"], 2, "needs CURVE keys"),
        (["replay", "{raw}", "--rate", "fast"], 2, "expected a rate of real, max"),
        (["replay", "{bare}"], 2, "expected bare.toml or one TOML file beside it"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path, raw, command, status, words):
    bare = tmp_path / "bare.tif"
    bare.touch()
    filled = [word.format(raw=raw, bare=bare) for word in command]
    with process(*LIVESIM, *filled) as failed:
        assert failed.wait() == status
    assert words in failed.text
    assert failed.text.count("\n") == 1
