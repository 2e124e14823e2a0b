"""A camera's defects on the frame path: named by the pattern, replaced everywhere, kept on file."""

from dataclasses import replace

import numpy as np
import pytest

from livesim.api.restore import Restorer
from livesim.config.settings import Tracking
from livesim.engine.beside.proposals import matched
from livesim.io.pattern_file import pattern_from_json, pattern_to_json
from livesim.pipeline.build import doctor_for, pipeline_factory
from livesim.pipeline.calibration import calibrate, in_this_light
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.values.errors import DataError
from livesim.values.frames import RawStack, StackIndex
from tests.support.scenes import PLAIN, simulate

SHAPE = (96, 96)
HOT = ((20, 31), (40, 12))


class Recording:
    """The same raw stacks without and with defects."""

    def __init__(self):
        scene = simulate(4, SHAPE, times=2, peak=400.0)
        self.settings = scene.described(steps=PLAIN)
        self.right = [self._stack(time, one.numpy()) for time, one in enumerate(scene.counts)]
        self.wrong = [replace(one, pixels=one.pixels.copy()) for one in self.right]
        for one in self.wrong:
            for y, x in HOT:
                one.pixels[..., y, x] += 5000
        self.wrong[0].pixels[1, 2, 50, 50] += 3000

    @staticmethod
    def _stack(time, pixels):
        return RawStack("s", StackIndex(time=time), pixels)


@pytest.fixture(scope="module")
def recording():
    return Recording()


@pytest.fixture(scope="module")
def pattern(recording):
    return calibrate(recording.wrong, recording.settings)


def test_a_calibration_names_pixels_and_says_what_it_left_out(recording, pattern):
    assert pattern.defects == HOT
    assert any("2 hot pixels of the camera" in words for words in pattern.warnings)
    assert any("1 hit of single frames" in words for words in pattern.warnings)
    clean = calibrate(recording.right, recording.settings)
    assert clean.defects == ()
    assert clean.warnings == ()
    for a, b in zip(pattern.angles, clean.angles, strict=True):
        np.testing.assert_allclose(a.k_cycles_per_um, b.k_cycles_per_um, atol=2e-3)
        assert a.modulation[0] == pytest.approx(b.modulation[0], abs=0.02)
    assert pattern.levels.high == pytest.approx(clean.levels.high, rel=0.02)


def test_images_and_readings_are_made_of_frames_without_defects(recording, pattern):
    right, wrong = recording.right[1], recording.wrong[1]
    pipeline = ReconstructionPipeline(recording.settings, pattern)
    blind = ReconstructionPipeline(recording.settings, replace(pattern, defects=()))
    before = wrong.pixels.copy()
    mended, clean = pipeline(wrong).image, blind(right).image
    assert np.abs(mended - clean).max() < 0.1 * clean.max()
    assert np.abs(blind(wrong).image - clean).max() > clean.max()
    np.testing.assert_array_equal(wrong.pixels, before)
    assert pipeline.compute(wrong).counts.numpy().max() == right.pixels.max()
    for a, b in zip(pipeline.measure(wrong), blind.measure(right), strict=True):
        assert abs(a.ratio - b.ratio) < 0.02


def test_a_live_stream_and_the_file_of_its_pattern_give_the_same_pixels(recording):
    still = Tracking(follow=False, estimate=False)
    begin = pipeline_factory(recording.settings.model_copy(update={"tracking": still}))
    live = begin(recording.wrong[:1], True)
    try:
        kept = pattern_from_json(pattern_to_json(live.pattern))
        offline = ReconstructionPipeline(recording.settings, kept)
        assert kept.defects == HOT
        for stack in recording.wrong:
            np.testing.assert_array_equal(live(stack).image, offline(stack).image)
    finally:
        live.close()


def test_a_known_pattern_learns_the_defects_of_the_frames_at_hand(recording, pattern):
    older = replace(pattern, defects=((3, 4),), warnings=())
    now = in_this_light(older, recording.wrong[:1], recording.settings)
    assert now.defects == ((3, 4), *HOT)
    assert now.angles == pattern.angles
    assert in_this_light(now, recording.wrong[:1], recording.settings).warnings == now.warnings


def test_a_new_estimate_adds_its_defects_to_those_known(pattern):
    known = replace(pattern, defects=((1, 2),))
    angles = tuple(replace(angle) for angle in pattern.angles)
    found = replace(pattern, angles=angles, defects=((0, 9),))
    assert matched(found, known).defects == ((0, 9), (1, 2))


def test_the_live_doctor_is_not_misled(recording):
    examine = doctor_for(recording.settings)
    assert examine(recording.wrong).findings == examine(recording.right).findings


def test_a_pattern_file_names_defects_only_where_there_are_some(pattern):
    assert pattern_to_json(pattern)["defects"] == [list(place) for place in HOT]
    assert "defects" not in pattern_to_json(replace(pattern, defects=()))
    values = pattern_to_json(pattern) | {"defects": [[96, 3]]}
    with pytest.raises(DataError, match=r"defects: expected \(y, x\) inside frames of \(96, 96\)"):
        pattern_from_json(values)


def test_a_hit_of_a_live_stack_is_replaced_and_counted(recording, pattern):
    pipeline = ReconstructionPipeline(recording.settings, pattern)
    hit, clean = recording.wrong[0], pipeline(recording.right[0]).image
    seen = pipeline.reconstruct(hit)
    assert seen.hits == 1
    assert np.abs(seen.result.image - clean).max() < 0.1 * clean.max()
    assert pipeline.reconstruct(recording.wrong[1]).hits == 0
    begin = pipeline_factory(recording.settings, pattern)
    live = begin(recording.wrong[1:], True)
    try:
        live(recording.wrong[1])
        live(hit)
        assert live.health.hits == 1
    finally:
        live.close()


def test_the_api_replaces_hits_too(recording, pattern):
    restorer = Restorer(recording.settings, pattern)
    (one,) = restorer(recording.wrong[0].pixels[None])
    (right,) = restorer(recording.right[0].pixels[None])
    assert np.abs(one - right).max() < 0.1 * right.max()
