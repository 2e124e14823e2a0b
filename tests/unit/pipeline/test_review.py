"""A pipeline's own review: what it grants the networks, and what it says of the result."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from livesim.commands.train.scenes import simulated_scene
from livesim.config.settings import Camera, Settings, Steps
from livesim.pipeline.calibration import with_levels, with_warnings
from livesim.pipeline.networks import SMALLEST, load_networks
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.values.frames import RawStack, StackIndex
from livesim.values.verdict import ERROR, MAPS, RESIDUAL, SHOWN, TrustWord
from livesim_models.data.recipe import ScenesRecipe
from livesim_models.data.sample import simulated_sample
from tests.support.scenes import PAIR, PLAIN, simulate

WRONG = Path(__file__).parents[2] / "weights" / "filaments-two.safetensors"
CAMERA = Camera(offset=100.0, gain=1.0, read_noise=1.5)
PHOTONS = 200.0


class Taken:
    """One raw stack of a structure, and what is known of it."""

    def __init__(self, structure: str) -> None:
        scene = simulated_scene(ScenesRecipe(seed=31), "test", 1, structure)
        generator = torch.Generator().manual_seed(1)
        sample = simulated_sample(scene, PHOTONS, CAMERA.read_noise, generator)
        counts = CAMERA.offset + CAMERA.gain * sample.low
        self.optics = scene.optics
        pixels = counts.reshape(3, 3, *counts.shape[1:]).numpy()
        self.stack = RawStack(stream="s", index=StackIndex(), pixels=pixels)
        self.pattern = with_levels(sample.pattern, [self.stack], self.settings(PAIR))

    def settings(self, steps):
        return Settings(optics=self.optics, camera=CAMERA, steps=steps)

    def networks(self):
        return load_networks(self.settings(PAIR), torch.device("cpu"))

    def pipeline(self, steps, pattern=None):
        return ReconstructionPipeline(self.settings(steps), pattern or self.pattern)

    def result(self, steps, turns_rad=None, pattern=None):
        return self.pipeline(steps, pattern).reconstruct(self.stack, turns_rad)


@pytest.fixture(scope="module")
def beads():
    return Taken("beads")


def silent(done):
    pass


def test_the_shipped_networks_are_mostly_shown_on_what_they_know(beads):
    pipeline = beads.pipeline(PAIR)
    first = pipeline.reconstruct(beads.stack).review(silent)
    found = pipeline.reconstruct(beads.stack, None, first.weights).review(silent)
    assert found.verdict.word is TrustWord.TRUSTED, found.verdict.sentence
    assert found.numbers.shown_percent > 30.0
    assert tuple(found.maps) == MAPS
    for image in found.maps.values():
        assert image.shape == beads.stack.pixels.shape[-2:]
    assert 0.3 < found.maps[RESIDUAL].std() < 2.0
    assert found.maps[ERROR].min() > 0.0
    assert 0.0 <= found.maps[SHOWN].min() < found.maps[SHOWN].max() <= 1.0
    assert found.weights.shapes == pipeline.weight_shapes
    shown = pipeline.reconstruct(beads.stack, weights=found.weights).result
    assert not np.array_equal(shown.image, shown.plain)


def test_what_a_wrong_network_draws_into_beads_is_not_shown(beads):
    """It knows filaments alone, and draws them; the photons leave next to nothing of that."""
    wrong = beads.pipeline(Steps(one="none", two=str(WRONG)))
    made = wrong.reconstruct(beads.stack)
    found = made.review(silent)
    assert "do not look like those of the training" in found.verdict.sentence
    shown = wrong.reconstruct(beads.stack, weights=found.weights).result
    drawn, kept = (np.square(one - shown.plain).mean() for one in (made.network(), shown.image))
    assert kept < 0.05 * drawn
    assert found.numbers.shown_percent < 20.0
    assert found.numbers.overruled_sigmas > 4.0


def test_without_networks_nobody_asks_but_the_error_is_known(beads):
    pipeline = beads.pipeline(PLAIN)
    work = pipeline.compute(beads.stack)
    assert beads.result(PLAIN).review is None
    found = pipeline.examine(work)
    np.testing.assert_array_equal(found.image.numpy(), work.plain.numpy())
    assert float(found.error.min()) > 0.0


def test_a_pattern_that_has_drifted_is_no_lie(beads):
    turned = tuple(
        replace(one, phases_rad=tuple(p - 1.0 for p in one.phases_rad))
        for one in beads.pattern.angles
    )
    followed = beads.result(
        PAIR, turns_rad=(1.0, 1.0, 1.0), pattern=replace(beads.pattern, angles=turned)
    )
    still = beads.result(PAIR).review(silent)
    found = followed.review(silent)
    assert found.verdict.word is TrustWord.TRUSTED
    assert found.numbers.plain_denied_percent < 1.0
    assert found.numbers.carried_percent == pytest.approx(still.numbers.carried_percent, abs=0.5)


def test_a_stack_is_always_examined_alike_and_tells_how_far_it_is(beads):
    done = []
    made = beads.result(PAIR)
    one, other = made.review(done.append), made.review(silent)
    assert one.weights == other.weights
    assert one.numbers == other.numbers
    assert done == sorted(done)
    assert len(done) == 4
    assert done[-1] < 1.0


def test_what_telling_raises_ends_a_review_before_the_next_image(beads):
    class EnoughError(Exception):
        pass

    def ended(done):
        raise EnoughError

    with pytest.raises(EnoughError):
        beads.result(PAIR).review(ended)


def test_an_image_that_is_off_has_a_greater_error_than_the_arbitrated_one(beads):
    pipeline = beads.pipeline(PAIR)
    work = pipeline.compute(beads.stack)
    found = pipeline.examine(work)
    same = pipeline.examine(work, found.image)
    assert same.trust.numbers == found.trust.numbers
    torch.testing.assert_close(same.error, found.error)
    lie = found.image.clone()
    lie[60:90, 60:90] += 0.5 * float(lie.max())
    told = pipeline.examine(work, lie)
    assert told.trust.numbers.carried_percent < found.trust.numbers.carried_percent
    row, column = (int(n) for n in torch.tensor(divmod(int(told.error.argmax()), lie.shape[1])))
    assert 55 <= row <= 95
    assert 55 <= column <= 95


def test_the_maps_of_a_stream_are_about_the_image_that_is_shown(beads):
    """The first one is shown without weights: plain, so nothing of the networks' change is in it.

    The verdict is on what they are granted from the next stack on.
    """
    pipeline = beads.pipeline(PAIR)
    first = pipeline.reconstruct(beads.stack)
    np.testing.assert_array_equal(first.result.image, first.result.plain)
    trust = first.review(silent)
    second = pipeline.reconstruct(beads.stack, None, trust.weights).review(silent)
    assert trust.maps[SHOWN].max() == 0.0
    assert second.maps[SHOWN].mean() > 0.5
    assert trust.maps[ERROR].mean() > 1.05 * second.maps[ERROR].mean()
    assert trust.verdict == second.verdict


def test_step_two_sees_a_part_of_the_light_with_levels_of_that_light(beads, monkeypatch):
    """Else it would take a bright stack for a dim one, and be blamed for that."""
    pipeline, seen = beads.pipeline(Steps(one="none", two="pair")), []
    two = pipeline.networks.two

    def watched(self, image, conditions):
        high = float(conditions.levels[0, 1])
        seen.append((float(torch.quantile(image.flatten()[::7], 0.99)), high))
        return two(image, conditions)

    work = pipeline.compute(beads.stack)
    monkeypatch.setattr(type(pipeline.networks), "two", watched)
    pipeline.examine(work)
    assert len(seen) == 2, "the whole stack's image is known already"
    whole = float(torch.quantile(work.plain.flatten()[::7], 0.99)) / beads.pattern.levels.high
    for bright, high in seen:
        assert bright / high == pytest.approx(whole, rel=0.1)
        assert high == pytest.approx(beads.pattern.levels.high / 1.25)


def test_smoothed_frames_are_recognised_and_the_plain_image_shown(beads):
    smoothed = torch.nn.functional.avg_pool2d(
        torch.from_numpy(beads.stack.pixels.astype(np.float32)).flatten(0, 1)[None], 3, 1, 1
    ).reshape(beads.stack.pixels.shape)
    pipeline = beads.pipeline(PAIR)
    work = pipeline.compute(replace(beads.stack, pixels=smoothed.numpy()))
    found = pipeline.examine(work)
    assert torch.equal(found.image, work.plain)
    assert found.trust.verdict.word is TrustWord.LOOK
    assert "the photons cannot decide" in found.trust.verdict.sentence
    assert found.error is None
    assert ERROR not in found.trust.maps


def test_a_pattern_that_the_frames_contradict_is_not_trusted(beads):
    pattern = replace(beads.pattern, doubts=("expected one thing, found another",))
    found = beads.pipeline(PLAIN, pattern)
    verdict = found.examine(found.compute(beads.stack)).trust.verdict
    assert verdict.word is TrustWord.LOOK
    assert verdict.reasons[0] == "the pattern is doubtful: expected one thing, found another"


def test_fringes_of_another_period_are_seen_as_stripes(beads):
    """Stray light that interferes: the pattern does not know it, and its bands carry it along."""
    y, x = np.indices(beads.stack.pixels.shape[-2:])
    bright = np.quantile(beads.stack.pixels.mean(axis=(0, 1)) - CAMERA.offset, 0.99)
    stray = [
        [0.1 * bright * (1.0 + np.cos(0.5 * x + 0.2 * y + 2.0 * np.pi * n / 3.0)) for n in range(3)]
        for _ in range(3)
    ]
    pipeline = beads.pipeline(PLAIN)
    for pixels, word in (
        (beads.stack.pixels, TrustWord.TRUSTED),
        ((beads.stack.pixels + stray).astype(np.uint16), TrustWord.LOOK),
    ):
        work = pipeline.compute(replace(beads.stack, pixels=pixels))
        found = pipeline.examine(work).trust.verdict
        assert found.word is word, found.sentence
        assert ("stripes that the widefield does not show" in found.sentence) is (
            word is TrustWord.LOOK
        )


def test_a_frame_that_is_dark_in_half_of_the_field_makes_its_image_doubtful(beads):
    pixels = beads.stack.pixels.copy()
    pixels[1, 2, pixels.shape[2] // 2 :] = int(CAMERA.offset)
    pipeline = beads.pipeline(PLAIN)
    found = pipeline.examine(pipeline.compute(replace(beads.stack, pixels=pixels))).trust.verdict
    assert found.word is not TrustWord.TRUSTED
    assert "the pattern is doubtful: frame 5 is" in found.sentence


@pytest.mark.parametrize(("side", "able"), [(SMALLEST, True), (SMALLEST - 2, False)])
def test_a_field_too_small_to_judge_has_no_networks(side, able, caplog):
    scene = simulate(4, (side, side), peak=100.0)
    settings = scene.described()
    stack = scene.stack
    pattern = with_levels(scene.pattern, [stack], settings)
    pipeline = ReconstructionPipeline(settings, pattern)
    made = pipeline.reconstruct(stack)
    assert (made.review is not None) is able
    assert pipeline.networks.any is able
    if able:
        assert made.review(silent).numbers.carried_percent > 0.0
    else:
        assert "no network runs: expected a field of at least" in caplog.text
        assert pipeline.examine(pipeline.compute(stack)) is None


def test_without_a_usable_angle_no_network_runs(beads, caplog):
    angles = tuple(replace(one, usable=False) for one in beads.pattern.angles)
    dark = replace(beads.pattern, angles=angles)
    made = beads.result(PAIR, pattern=dark)
    assert made.network is None
    assert made.review is None
    assert made.result.plain is None
    assert "no network runs: no angle of the pattern was found" in caplog.text
    warned = with_warnings(dark, [beads.stack], beads.settings(PAIR), beads.networks())
    assert any("no network runs" in words for words in warned.warnings)


def test_a_review_in_the_middle_of_a_reconstruction_changes_nothing(beads, monkeypatch):
    """Reviews are made in a thread of their own, at any moment of the frame path."""
    pipeline = ReconstructionPipeline(beads.settings(PAIR), beads.pattern)
    first = pipeline.reconstruct(beads.stack)
    invert, reviewed = pipeline.sections._of_photons.invert, []

    def interrupted(spectrum, image):
        if not reviewed:  # once: it would also interrupt itself
            reviewed.append(True)
            first.review(silent)
        invert(spectrum, image)

    monkeypatch.setattr(pipeline.sections._of_photons, "invert", interrupted)
    np.testing.assert_array_equal(pipeline(beads.stack).image, first.result.image)
    assert reviewed


def test_the_error_is_larger_where_the_map_says_that_pixels_are_noisy(beads, tmp_path):
    shape = beads.pattern.shape
    variance = np.full(shape, CAMERA.read_noise**2)
    variance[40:60, 40:60] = 40.0**2
    pages = np.stack([np.full(shape, CAMERA.offset), np.ones(shape), variance])
    errors = []
    for count in (2, 3):
        path = tmp_path / f"{count}.tif"
        tifffile.imwrite(path, pages[:count].astype(np.float32), photometric="minisblack")
        camera = CAMERA.model_copy(update={"map": path})
        settings = beads.settings(PLAIN).model_copy(update={"camera": camera})
        pipeline = ReconstructionPipeline(settings, beads.pattern)
        errors.append(pipeline.examine(pipeline.compute(beads.stack)).error)
    there, far = (slice(84, 116),) * 2, (slice(4, 60),) * 2
    ratio = errors[1] / errors[0]
    assert float(ratio[there].median()) > 2.0
    assert float(ratio[far].median()) == pytest.approx(1.0, abs=0.2)
