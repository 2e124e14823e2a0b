from dataclasses import replace

import numpy as np
import pytest

from livesim.config.settings import Settings
from livesim.pipeline.calibration import calibrate, in_this_light, with_warnings
from livesim.pipeline.networks import Networks
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.values.frames import RawStack, StackIndex
from livesim.values.pattern import OtfDamping, Pattern
from tests.support.scenes import OPTICS, PLAIN, Scene, simulate


@pytest.fixture(scope="module")
def scene() -> Scene:
    return simulate(0, (96, 96), optics=OPTICS.model_copy(update={"otf_damping": 0.5}))


def settings_with(damping: float | str) -> Settings:
    optics = OPTICS.model_copy(update={"otf_damping": damping})
    return Settings(optics=optics, steps=PLAIN)


def image(settings: Settings, pattern: Pattern, stack: RawStack) -> np.ndarray:
    return ReconstructionPipeline(settings, pattern).reconstruct(stack).result.image


def test_a_pattern_is_used_with_the_otf_that_was_found_with_it(scene):
    stack = scene.stack
    pattern = calibrate([stack], settings_with("auto"))
    assert pattern.otf_damping is not None
    assert pattern.otf_damping.value == pytest.approx(0.5, rel=0.15)
    found = image(settings_with("auto"), pattern, stack)
    same = image(settings_with(pattern.otf_damping.value), pattern, stack)
    np.testing.assert_array_equal(found, same)
    assumed = image(settings_with("auto"), replace(pattern, otf_damping=None), stack)
    assert np.abs(found - assumed).max() > 0.01 * np.ptp(found)


def test_a_damping_that_is_set_is_not_replaced(scene):
    stack = scene.stack
    pattern = calibrate([stack], settings_with(0.5))
    assert pattern.otf_damping is None


@pytest.mark.parametrize(("damping", "said"), [(0.2, True), (0.5, False), ("auto", False)])
def test_a_set_damping_that_is_not_the_pattern_s_is_said(scene, damping, said):
    stack = scene.stack
    pattern = calibrate([stack], settings_with("auto"))
    found = with_warnings(pattern, [stack], settings_with(damping), Networks(0.0))
    words = "OTF damping: 0.2 is set, but the pattern's modulation was found with 0."
    assert any(words in one for one in found.warnings) == said


def test_noise_measured_in_other_light_belongs_to_the_otf_that_is_kept(scene):
    """A dim stack may show another damping by chance; the pattern's is used all the same."""
    pattern = calibrate([scene.stack], settings_with("auto"))
    kept = replace(pattern, otf_damping=OtfDamping(1.0, 0.01))
    dim = RawStack("s", StackIndex(), (scene.counts[0].numpy() - 100) // 8 + 100)
    found = in_this_light(kept, [dim], settings_with("auto"))
    known = calibrate([dim], settings_with(1.0))
    assert found.otf_damping == kept.otf_damping
    assert found.noise_to_signal == known.noise_to_signal
