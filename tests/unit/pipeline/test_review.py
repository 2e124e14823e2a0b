"""A pipeline's own review: quiet for the shipped networks, loud for one that knows filaments only.

Lies made by hand are in `test_trust`.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from livesim.commands.train.scenes import simulated_scene
from livesim.config.settings import Camera, Settings, Steps
from livesim.pipeline.build import calibrate, with_levels
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.pipeline.review import SMALLEST
from livesim.reconstruction.forward.model import camera_counts
from livesim.values.frames import RawStack, StackIndex
from livesim.values.verdict import CHANGE_ONE, CHANGE_TWO, RESIDUAL, SPREAD, TrustWord
from livesim_models.data.recipe import ScenesRecipe
from tests.support.scenes import PLAIN, simulate

WRONG = Path(__file__).parents[2] / "weights" / "filaments-two.safetensors"
CAMERA = Camera(offset=100.0, gain=1.0, read_noise=1.5)
PHOTONS = 200.0


class Taken:
    """One raw stack of a structure, and what is known of it."""

    def __init__(self, structure: str) -> None:
        scene = simulated_scene(ScenesRecipe(seed=31), "test", 1, structure)
        generator = torch.Generator().manual_seed(1)
        counts = camera_counts(PHOTONS * scene.frames.float(), CAMERA, generator)
        self.optics = scene.optics
        self.stack = RawStack(stream="s", index=StackIndex(), pixels=counts.numpy())
        self.pattern = calibrate([self.stack], self.settings(Steps()))

    def settings(self, steps):
        return Settings(optics=self.optics, camera=CAMERA, steps=steps)

    def result(self, steps, turns_rad=None, pattern=None):
        pipeline = ReconstructionPipeline(self.settings(steps), pattern or self.pattern)
        return pipeline.reconstruct(self.stack, turns_rad)


@pytest.fixture(scope="module")
def beads():
    return Taken("beads")


def test_the_shipped_networks_are_trusted_on_what_they_know(beads):
    found = beads.result(Steps()).review(None)
    assert found.verdict.word is TrustWord.TRUSTED, found.verdict.sentence
    assert list(found.maps) == [RESIDUAL, CHANGE_ONE, CHANGE_TWO]
    for image in found.maps.values():
        assert image.shape == beads.stack.pixels.shape[-2:]
        assert 0.3 < image.std() < 2.0


def test_a_network_that_knows_filaments_alone_is_not_trusted_with_beads(beads):
    found = beads.result(Steps(one="none", two=str(WRONG))).review(None)
    assert found.verdict.word is TrustWord.DO_NOT_TRUST, found.verdict.sentence
    assert "do not look like those of the training" in found.verdict.sentence
    assert "the photons contradict" in found.verdict.reasons[0]
    assert list(found.maps) == [RESIDUAL, CHANGE_TWO]
    assert np.abs(found.maps[RESIDUAL]).max() > 8.0


def test_without_networks_nobody_asks(beads):
    assert beads.result(PLAIN).review is None


def test_a_pattern_that_has_drifted_is_no_lie(beads):
    turned = tuple(
        replace(one, phases_rad=tuple(p - 1.0 for p in one.phases_rad))
        for one in beads.pattern.angles
    )
    followed = beads.result(
        Steps(), turns_rad=(1.0, 1.0, 1.0), pattern=replace(beads.pattern, angles=turned)
    )
    still = beads.result(Steps()).review(None)
    found = followed.review(None)
    assert found.verdict.word is TrustWord.TRUSTED
    assert found.numbers.rms_sigmas == pytest.approx(still.numbers.rms_sigmas, abs=0.01)


def test_flips_are_told_of_and_agree_with_the_result(beads):
    done = []
    found = beads.result(Steps()).review(done.append)
    assert done == [n / 8.0 for n in range(1, 9)]
    assert 0.1 < found.numbers.spread_percent < 20.0
    assert found.maps[SPREAD].min() >= 0.0


@pytest.mark.parametrize(("side", "able"), [(SMALLEST, True), (SMALLEST - 2, False)])
def test_a_field_too_small_to_judge_is_not_judged(side, able):
    scene = simulate(4, (side, side), peak=100.0)
    settings = Settings(optics=scene.optics, camera=scene.camera)
    stack = RawStack(stream="s", index=StackIndex(), pixels=scene.counts[0].numpy())
    pattern = with_levels(scene.pattern, [stack], settings)
    made = ReconstructionPipeline(settings, pattern).reconstruct(stack)
    assert (made.review is not None) is able
    if able:
        assert made.review(None).numbers.places >= 0


def test_a_review_in_the_middle_of_a_reconstruction_changes_nothing(beads, monkeypatch):
    """Reviews are made in a thread of their own, at any moment of the frame path."""
    pipeline = ReconstructionPipeline(beads.settings(Steps()), beads.pattern)
    first = pipeline.reconstruct(beads.stack)
    invert, reviewed = pipeline.sections._of_photons.invert, []

    def interrupted(spectrum, image):
        if not reviewed:  # once: it would also interrupt itself
            reviewed.append(True)
            first.review(lambda done: None)
        invert(spectrum, image)

    monkeypatch.setattr(pipeline.sections._of_photons, "invert", interrupted)
    np.testing.assert_array_equal(pipeline(beads.stack).image, first.result.image)
    assert reviewed
