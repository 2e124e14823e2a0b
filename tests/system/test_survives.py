"""An engine in a process of its own that is killed, too slow, without room, or not listened to."""

from __future__ import annotations

import signal
import subprocess
import sys
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import zarr

from livesim.values.frames import FrameAxes, RawFrame
from livesim.wire.control_client import ControlClient
from livesim.wire.messages import StreamStart
from livesim_acquisition.sender import Sender
from tests.support.processes import LIMIT_S, LIVESIM, engine, listening, process
from tests.support.scenes import OPTICS, settings_text, simulate

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and what Linux can limit"),
]

HERE = Path(__file__).parent
ADDRESSES = [f"--{name}=tcp://127.0.0.1:0" for name in ("frames", "results", "control")]
SETTINGS = {"optics": {"numerical_aperture": 1.4, "emission_nm": 520.0, "pixel_nm": 80.0}}
TOML = settings_text(networks=False)


def noise(time, side=64):
    """Return a raw stack [angle, phase, y, x] that nothing can compress."""
    return np.random.default_rng(time).integers(0, 1 << 16, (3, 3, side, side), np.uint16)


def send(sender, time, pixels):
    """Send one raw stack."""
    for number, (angle, phase) in enumerate(np.ndindex(3, 3)):
        axes = FrameAxes(time=time, angle=angle, phase=phase)
        sender.send(RawFrame("s", 9 * time + number, axes, pixels[angle, phase], 5.0))


def restored(raw, config, out, pattern=None):
    """Restore a recording; return the planes [time, y, x]."""
    command = [*LIVESIM, "restore", raw, "--config", config, "--out", out]
    command += ["--pattern", pattern] if pattern else []
    with process(*command) as restore:
        assert restore.wait() == 0, restore.text
    return zarr.open_array(out / "0", mode="r")[:, 0, 0]


# A full disk


def tiny_disk(folder):
    """Return what runs a command that sees a disk of 2 MB at `folder`; None if not allowed."""
    folder.mkdir()
    mount = 'mount -t tmpfs -o size=2m tmpfs "$0" && exec "$@"'
    command = ["unshare", "-rm", "sh", "-c", mount, str(folder)]
    try:
        tried = subprocess.run([*command, "true"], check=False, capture_output=True)
    except FileNotFoundError:
        return None
    return command if tried.returncode == 0 else None


def forbid_files(pid):
    """Let the system refuse this process all files but tiny ones, as if there were no room."""
    import resource

    _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, most))


def test_a_full_disk_ends_the_recording_and_not_the_view(tmp_path):
    disk = tmp_path / "disk"
    tiny = tiny_disk(disk)
    with engine(disk / "out", "lossless", within=tiny or ()) as running:
        pid = running.process.popen.pid
        with Sender(running.control) as sender, ControlClient(running.control) as control:
            sender.start(StreamStart(stream="s", source="test", settings=SETTINGS))
            for time in count():
                send(sender, time, noise(time))
                if tiny is None and control.ready("s", LIMIT_S).recorded >= 5:
                    forbid_files(pid)
                status = control.status(LIMIT_S)
                if status.recording_fault is not None and status.faults.unrecorded_stacks > 5:
                    break
            told = control.ready("s", LIMIT_S).recorded
            sender.finish()
        running.wait_for(lambda s: s.stages[3].done == time + 1)
        assert "No space left" in status.recording_fault or tiny is None, status.recording_fault
        assert 5 <= told < time

        # Through /proc, for nobody else sees that disk.
        stream = Path(f"/proc/{pid}/root{disk}/out/stream-001")
        (raw,) = stream.glob("raw.zarr*")
        group = zarr.open_group(raw, mode="r")
        written = np.flatnonzero(group["written"][0, :, 0, 0])
        assert len(written) == told
        for at in written:
            np.testing.assert_array_equal(group["raw"][0, at, 0, 0], noise(at))
        running.process.popen.send_signal(signal.SIGINT)
        assert running.process.wait() == 1
    assert "recording stopped: " in running.process.text
    assert "expected every raw stack and result recorded" in running.process.text


# A viewer that does not read


