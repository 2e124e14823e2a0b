"""What the engine records of a replayed recording is what `livesim restore` makes of it."""

from __future__ import annotations

import json
import time
import tomllib
from itertools import count

import numpy as np
import pytest
import tifffile
import zarr

from livesim.api.live import Sender
from livesim.config.settings import Settings
from livesim.io.logs import read_weights_log
from livesim.io.pattern_file import read_pattern
from livesim.processes.engine import EngineProcess
from livesim.values.errors import DataError
from livesim.wire.control_client import ControlClient
from tests.support.processes import LIMIT_S, livesim
from tests.support.reader_faults.ndtiff import ndtiff
from tests.support.scenes import settings_text, simulate
from tests.support.untrained import end_to_end_file

pytestmark = pytest.mark.slow

TIMES = 3
SHAPE = (96, 112)
ANSWER_S = 30.0
ORDER = {"order": ["phase", "angle", "time"]}
TOML = settings_text(pattern=ORDER)


def replay_into_engine(raw, folder):
    """Replay a recording into an engine of its own; return the folder of the stream."""
    with EngineProcess("--once", "--lossless", f"--record={folder}") as engine:
        livesim("replay", raw, "--rate", "max", "--engine", engine.control())
        engine.wait()
    (stream,) = folder.iterdir()
    return stream


def live_images(stream):
    """Return the recorded results [time, y, x]."""
    return zarr.open_array(stream / "results.ome.zarr" / "0", mode="r")[:, 0, 0]


def simulated_recording(folder, times=TIMES, toml=TOML):
    first = simulate(0, SHAPE, peak=100.0)
    again = [simulate(seed, SHAPE, peak=100.0, pattern=first.pattern) for seed in range(times)]
    counts = np.concatenate([scene.counts.numpy() for scene in again])
    raw = folder / "filaments.tif"
    tifffile.imwrite(raw, counts.reshape(-1, *counts.shape[-2:]))
    raw.with_suffix(".toml").write_text(toml)
    return raw


def test_live_results_are_the_offline_results(tmp_path):
    raw = simulated_recording(tmp_path)
    stream = replay_into_engine(raw, tmp_path / "recorded")
    live = live_images(stream)
    pattern = stream / "pattern.json"

    again = tmp_path / "again.ome.zarr"
    livesim("restore", stream / "raw.zarr", "--out", again)

    assert live.shape == (TIMES, 2 * SHAPE[0], 2 * SHAPE[1])
    assert live.std() > 0
    np.testing.assert_array_equal(live, zarr.open_array(again / "0", mode="r")[:, 0, 0])
    shared = tmp_path / "shared.ome.zarr"
    # One worker has as many threads as the engine; fewer would add in another order.
    livesim("restore", stream / "raw.zarr", "--workers", "1", "--out", shared)
    np.testing.assert_array_equal(live, zarr.open_array(shared / "0", mode="r")[:, 0, 0])
    # Without networks nothing depends on when their weights were there.
    plain = tmp_path / "plain.ome.tif"
    livesim("restore", raw, "--pattern", pattern, "--steps", "reconstruct", "--out", plain)
    np.testing.assert_array_equal(live[0], tifffile.imread(plain)[0])
    assert not list(tmp_path.rglob("*.partial"))


def test_one_network_for_all_gives_the_same_live_and_offline(tmp_path):
    """Live with the weights found meanwhile; restored from the frames alone it finds its own."""
    steps = {"all": end_to_end_file(tmp_path / "a-all.safetensors")}
    raw = simulated_recording(tmp_path, toml=settings_text(pattern=ORDER, steps=steps))
    stream = replay_into_engine(raw, tmp_path / "recorded")
    again = tmp_path / "again.ome.zarr"
    livesim("restore", stream / "raw.zarr", "--out", again)
    np.testing.assert_array_equal(
        live_images(stream), zarr.open_array(again / "0", mode="r")[:, 0, 0]
    )
    recipe = json.loads((again / "zarr.json").read_text())["attributes"]["livesim"]["recipe"]
    assert recipe["steps"] == ["all"]
    assert list(recipe["models"]) == ["a-all.safetensors"]
    weighed, plain = tmp_path / "weighed.ome.tif", tmp_path / "plain.ome.tif"
    for choice, out in (("all", weighed), ("reconstruct", plain)):
        livesim("restore", raw, "--steps", choice, "--out", out)
    assert (tifffile.imread(weighed) != tifffile.imread(plain)).any()


def stream_until_weighed(folder, changes):
    """Send stacks to an engine that records, until its weights have changed so often."""
    first = simulate(0, SHAPE, peak=100.0)
    scenes = [simulate(seed, SHAPE, peak=100.0, pattern=first.pattern) for seed in range(4)]
    settings = tomllib.loads(TOML)
    stacks = [scene.counts[0].numpy() for scene in scenes]
    deadline = time.monotonic() + 2.0 * LIMIT_S
    with EngineProcess("--once", "--lossless", f"--record={folder}") as engine:
        with Sender(engine.control(), Settings.model_validate(settings)) as sender:
            client = ControlClient(engine.control())
            for number in count():
                for angle, phase in np.ndindex(3, 3):
                    frame = stacks[number % len(stacks)][angle, phase]
                    sender.send(frame, time=number, angle=angle, phase=phase)
                client.review(ANSWER_S)  # rather than wait until the reviews have rested
                log = next(folder.glob("*/weights-log.jsonl"), None)
                if log and len(log.read_text(encoding="utf-8").splitlines()) > changes + 1:
                    break
                assert time.monotonic() < deadline
            client.close()
        engine.wait()
    (stream,) = folder.iterdir()
    return stream


