"""Volumes as they arrive: planes in any order, previews, the pattern, and what is too large."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from livesim.config.settings import SettingsError
from livesim.engine.assemble import AssemblyCounts
from livesim.engine.channel_processing import ChannelProcessing
from livesim.engine.meters import Faults
from livesim.engine.opening import stream_settings
from livesim.pipeline.calibration import calibrate
from livesim.pipeline.computing import TorchComputing
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.pipeline.volume.build import calibrate_volume, volume_plan
from livesim.pipeline.volume.live import volume_factory
from livesim.pipeline.volume.pipeline import VolumePipeline
from livesim.reconstruction.volume.reconstructor import VolumeReconstructor
from livesim.values.errors import DataError
from livesim.values.frames import FrameAxes, RawFrame, RawStack, StackIndex
from livesim.wire.messages import StreamStart
from livesim_acquisition.microscope.volume_microscope import VolumeMicroscope
from tests.support.volume_microscope import volume_settings

PLANES, SIZE = 6, 48
SETTINGS = volume_settings(
    PLANES,
    ["phase", "angle", "z"],
    volumes={"planes": PLANES, "z_step_nm": 125.0},
    simulation={
        "specimen": ["filaments", "beads"],
        "size": [SIZE, SIZE],
        "peak_photons": 2000.0,
        "volume": {},
    },
)


@pytest.fixture(scope="module")
def counts():
    """One volume [z, angle, phase, y, x]."""
    return VolumeMicroscope(SETTINGS).take(0).counts


@pytest.fixture(scope="module")
def pattern(counts):
    return calibrate_volume(planes(counts), SETTINGS)


@pytest.fixture(scope="module")
def whole(counts, pattern):
    make = VolumeReconstructor(volume_plan(pattern, SETTINGS))
    return make(torch.from_numpy(counts.astype(np.float32))).numpy()


def planes(counts, time=0, order=range(PLANES)):
    return [
        RawStack("s", StackIndex(time=time, z=z), counts[z], last_received_ns=1000 * time + z)
        for z in order
    ]


def test_planes_in_any_order_give_the_volume_to_the_bit(counts, pattern, whole):
    pipeline = VolumePipeline(SETTINGS, pattern)
    for time, order in enumerate((range(PLANES), (3, 5, 0, 4, 1, 2))):
        steps = [pipeline.add_plane(one, preview=True) for one in planes(counts, time, order)]
        parts = [one.volume.have for step in steps[:-1] for one in step.results]
        assert parts == [1, 2, 3, 4, 5]
        assert all(one.is_preview and one.provisional for s in steps[:-1] for one in s.results)
        last = steps[-1].results
        assert [one.index for one in last] == [StackIndex(time=time, z=z) for z in range(PLANES)]
        assert not any(one.is_preview or one.provisional for one in last)
        assert [one.last_received_ns for one in last] == [1000 * time + z for z in range(PLANES)]
        np.testing.assert_array_equal([one.image for one in last], whole)
        means = counts.mean(axis=(1, 2), dtype=np.float64)
        np.testing.assert_allclose([one.widefield for one in last], means, rtol=2e-2)


def test_no_preview_is_made_where_nobody_wants_one(counts, pattern):
    pipeline = VolumePipeline(SETTINGS, pattern)
    step = pipeline.add_plane(planes(counts)[0], preview=False)
    assert step.results == ()


def test_a_lost_plane_leaves_its_volume_out_and_memory_is_clean(counts, pattern, whole):
    pipeline = VolumePipeline(SETTINGS, pattern)
    faults = Faults()
    own = ChannelProcessing(lambda stacks, ended: pipeline, faults, lossless=True, planes=PLANES)
    own.add(planes(counts)[0])
    own.calibrate(ended=False)
    results = []
    for stack in (*planes(counts)[:-1], *planes(counts, 1), *planes(counts, 2)[:1]):
        results += own.begin(stack, preview=False).take()
    np.testing.assert_array_equal([one.result.image for one in results], whole)
    assert {one.result.index.time for one in results} == {1}
    assert faults.status(AssemblyCounts()).incomplete_volumes == 1
    assert "time 0" in faults.last
    own.end()
    assert faults.status(AssemblyCounts()).incomplete_volumes == 2
    assert "has lost 5 of 6 planes" in faults.last


def test_the_pattern_is_found_in_the_first_whole_volume_that_shows_it(counts):
    make = volume_factory(SETTINGS)
    dark = np.random.default_rng(0).poisson(3.0, counts.shape).astype(np.uint16)
    assert make(planes(counts)[:-1], False) is None
    blank = planes(dark)
    assert make(blank, False) is None
    both = [*blank[1:], *planes(counts, 1)]
    found = make(both, False)
    assert all(angle.usable for angle in found.pattern.angles)
    assert found.pattern.axial.planes == PLANES


def test_a_hot_pixel_is_found_named_and_replaced(counts, pattern, whole):
    hot = counts.copy()
    hot[..., 20, 30] += 3000
    found = calibrate_volume(planes(hot), SETTINGS)
    assert found.defects == ((20, 30),)
    assert any("hot pixel" in words for words in found.warnings)
    pipeline = VolumePipeline(SETTINGS, found)
    steps = [pipeline.add_plane(one, preview=False) for one in planes(hot)]
    images = np.array([one.image for one in steps[-1].results])
    assert np.abs(images - whole).max() < 0.2 * whole.max()


def test_a_stream_that_ends_takes_what_there_is(counts):
    dark = np.random.default_rng(0).poisson(3.0, counts.shape).astype(np.uint16)
    assert volume_factory(SETTINGS)(planes(dark), True).pattern.is_widefield_only
    with pytest.raises(DataError, match="expected a volume with all its planes"):
        volume_factory(SETTINGS)(planes(counts)[:-1], True)


def test_volumes_that_do_not_fit_into_memory_are_refused_with_the_figure(counts, monkeypatch):
    computing = TorchComputing(None, lambda settings: None)
    frame = RawFrame("s", 0, FrameAxes(), counts[0, 0, 0])
    assert computing.refusal(SETTINGS, frame, 1) is None
    monkeypatch.setattr("os.sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 4096}.__getitem__)
    assert "6 planes of 48 x 48, which take" in computing.refusal(SETTINGS, frame, 1)
    assert computing.refusal(SETTINGS.model_copy(update={"volumes": None}), frame, 1) is None


def test_a_plane_of_another_size_fails_alone(counts, pattern):
    pipeline = VolumePipeline(SETTINGS, pattern)
    (first, *_) = planes(counts)
    with pytest.raises(ValueError, match="expected planes of"):
        pipeline.add_plane(replace(first, pixels=first.pixels[..., :-1]), preview=False)


def test_nobody_takes_planes_of_volumes_one_by_one_by_mistake(counts, pattern):
    with pytest.raises(SettingsError, match=r"expected settings without \[volumes\]"):
        ReconstructionPipeline(SETTINGS, pattern)
    with pytest.raises(SettingsError, match=r"expected settings without \[volumes\]"):
        calibrate(planes(counts)[:1], SETTINGS)


def test_a_stream_says_how_many_planes_there_are_or_is_refused():
    unknown = SETTINGS.model_copy(
        update={"volumes": SETTINGS.volumes.model_copy(update={"planes": None})}
    )
    said = StreamStart(stream="s", source="here", sizes={"z": PLANES})
    assert stream_settings(unknown, said).volumes.planes == PLANES
    with pytest.raises(SettingsError, match="here: expected planes in \\[volumes\\]"):
        stream_settings(unknown, StreamStart(stream="s", source="here"))
    with pytest.raises(SettingsError, match="expected volumes of 6 planes, as"):
        stream_settings(SETTINGS, StreamStart(stream="s", sizes={"z": 32}))
