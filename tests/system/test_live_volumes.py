"""Volumes through the real processes: live = offline, in any order of planes, frames lost."""

from __future__ import annotations

from itertools import product
from time import monotonic, sleep

import numpy as np
import pytest
import tifffile
import zarr

from livesim.api.live import Sender
from livesim.config.settings import Steps
from livesim.io.pattern_file import read_pattern
from livesim.io.write.results import read_recipe
from livesim.processes.engine import EngineProcess
from livesim.values.volume_pattern import IN_THREE_DIMENSIONS, PLAIN_IN_THREE_DIMENSIONS
from livesim.wire.control_client import ControlClient
from livesim.wire.status import EngineState
from livesim_acquisition.microscope.volume_microscope import VolumeMicroscope
from tests.support.processes import livesim
from tests.support.volume_microscope import volume_settings
from tests.support.volume_network import drawn_network, drawn_step_one

pytestmark = pytest.mark.slow

PLANES, SIZE, TIMES = 8, 64, 4
ANSWER_S = 60.0
SETTINGS = volume_settings(
    PLANES,
    ["phase", "z", "angle", "time"],
    volumes={"planes": PLANES, "z_step_nm": 125.0},
    simulation={
        "specimen": ["filaments", "beads"],
        "peak_photons": 1000.0,
        "size": [SIZE, SIZE],
        "volume": {"axial_phase_deg": 20.0},
        "time_points": TIMES,
    },
)


@pytest.fixture(scope="module")
def counts():
    """Frames [time, z, angle, phase, y, x]."""
    microscope = VolumeMicroscope(SETTINGS)
    return np.stack([microscope.take(time).counts for time in range(TIMES)])


def streamed(counts, folder, order, lost=(), settings=SETTINGS):
    """Send frames in an order of (time, z, angle, phase); return the recording and the status."""
    with EngineProcess("--lossless", f"--record={folder}") as engine:
        settings = settings.model_copy(update={"simulation": None})
        with Sender(engine.control(), settings) as sender:
            for time, z, angle, phase in order:
                if (time, z, angle, phase) not in lost:
                    frame = counts[time, z, angle, phase]
                    sender.send(frame, time=time, z=z, angle=angle, phase=phase)
        status = worked_off(engine)
    (stream,) = folder.iterdir()
    return stream, status


def worked_off(engine):
    """Wait until the engine has done all that it has received; return what it says."""
    until = monotonic() + ANSWER_S
    with ControlClient(engine.control()) as client:
        while (status := client.status(ANSWER_S)).state is not EngineState.IDLE:
            assert monotonic() < until, status
            sleep(0.05)
    return status


def volumes_of(path):
    """Return the volumes [time, z, y, x] of a result."""
    return zarr.open_array(path / "0", mode="r")[:, 0]


def restored(stream, folder, *flags):
    out = folder / f"again{len(flags)}.ome.zarr"
    livesim("restore", stream / "raw.zarr", "--out", out, *flags)
    return out


def in_order(*axes):
    """Return places (time, z, angle, phase), the axes given slowest first."""
    sizes = {"time": TIMES, "z": PLANES, "angle": 3, "phase": 5}
    for at in product(*(range(sizes[axis]) for axis in axes)):
        place = dict(zip(axes, at, strict=True))
        yield tuple(place[axis] for axis in sizes)


def test_the_volumes_of_a_live_run_are_those_of_restore(counts, tmp_path):
    stream, status = streamed(counts, tmp_path / "in", in_order("time", "z", "angle", "phase"))
    live = volumes_of(stream / "results.ome.zarr")
    assert status.faults.incomplete_volumes == status.faults.skipped_volumes == 0
    again = restored(stream, tmp_path)
    np.testing.assert_array_equal(live, volumes_of(again))
    assert live.shape == (TIMES, PLANES, 2 * SIZE, 2 * SIZE)
    assert live.std(axis=(1, 2, 3)).min() > 0
    for path in (stream / "results.ome.zarr", again):
        assert PLAIN_IN_THREE_DIMENSIONS in read_recipe(path).warnings
        assert read_recipe(path).pattern.axial.planes == PLANES
    assert read_pattern(stream / "pattern.json") == read_recipe(again).pattern

    # What the file tells of planes is what the stream told.
    export = tmp_path / "out.ome.tif"
    livesim("export", stream, "--out", export, "--z", "2:6")
    with tifffile.TiffFile(export) as file:
        assert file.series[0].shape == (TIMES, 4, 2 * SIZE, 2 * SIZE)
        assert 'PhysicalSizeZ="0.125"' in file.ome_metadata


