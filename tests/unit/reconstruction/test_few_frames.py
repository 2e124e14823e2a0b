"""Raw stacks of too few frames: least squares with the object's power as a prior."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from livesim.config.settings import Reconstruction
from livesim.reconstruction.few_frames import STEPS, FewFrames, of_frames
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.values.pattern import NoiseToSignal
from livesim_models.data.truth import passed
from livesim_models.evaluation.similarity import similarity
from tests.support.scenes import simulate

SIX, THREE = (0, 1, 3, 4, 6, 7), (0, 4, 8)
SETTINGS = Reconstruction()


@pytest.fixture(scope="module")
def scene():
    made = simulate(3, (96, 96), peak=300.0)
    noise = NoiseToSignal(0.01, 1.5)
    return replace(made, pattern=replace(made.pattern, noise_to_signal=noise))


def image(scene, frames, pattern=None):
    pattern = pattern or of_frames(scene.pattern, frames)
    plan = make_plan(pattern, scene.otf, scene.camera, SETTINGS)
    return Reconstructor(plan)(scene.counts.flatten(1, 2)[:, list(frames)])


def gain_db(scene, found):
    """Return by how much an image is nearer to the ideal one than the widefield is."""
    truth = passed(scene.truth.float(), scene.pattern, scene.optics).double().numpy()
    flat = torch.nn.functional.interpolate(found.widefield[None], scale_factor=2)[0, 0]
    return similarity(found.image[0].double().numpy(), truth).psnr_db - (
        similarity(flat.double().numpy(), truth).psnr_db
    )


def test_all_frames_give_the_wiener_filters_image(scene):
    few = FewFrames.of(scene.pattern, scene.otf, scene.camera, SETTINGS)
    found = few.image(scene.counts[0].flatten(0, 1))
    plan = make_plan(scene.pattern, scene.otf, scene.camera, SETTINGS)
    plain = Reconstructor(plan)(scene.counts).image[0]
    inside = (slice(32, -32), slice(32, -32))
    off = (found - plain)[inside].square().mean().sqrt()
    assert off < 0.02 * plain[inside].std()


def test_fewer_frames_show_less_and_more_than_the_widefield(scene):
    whole, six, three = (gain_db(scene, image(scene, one)) for one in (range(9), SIX, THREE))
    assert whole > six > three > 1.0


def test_counts_and_photons_give_the_same(scene):
    pattern = of_frames(scene.pattern, THREE)
    camera = scene.camera.model_copy(update={"gain": 2.0, "offset": 50.0})
    frames = scene.counts[0].flatten(0, 1)[list(THREE)].float()
    plan = make_plan(pattern, scene.otf, camera, SETTINGS)
    of_counts = Reconstructor(plan)(frames[None]).image
    of_photons = Reconstructor(plan.for_photons(camera))((frames[None] - 50.0) / 2.0).image
    torch.testing.assert_close(of_counts, of_photons)


@pytest.mark.parametrize("light", [0.1, 100.0])
def test_steps_end_where_they_change_the_image_no_more(scene, light, monkeypatch):
    """In strong light the image is made exactly, so more of them are needed."""
    pattern = of_frames(scene.pattern, SIX)
    noise = replace(pattern.noise_to_signal, at_cutoff=0.015 / light)
    few = FewFrames.of(replace(pattern, noise_to_signal=noise), scene.otf, scene.camera, SETTINGS)
    frames, taken = scene.counts[0].flatten(0, 1)[list(SIX)], []
    normal = FewFrames._normal
    monkeypatch.setattr(FewFrames, "_normal", lambda *own: taken.append(1) or normal(*own))
    found = few.image(frames)
    needed = len(taken)
    monkeypatch.setattr("livesim.reconstruction.few_frames._ENOUGH", 0.0)
    whole = few.image(frames)
    assert len(taken) - needed == STEPS
    assert needed < (STEPS // 2 if light < 1.0 else STEPS + 1)
    assert (found - whole).std() < 0.01 * (whole - whole.mean()).std()


def test_a_dark_stack_has_a_dark_image(scene):
    plan = make_plan(of_frames(scene.pattern, THREE), scene.otf, scene.camera, SETTINGS)
    dark = torch.full((1, 3, 96, 96), scene.camera.offset)
    assert torch.equal(Reconstructor(plan)(dark).image, torch.zeros(1, 192, 192))


def test_a_pattern_of_few_frames_says_so(scene):
    found = of_frames(scene.pattern, SIX)
    assert found.too_few_frames
    assert not scene.pattern.too_few_frames
    assert found.doubts[-1].startswith("6 frames in a raw stack do not separate its bands")
    assert found.doubts[-1] in found.warnings
    assert found.noise_to_signal.at_cutoff == pytest.approx(0.015)
    assert [len(angle.phases_rad) for angle in found.angles] == [2, 2, 2]


def test_all_frames_are_the_pattern_itself(scene):
    assert of_frames(scene.pattern, range(9)) == scene.pattern


@pytest.mark.parametrize("frames", [(0, 1, 3), (0, 4), (0, 4, 9), (-1, 4, 8)])
def test_frames_that_cannot_be_a_stack_are_refused(scene, frames):
    with pytest.raises(ValueError, match=r"expected 3 or more frames from 0 to 8, as many of each"):
        of_frames(scene.pattern, frames)
