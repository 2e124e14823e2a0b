"""Raw stacks of six and of three frames, from the settings to the image."""

from __future__ import annotations

import numpy as np
import pytest

import livesim
from livesim.config.settings import PatternSettings, Settings, SettingsError
from livesim.pipeline.build import pipeline_factory
from livesim.pipeline.networks import resolved
from livesim.reconstruction.few_frames import of_frames
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.values.frames import RawStack, StackIndex
from tests.support.scenes import CAMERA, OPTICS, simulate

SIX = (0, 1, 3, 4, 6, 7)


@pytest.fixture(scope="module")
def scene():
    return simulate(5, (64, 64), peak=300.0)


def settings(phases, **more):
    pattern = PatternSettings(phases=phases)
    return Settings(optics=OPTICS, camera=CAMERA, pattern=pattern, **more)


def test_six_frames_are_restored_with_their_pattern(scene):
    pattern = of_frames(scene.pattern, SIX)
    raw = scene.counts[0].flatten(0, 1)[list(SIX)].numpy()
    found = livesim.restore(raw, settings(2), pattern)
    assert resolved(settings(2)).notes[0].startswith("no network runs: expected 3 phases or more")
    plan = make_plan(pattern, scene.otf, CAMERA, settings(2).reconstruction)
    expected = Reconstructor(plan)(scene.counts.flatten(1, 2)[:, list(SIX)]).image[0]
    np.testing.assert_array_equal(found, expected)


def test_a_stream_of_six_frames_does_not_track(scene):
    pattern = of_frames(scene.pattern, SIX)
    pixels = scene.counts[0][:, :2].numpy()
    begin = pipeline_factory(settings(2), pattern)
    pipeline = begin([RawStack("s", StackIndex(), pixels)], False)
    assert not pipeline.follows
    assert pipeline(RawStack("s", StackIndex(), pixels)).image.shape == (128, 128)
    assert "do not separate its bands" in pipeline.pattern.doubts[-1]
    with pytest.raises(SettingsError, match=r"at least 3 phases to estimate.*found 2"):
        pipeline.recalibrate()


def test_no_pattern_is_looked_for_in_two_phases(scene):
    with pytest.raises(SettingsError, match=r"pattern.phases: expected at least 3.*found 2"):
        pipeline_factory(settings(2))
    with pytest.raises(SettingsError, match=r"pattern.phases: expected at least 3.*found 2"):
        livesim.calibrate(scene.counts[0][:, :2].numpy(), settings(2))


@pytest.mark.parametrize(
    "reconstruction", [{"richardson_lucy_iterations": 3}, {"notch": {"strength": 0.5}}]
)
def test_what_needs_bands_is_refused(reconstruction):
    with pytest.raises(ValueError, match=r"no Richardson-Lucy steps and no notch with 1 phase"):
        settings(1, reconstruction=reconstruction)


def test_a_network_that_is_named_is_refused(scene):
    own = settings(2, steps={"one": "none", "two": "universal"})
    with pytest.raises(SettingsError, match=r"steps.two: expected 3 phases or more.*found 2"):
        pipeline_factory(own, of_frames(scene.pattern, SIX))