def test_a_lost_frame_costs_its_own_volume_and_planes_come_in_any_order(counts, tmp_path):
    straight = in_order("time", "z", "angle", "phase")
    stream, _ = streamed(counts, tmp_path / "straight", straight)
    whole = volumes_of(stream / "results.ome.zarr")

    # Angles slowest: every plane of a volume is open until its last frames come.
    mixed = in_order("time", "angle", "z", "phase")
    lost = {(1, 3, 2, 4)}
    torn, status = streamed(counts, tmp_path / "mixed", mixed, lost)
    assert status.faults.incomplete_volumes == 1
    assert status.faults.incomplete_stacks == 1
    assert "time 1" in status.last_fault
    assert "z 3" in status.last_fault
    found = volumes_of(torn / "results.ome.zarr")
    for time in (0, 2, 3):
        np.testing.assert_array_equal(found[time], whole[time])
    assert np.isnan(found[1]).all() or not found[1].any()  # no preview takes a volume's place


@pytest.fixture
def with_network(tmp_path):
    """Settings that ask for networks of both steps, which change much."""
    one, two = drawn_step_one(tmp_path, 0.3), drawn_network(tmp_path, 0.3, behind="drawn")
    return SETTINGS.model_copy(update={"steps": Steps(one=one, two=two), "simulation": None})


def test_a_network_makes_the_same_volumes_live_as_in_restore(counts, with_network, tmp_path):
    order = (at for at in in_order("time", "z", "angle", "phase") if at[0] < 2)
    stream, _ = streamed(counts, tmp_path / "in", order, settings=with_network)
    live = stream / "results.ome.zarr"
    again, plain = restored(stream, tmp_path), restored(stream, tmp_path, "--steps", "reconstruct")
    np.testing.assert_array_equal(volumes_of(live), volumes_of(again))
    assert np.abs(volumes_of(live) - volumes_of(plain)).max() > 0.01
    assert zarr.open_group(live, mode="r")["networks"][:].all()
    recipe = read_recipe(live)
    assert recipe.steps == ("one", "reconstruct", "two")
    assert recipe.models == read_recipe(again).models
    assert any(words.startswith(IN_THREE_DIMENSIONS) for words in recipe.warnings)


def test_the_plain_volume_is_recorded_until_the_network_has_come_to_it(
    counts, with_network, tmp_path
):
    with EngineProcess(f"--record={tmp_path / 'in'}") as engine:
        with (
            Sender(engine.control(), with_network) as sender,
            ControlClient(engine.control()) as client,
        ):
            for time in range(2):
                for z, angle, phase in product(range(PLANES), range(3), range(5)):
                    frame = counts[time, z, angle, phase]
                    sender.send(frame, time=time, z=z, angle=angle, phase=phase)
                if time == 0:
                    wait_for_networks(client)
        worked_off(engine)
    (stream,) = (tmp_path / "in").iterdir()
    live = stream / "results.ome.zarr"
    by_network = zarr.open_group(live, mode="r")["networks"][:, 0]
    assert by_network[0].all()
    whole = volumes_of(restored(stream, tmp_path))
    plain = volumes_of(restored(stream, tmp_path, "--steps", "reconstruct"))
    for time, found in enumerate(volumes_of(live)):
        assert len(set(by_network[time])) == 1, "a volume as a whole"
        np.testing.assert_array_equal(found, (whole if by_network[time, 0] else plain)[time])


def wait_for_networks(client):
    """Wait until the network has come to a volume."""
    until = monotonic() + ANSWER_S
    while (networks := client.status(ANSWER_S).networks) is None or networks.done < PLANES:
        assert monotonic() < until, networks
        sleep(0.05)