def memory_mb(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def test_a_viewer_that_stops_reading_costs_the_engine_nothing(tmp_path):
    side, before, stopped = 256, 20, 200
    pixels = np.zeros((3, 3, side, side), np.uint16)
    with (
        engine(tmp_path, "lossless", "unrecorded") as running,
        process(sys.executable, HERE / "listener.py", running.results) as viewer,
        Sender(running.control) as sender,
    ):
        sender.start(StreamStart(stream="s", source="test", settings=SETTINGS))
        for time in count():
            send(sender, time, pixels)
            if time >= before and viewer.out:
                break
        shown = running.wait_for(lambda s: s.stages[3].done == time + 1).stages[3].done
        viewer.popen.send_signal(signal.SIGSTOP)
        at_first = memory_mb(running.process.popen.pid)
        for later in range(shown, shown + stopped):
            send(sender, later, pixels)
        running.wait_for(lambda s: s.stages[3].done == shown + stopped)
        grown = memory_mb(running.process.popen.pid) - at_first
        result_mb = (4 + 1) * 4 * side**2 / 2**20
        assert grown < 0.25 * stopped * result_mb
        viewer.popen.send_signal(signal.SIGCONT)
        for later in count(shown + stopped):
            send(sender, later, pixels)
            if int(viewer.out[-1]) >= shown + stopped:
                break
        sender.finish()
        assert viewer.wait() == 0
    told = viewer.out[-1].split()
    assert int(told[3]) > stopped / 2, told


# A source that vanishes


def test_a_killed_source_leaves_a_whole_recording(tmp_path):
    source = [sys.executable, HERE / "sends_for_ever.py"]
    with engine(tmp_path, "lossless", "impatient") as running:
        with process(*source, running.control) as killed:
            running.wait_for(lambda s: s.stages[1].done >= 3)
            killed.popen.kill()
        status = running.wait_for(lambda s: s.stream is None)
        assert status.faults.vanished_sources == 1
        raw = zarr.open_group(tmp_path / "stream-001" / "raw.zarr", mode="r")
        assert raw["written"][:].sum() == status.stages[1].done


# A killed engine, and one that is too slow


@pytest.fixture(scope="module")
def cells():
    """The counts [time, angle, phase, y, x] of some cells that do not move."""
    return simulate(3, (96, 96), times=40).counts.numpy()


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "microscope.toml"
    file.write_text(TOML)
    return file


@pytest.mark.parametrize("shard", [1, 4])
def test_what_is_acknowledged_outlives_a_killed_engine(tmp_path, cells, config, shard):
    config.write_text(settings_text(networks=False, recording={"shard": shard}))
    command = [*LIVESIM, "engine", *ADDRESSES, "--config", config, "--record", tmp_path / "out"]
    with (
        listening(*command) as running,
        ControlClient(running.control) as control,
        Sender(running.control) as sender,
    ):
        sender.start(StreamStart(stream="s", source="test", pixel_nm=OPTICS.pixel_nm))
        for time in count():
            send(sender, time, cells[time % len(cells)])
            if running.done("publish") >= 3:
                break
        told = control.ready("s", LIMIT_S)
        running.process.popen.kill()
        running.process.wait()
    raw = tmp_path / "out" / "stream-001" / "raw.zarr.partial"
    written = zarr.open_group(raw, mode="r")["written"][0, :, 0, 0]
    assert written[: told.recorded].all()
    assert told.recorded >= 1
    images = restored(raw, config, tmp_path / "restored.ome.zarr")
    assert len(images) == written.sum()
    pixels = zarr.open_group(raw, mode="r")["raw"]
    for at in np.flatnonzero(written):
        np.testing.assert_array_equal(pixels[0, at, 0, 0], cells[at % len(cells)])
        assert images[at].std() > 0
    known = restored(raw, config, tmp_path / "known.ome.zarr", raw.parent / "pattern.json")
    np.testing.assert_array_equal(images, known)  # the live run's, not another estimate


def test_skipped_stacks_are_restored_afterwards(tmp_path, cells, config):
    slow = [sys.executable, HERE / "slow_engine.py", "engine", *ADDRESSES]
    with listening(*slow, "--config", config, "--record", tmp_path / "out") as running:
        with Sender(running.control) as sender:
            sender.start(StreamStart(stream="s", source="test", pixel_nm=OPTICS.pixel_nm))
            for time, pixels in enumerate(cells):
                send(sender, time, pixels)
            assert sender.finish().received == 9 * len(cells)
        status = running.wait_for(lambda s: s.stream is None)
        skipped = {stage.name: stage.dropped for stage in status.stages}["process"]
        running.process.popen.send_signal(signal.SIGINT)
        assert running.process.wait() == 0, running.process.text
    stream = tmp_path / "out" / "stream-001"
    results = zarr.open_group(stream / "results.ome.zarr", mode="r")
    shown, live = results["written"][:, 0, 0], results["0"][:, 0, 0]
    images = restored(stream / "raw.zarr", config, tmp_path / "restored.ome.zarr")
    print(f"{len(cells)} raw stacks, {skipped} skipped live, {len(images)} restored")
    assert skipped >= len(cells) / 4
    assert shown.sum() == len(cells) - skipped
    assert len(images) == len(cells)
    assert np.isfinite(images).all()
    for at in np.flatnonzero(shown):
        np.testing.assert_array_equal(images[at], live[at])


# A thread that dies


@pytest.mark.parametrize("held", [[], ["held"]])
def test_a_dead_thread_beside_the_frame_path_ends_the_process(tmp_path, held):
    """Also where another thread does not end; what was recorded can be read in both cases."""
    with (
        engine(tmp_path / "out", "lossless", "dying", *held) as running,
        Sender(running.control) as sender,
    ):
        sender.start(StreamStart(stream="s", source="test", settings=SETTINGS))
        send(sender, 0, noise(0))
        assert running.process.wait() == 1
    assert "AssertionError: planted" in running.process.text
    assert "found that one died: AssertionError('planted')" in running.process.text
    assert ("others do not end: killed" in running.process.text) == bool(held)
