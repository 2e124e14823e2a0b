"""Scenes and samples: the pattern stays valid, the noise is what it should be, nothing leaks."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from livesim.commands.train.recordings import split_recordings
from livesim.commands.train.scenes import scenes_of, simulated_scene
from livesim.reconstruction.forward.illumination import Illumination
from livesim.reconstruction.forward.model import expected_photons, illumination
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.reconstruction.separation import groups
from livesim.values.errors import DataError
from livesim_models.data.draw import exposed, thinned
from livesim_models.data.recipe import LightRecipe, ScenesRecipe
from livesim_models.data.sample import measured_sample, simulated_sample
from livesim_models.data.samples import Samples, collated
from livesim_models.data.scene import Scene, bright_share, cropped, turned
from livesim_models.data.scene_file import read_scenes
from livesim_models.data.truth import passed
from livesim_models.evaluation.similarity import similarity
from tests.support.scenes import simulate

RECIPE = ScenesRecipe(size=64, one=3, two=3, validation=2)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def bare():
    """A scene whose truth is the object itself, so that the forward model can be asked."""
    scene = simulate(3, (32, 40))
    specimen = scene.truth.double()
    frames = expected_photons(specimen, scene.pattern, scene.otf)
    return Scene(frames, specimen, scene.pattern, scene.optics, "filaments", "a"), scene.otf


@pytest.mark.parametrize("symmetry", range(8))
def test_a_turned_scene_is_what_the_forward_model_makes_of_the_turned_object(bare, symmetry):
    scene, otf = bare
    seen = turned(scene, symmetry)
    again = expected_photons(seen.truth.contiguous(), seen.pattern, otf)
    inner = slice(6, -6)  # the fringes do not fit into the field: its borders see other ones
    error = (again - seen.frames)[..., inner, inner].abs().max()
    assert error < 0.01 * seen.frames.max()
    assert (symmetry == 0) == torch.equal(seen.frames, scene.frames)


def test_the_eight_symmetries_differ(bare):
    square = cropped(bare[0], (0, 0), (32, 32))
    every = [turned(square, symmetry).frames for symmetry in range(8)]
    pairs = [(a, b) for a in range(8) for b in range(a)]
    assert not any(torch.equal(every[a], every[b]) for a, b in pairs)


def test_a_crop_is_lit_as_its_part_of_the_field(bare):
    scene, _ = bare
    crop = cropped(scene, (5, 9), (16, 20))
    pixel_um = scene.pattern.pixel_nm / 1000.0
    for whole, part in zip(groups(scene.pattern), groups(crop.pattern), strict=True):
        light = illumination(Illumination.of(whole), (32, 40), pixel_um)
        torch.testing.assert_close(
            illumination(Illumination.of(part), (16, 20), pixel_um), light[:, 5:21, 9:29]
        )
    torch.testing.assert_close(crop.truth, scene.truth[10:42, 18:58])


def test_scenes_survive_their_file(tmp_path):
    scenes = scenes_of(RECIPE, "one", tmp_path / "scenes.safetensors", lambda: None)
    again = read_scenes(tmp_path / "scenes.safetensors")
    assert len(scenes) == len(again) == RECIPE.one
    for made, found in zip(scenes, again, strict=True):
        assert (found.pattern.angles, found.optics) == (made.pattern.angles, made.optics)
        assert found.pattern.noise_to_signal == made.pattern.noise_to_signal
        assert torch.equal(found.frames, made.frames)
    assert scenes_of(RECIPE, "one", tmp_path / "scenes.safetensors", pytest.fail)


def test_a_recipe_of_one_structure_mixes_none():
    recipe = ScenesRecipe(structures=("vesicles",), mixed=1.0, size=32)
    assert simulated_scene(recipe, "one", 0).structure == "vesicles"


def test_another_file_is_no_scenes(tmp_path):
    (tmp_path / "a").write_text("text")
    with pytest.raises(DataError, match="expected a file of scenes"):
        read_scenes(tmp_path / "a")


def test_splits_share_no_scene_and_seeds_decide():
    first = simulated_scene(RECIPE, "one", 0)
    assert torch.equal(first.frames, simulated_scene(RECIPE, "one", 0).frames)
    others = [simulated_scene(RECIPE, split, 0) for split in ("two", "validation", "test")]
    others.append(simulated_scene(RECIPE.model_copy(update={"seed": 5}), "one", 0))
    assert not any(torch.equal(first.frames, other.frames) for other in others)


def test_recordings_are_split_whole():
    raws = [f"r{number}" for number in range(7)]
    split = split_recordings(raws)
    assert sorted(split["one"] + split["two"] + split["validation"]) == raws
    assert all(split[part] for part in ("one", "two", "validation"))
    with pytest.raises(DataError, match=r"expected 3 recordings or more.*found 2"):
        split_recordings(raws[:2])


def test_thinning_leaves_poisson_photons_of_the_lower_rate():
    photons = torch.poisson(torch.full((400, 400), 60.0), generator=generator())
    kept = thinned(photons, 20.0, generator(1))
    assert float(kept.mean()) == pytest.approx(3.0, rel=0.01)
    assert float(kept.var()) == pytest.approx(3.0, rel=0.02)
    rest = photons - kept
    both = torch.stack([kept.flatten(), rest.flatten()])
    assert abs(float(torch.corrcoef(both)[0, 1])) < 0.01  # else a network could learn the noise
    with pytest.raises(ValueError, match="expected a thinning scale above 1, found 1"):
        thinned(photons, 1.0, generator())


def test_exposure_has_shot_and_read_noise():
    found = exposed(torch.full((400, 400), 5.0), 2.0, generator())
    assert float(found.mean()) == pytest.approx(5.0, rel=0.01)
    assert float(found.var()) == pytest.approx(5.0 + 4.0, rel=0.02)


def test_with_much_light_the_target_is_what_is_reconstructed():
    scene = simulated_scene(ScenesRecipe(size=96), "test", 1, "filaments")
    sample = simulated_sample(scene, 1e5, 1.0, generator())
    found = Reconstructor(sample.plan)(sample.low[None]).image[0]
    assert similarity(found.numpy(), sample.target.numpy()).psnr_db > 30.0
    assert float(sample.clean.mean(dim=0).max()) == pytest.approx(1e5, rel=0.1)


def test_a_measured_sample_is_the_recording_with_less_light():
    scene = simulate(2, (64, 64), peak=2000.0)
    photons = (scene.counts[0].float() - scene.camera.offset) / scene.camera.gain
    measured = Scene(photons, None, scene.pattern, scene.optics, "measured", "r", 1.5)
    sample = measured_sample(measured, 20.0, generator())
    expected = scene.expected.flatten(0, 1) / 20.0
    assert float((sample.low - expected).mean()) == pytest.approx(0.0, abs=0.1)
    assert float((sample.clean - expected).std()) < float((sample.low - expected).std()) / 3.0
    assert float(sample.target.mean()) == pytest.approx(float(expected.mean()), rel=0.02)


def test_samples_do_not_depend_on_who_asks():
    scenes = [simulated_scene(RECIPE, "one", number) for number in range(2)]
    long = Samples(scenes, LightRecipe(), 7, 0, 6, crop=48)
    later = Samples(scenes, LightRecipe(), 7, 4, 2, crop=48)
    for one, other in ((long[4], later[0]), (long[5], later[1])):
        assert torch.equal(one.low, other.low)
        assert torch.equal(one.target, other.target)
    assert not torch.equal(long[0].low, long[1].low)
    batch = collated([long[0], long[1]])
    assert batch.low.shape == (2, 9, 48, 48)
    assert batch.target.shape == (2, 96, 96)
    assert len(batch.first(1).plans) == 1


def test_light_is_spread_evenly_over_its_logarithm():
    scenes = [simulated_scene(RECIPE, "one", 0)]
    light = LightRecipe(photons=(2.0, 200.0), read_noise=(0.0, 1e-9))
    samples = Samples(scenes, light, 0, 0, 60)
    logs = [math.log10(float(samples[n].clean.mean(dim=0).max())) for n in range(60)]
    brightest = float(scenes[0].frames.float().mean(dim=(0, 1)).max())
    middle = 0.5 * (math.log10(2.0) + math.log10(200.0)) + math.log10(brightest)
    assert np.mean(logs) == pytest.approx(middle, abs=0.25)
    assert np.ptp(logs) > 1.5


def test_crops_show_something():
    scene = simulated_scene(RECIPE, "one", 0)
    empty = torch.zeros_like(scene.frames)
    empty[..., :20, :20] = scene.frames[..., :20, :20]
    samples = Samples([replace(scene, frames=empty)], LightRecipe(), 0, 0, 10, crop=32)
    assert all(float(samples[n].clean.max()) > 0.0 for n in range(10))
    assert bright_share(scene) > 0.005


def test_the_truth_keeps_its_light(bare):
    scene, _ = bare
    low = passed(scene.truth, scene.pattern, scene.optics)
    assert float(low.mean()) == pytest.approx(float(scene.truth.mean()))
    assert float(low.var()) < float(scene.truth.var())


def test_a_pair_is_compared_at_the_light_of_its_darker_half():
    bright, dark = (simulate(2, (64, 64), peak=peak) for peak in (2000.0, 100.0))
    photons, dim = (scene.counts[0].float() - scene.camera.offset for scene in (bright, dark))
    pair = Scene(photons, None, bright.pattern, bright.optics, "measured", "r", 1.5, dim)
    sample = measured_sample(turned(pair, 3), 20.0, generator())
    assert torch.equal(sample.low, turned(replace(pair, frames=dim), 3).frames.flatten(0, 1))
    assert float(sample.clean.mean()) == pytest.approx(float(dim.mean()), rel=1e-3)
    assert float(sample.target.mean()) == pytest.approx(float(dim.mean()), rel=0.02)