def test_results_made_beside_plain_ones_are_the_offline_results(tmp_path):
    """The networks skip stacks; those that they come to are restored to the bit, and plain ones."""
    raw = simulated_recording(tmp_path, times=12)
    folder = tmp_path / "recorded"
    with EngineProcess("--once", f"--record={folder}") as engine:
        control = engine.control()
        with Sender(control, Settings.model_validate(tomllib.loads(TOML))) as sender:
            client = ControlClient(control)
            for number, frame in enumerate(tifffile.imread(raw).reshape(-1, *SHAPE)):
                time_, (angle, phase) = number // 9, divmod(number % 9, 3)
                sender.send(frame, time=time_, angle=angle, phase=phase)
                if number == 9 * 6:
                    wait_for_networks(client)
            client.close()
        engine.wait()
    (stream,) = folder.iterdir()
    group = zarr.open_group(stream / "results.ome.zarr", mode="r")
    restored, live = group["networks"][:, 0, 0], live_images(stream)
    written = group["written"][:, 0, 0]  # a plain one is left out where the next one waits
    assert written[restored].all()
    assert restored.any(), "expected some with networks"
    again = tmp_path / "again.ome.tif"
    livesim("restore", stream / "raw.zarr", "--out", again)
    np.testing.assert_array_equal(live[restored], tifffile.imread(again)[restored])
    plain = tmp_path / "plain.ome.tif"
    livesim("restore", stream / "raw.zarr", "--steps", "reconstruct", "--out", plain)
    without = tifffile.imread(plain)
    plain_ones = written & ~restored
    np.testing.assert_array_equal(live[plain_ones], without[plain_ones])
    assert (live[restored] != without[restored]).any(), "expected weights that were found meanwhile"


def wait_for_networks(client):
    """Wait until a review has found weights, and the networks have come to a stack since."""
    deadline = time.monotonic() + LIMIT_S
    while (status := client.status(ANSWER_S)).trust is None:
        client.review(ANSWER_S)
        assert time.monotonic() < deadline, status
        time.sleep(0.05)


def test_live_results_are_the_offline_results_while_the_weights_change(tmp_path):
    stream = stream_until_weighed(tmp_path / "recorded", 3)
    changes = read_weights_log(stream / "weights-log.jsonl")
    times = [change.stack.time for change in changes]
    live = live_images(stream)
    assert changes[0].weights is None
    assert len({change.weights for change in changes}) >= 4  # a few may be as before
    assert times == sorted(set(times))

    again = tmp_path / "again.ome.tif"
    livesim("restore", stream / "raw.zarr", "--out", again)
    np.testing.assert_array_equal(live, tifffile.imread(again))

    plain = tmp_path / "plain.ome.tif"
    livesim("restore", stream / "raw.zarr", "--steps", "reconstruct", "--out", plain)
    pairs = zip(live, tifffile.imread(plain), strict=True)
    same = [bool((one == other).all()) for one, other in pairs]
    assert same == [number < times[1] for number in range(len(live))]


@pytest.mark.parametrize("networks", [False, True])
def test_a_recording_with_a_hole_gives_the_same_live_and_offline(tmp_path, networks):
    """Frame 13 is missing: live and offline the second raw stack is lost, and nothing else."""
    toml = settings_text(networks=networks, pattern=ORDER)
    frames = tifffile.imread(simulated_recording(tmp_path, toml=toml))
    axes = [({"time": number}, frame) for number, frame in enumerate(frames) if number != 13]
    raw = ndtiff(axes)(tmp_path)
    with EngineProcess("--once", "--lossless", f"--record={tmp_path / 'recorded'}") as engine:
        livesim("replay", raw, "--rate", "max", "--engine", engine.control())
        with pytest.raises(DataError, match="status 0, found 1"):  # one raw stack was lost
            engine.wait()
    (stream,) = (tmp_path / "recorded").iterdir()
    live = live_images(stream)
    offline = tmp_path / "offline.ome.tif"
    # What was recorded has the weights of the live run; of the source's file they are measured.
    source = (stream / "raw.zarr",) if networks else (raw, "--pattern", stream / "pattern.json")
    livesim("restore", *source, "--out", offline)
    assert [bool(np.isnan(image).all()) for image in live] == [False, True, False]
    np.testing.assert_array_equal(live, tifffile.imread(offline).reshape(live.shape))


@pytest.mark.recordings
def test_live_results_of_a_real_recording(recordings, tmp_path):
    raw = recordings / "tsim_er1_timelapse_t3_3x3.tif"
    stream = replay_into_engine(raw, tmp_path / "recorded")
    offline = tmp_path / "offline.ome.tif"
    # Tracking may have turned the pattern: the recording knows when, the source file does not.
    livesim("restore", stream / "raw.zarr", "--out", offline)

    live = live_images(stream)
    assert live.shape == (3, 224, 1024)
    np.testing.assert_array_equal(live, tifffile.imread(offline))
    assert all(angle.usable for angle in read_pattern(stream / "pattern.json").angles)
