"""Two channels interleaved, planes and positions: each channel with its own pattern and models."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import zarr

from livesim.config.settings import Settings
from livesim.io.pattern_file import read_pattern
from livesim.processes.engine import EngineProcess
from livesim.values.frames import FrameAxes, RawFrame
from livesim.values.results import Result
from livesim.wire.control_client import ControlClient
from livesim.wire.messages import StreamEnd, StreamStart
from livesim.wire.sockets import Keep, Subscriber
from livesim_acquisition.sender import Sender
from tests.support.processes import LIMIT_S, livesim
from tests.support.scenes import CAMERA, OPTICS, simulate

pytestmark = pytest.mark.slow

TIMES, PLANES, POSITIONS = 2, 2, 2
RED = OPTICS.model_copy(update={"emission_nm": 620.0})
SETTINGS = Settings.model_validate(
    {
        "optics": OPTICS,
        "camera": CAMERA,
        "steps": {"one": "none", "two": "none"},
        "channels": {
            1: {"name": "red", "optics": {"emission_nm": 620.0}, "steps": {"one": "pair"}}
        },
    }
)
SENT = SETTINGS.model_dump(mode="json", exclude_none=True)


@pytest.fixture(scope="module")
def scenes():
    """For each channel what it shows: different light, pattern and cells."""
    count = TIMES * PLANES * POSITIONS
    return [
        simulate(seed, (96, 112), optics=optics, times=count)
        for seed, optics in ((0, OPTICS), (2, RED))
    ]


def frames(scenes):
    """Yield the frames as a microscope takes them: channel after channel in every plane."""
    sequence = 0
    for time, position, z, channel in product(
        range(TIMES), range(POSITIONS), range(PLANES), range(2)
    ):
        stack = scenes[channel].counts[(time * POSITIONS + position) * PLANES + z].numpy()
        for angle, phase in np.ndindex(3, 3):
            axes = FrameAxes(time, channel, z, position, angle, phase)
            yield RawFrame("two-channels", sequence, axes, stack[angle, phase])
            sequence += 1


@pytest.fixture(scope="module")
def live(scenes, tmp_path_factory):
    """Stream it; return the recording, what a viewer got and the last status."""
    folder = tmp_path_factory.mktemp("recorded")
    sizes = {"time": TIMES, "channel": 2, "z": PLANES, "position": POSITIONS}
    with (
        EngineProcess("--lossless", f"--record={folder}") as engine,
        ControlClient(engine.control()) as control,
        Subscriber(control.status(LIMIT_S).endpoints.results, Keep.DROP_OLDEST, 100) as viewer,
        Sender(engine.control(), answer_s=LIMIT_S) as sender,
    ):
        sender.start(StreamStart(stream="two-channels", settings=SENT, sizes=sizes))
        for frame in frames(scenes):
            sender.send(frame)
        status = control.status(LIMIT_S)
        while len(status.channels) < 2 and status.stream is not None:
            status = control.status(LIMIT_S)
        sender.finish()
        results = []
        while not isinstance(message := viewer.receive(LIMIT_S), StreamEnd):
            assert message is not None
            results.append(message)
    return folder / "stream-001", [one for one in results if isinstance(one, Result)], status


def test_every_channel_finds_its_own_pattern(live, scenes):
    folder, _, status = live
    for name, scene in zip(("pattern.json", "pattern-channel-1.json"), scenes, strict=True):
        pattern = read_pattern(folder / name)
        for found, true in zip(pattern.angles, scene.pattern.angles, strict=True):
            assert math.dist(found.k_cycles_per_um, true.k_cycles_per_um) < 0.01
    assert [one.channel for one in status.channels] == [0, 1]
    assert list(status.in_use.patterns) == [0, 1]


def test_every_channel_has_its_own_networks(live):
    _, results, _ = live
    assert len(results) == 2 * TIMES * PLANES * POSITIONS
    assert {one.index.channel for one in results if one.plain is not None} == {1}


def test_live_results_are_the_offline_results(live, tmp_path):
    folder, _, _ = live
    again = tmp_path / "again.ome.zarr"
    livesim("restore", folder / "raw.zarr", "--out", again)
    for position in range(POSITIONS):
        recorded = image(folder / "results.ome.zarr", position)
        assert recorded.shape == (TIMES, 2, PLANES, 192, 224)
        assert all(recorded[index].std() > 0 for index in np.ndindex(recorded.shape[:3]))
        np.testing.assert_array_equal(recorded, image(again, position))
        labels = [names(path, position) for path in (folder / "results.ome.zarr", again)]
        assert labels == [["channel 0", "red"]] * 2


def names(path, position):
    shown = zarr.open_group(path / str(position), mode="r").attrs["ome"]["omero"]["channels"]
    return [channel["label"] for channel in shown]


def image(path, position):
    return zarr.open_array(path / str(position) / "0", mode="r")[:]
