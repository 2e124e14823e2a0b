"""Volumes restored by a network: weighed by their photons, said in the recipe, or refused."""

from functools import partial

import numpy as np
import pytest
import tifffile
import torch
from typer.testing import CliRunner

from livesim.cli import app
from livesim.commands.restore.command import restore_file
from livesim.commands.restore.request import RestoreRequest
from livesim.commands.restore.volumes import restore_volumes
from livesim.config.settings import SettingsError, Steps
from livesim.io.write.results import read_recipe
from livesim.pipeline.networks import load_networks
from livesim.pipeline.volume.networks import load_volume_networks, resolved_volumes
from livesim.values.volume_pattern import IN_THREE_DIMENSIONS
from tests.support.volume_network import drawn_network, drawn_step_one
from tests.unit.commands import test_restore_volumes
from tests.unit.commands.test_restore_volumes import settings, written

frames = test_restore_volumes.frames


@pytest.fixture
def model(tmp_path):
    """Return a function that writes a network for volumes whose last layer is so strong."""

    return partial(drawn_network, tmp_path)


def asking_for(two, **steps):
    chosen, asked = settings(), {"two": two, **steps}
    return chosen.model_copy(update={"steps": chosen.steps.model_copy(update=asked)})


def restored(raw, chosen, folder):
    out = folder / "out.ome.tif"
    restore_volumes(RestoreRequest(raw, chosen, None, out, overwrite=True))
    return tifffile.imread(out), read_recipe(out)


def test_a_network_that_changes_nothing_leaves_the_plain_volume(frames, model, tmp_path):
    raw = written(tmp_path, frames[:1])
    plain, _ = restored(raw, asking_for("none"), tmp_path)
    image, recipe = restored(raw, asking_for(model(0.0)), tmp_path)
    assert np.abs(image - plain).max() < 1e-5 * np.abs(plain).max()
    assert recipe.steps == ("reconstruct", "two")
    assert set(recipe.models) == {"drawn-two.safetensors"}
    assert IN_THREE_DIMENSIONS in recipe.warnings


def test_the_recipe_says_what_was_done_before_and_behind(frames, tmp_path):
    raw, one = written(tmp_path, frames[:1]), drawn_step_one(tmp_path, 0.3)
    plain, _ = restored(raw, asking_for("none"), tmp_path)
    image, recipe = restored(raw, asking_for("none", one=one), tmp_path)
    assert (image != plain).any()
    assert recipe.steps == ("one", "reconstruct")
    assert set(recipe.models) == {"drawn-one.safetensors"}
    two = drawn_network(tmp_path, 0.3, behind="drawn")
    _, recipe = restored(raw, asking_for(two, one=one), tmp_path)
    assert recipe.steps == ("one", "reconstruct", "two")
    assert set(recipe.models) == {"drawn-one.safetensors", "drawn-two.safetensors"}


def test_what_is_left_open_is_what_goes_with_what_is_named():
    def named(**steps):
        chosen = settings().model_copy(update={"steps": Steps(**steps)})
        found = resolved_volumes(chosen).settings.steps
        return found.one, found.two

    assert named() == ("none", "none")
    assert named(two="volumes") == ("none", "volumes")
    assert named(two="volumes-pair") == ("volumes-pair", "volumes-pair")
    assert named(one="volumes-pair") == ("volumes-pair", "volumes-pair")
    assert named(one="volumes-pair", two="none") == ("volumes-pair", "none")


def test_steps_of_volumes_that_do_not_fit_each_other_are_refused(tmp_path):
    one, two = drawn_step_one(tmp_path, 0.3), drawn_network(tmp_path, 0.3)
    with pytest.raises(SettingsError, match=r"expected 'none' in front of .*drawn-two"):
        load_volume_networks(asking_for(two, one=one))
    behind = drawn_network(tmp_path, 0.3, behind="another")
    for found in (one, "none"):
        with pytest.raises(SettingsError, match=r"expected 'another' in front of .*drawn-two"):
            load_volume_networks(asking_for(behind, one=found))
    with pytest.raises(SettingsError, match=r"steps\.one: expected a model for step one, found"):
        load_volume_networks(asking_for("none", one=two))
    with pytest.raises(SettingsError, match=r"steps\.one: .* found 'pair', .* single planes"):
        load_volume_networks(asking_for("none", one="pair"))


def test_a_step_one_of_volumes_is_none_for_single_planes(tmp_path):
    one = drawn_step_one(tmp_path, 0.3)
    flat = asking_for("none", one=one).model_copy(update={"volumes": None})
    with pytest.raises(SettingsError, match="found 'drawn', which is for volumes"):
        load_networks(flat, torch.device("cpu"))


def test_a_network_of_chance_is_hardly_shown(frames, model, tmp_path):
    raw = written(tmp_path, frames[:1])
    plain, _ = restored(raw, asking_for("none"), tmp_path)
    image, _ = restored(raw, asking_for(model(0.5)), tmp_path)
    again, _ = restored(raw, asking_for(model(0.5)), tmp_path)
    assert (again == image).all()
    inside = (slice(2, -2), slice(16, -16), slice(16, -16))
    change = (image - plain)[0][inside] if image.ndim == 4 else (image - plain)[inside]
    whole = plain[0][inside] if plain.ndim == 4 else plain[inside]
    assert change.std() < 0.3 * whole.std()


def test_frames_that_the_network_never_saw_are_restored_plain_and_said(
    frames, model, tmp_path, capsys
):
    raw = written(tmp_path, frames[:1])
    plain, _ = restored(raw, asking_for("none"), tmp_path)
    image, recipe = restored(raw, asking_for(model(0.5, frames=25)), tmp_path)
    assert (image == plain).all()
    assert recipe.steps == ("reconstruct",)
    said = "expected planes of 25 frames as 'drawn' was trained on, found 15"
    assert said in " ".join(recipe.warnings)
    assert said in " ".join(capsys.readouterr().err.split())


def test_steps_leave_the_network_out(frames, model, tmp_path):
    raw, out = written(tmp_path, frames[:1]), tmp_path / "out.ome.tif"
    plain, _ = restored(raw, asking_for("none"), tmp_path)
    raw.with_suffix(".toml").write_text(asking_for(model(0.5)).to_toml())
    flags = ["--steps", "reconstruct", "--out", str(out), "--overwrite"]
    CliRunner().invoke(app, ["restore", str(raw), *flags], catch_exceptions=False)
    assert (tifffile.imread(out) == plain).all()
    assert read_recipe(out).steps == ("reconstruct",)


def test_light_that_the_training_never_saw_is_said(frames, model, tmp_path, capsys):
    raw = written(tmp_path, frames[:1])
    _, recipe = restored(raw, asking_for(model(0.0, photons=(1e6, 1e7))), tmp_path)
    said = " ".join(capsys.readouterr().err.split())
    for words in (said, " ".join(recipe.warnings)):
        assert "expected 1e+06 to 1e+07 photo-electrons at the brightest pixel" in words
        assert "; in 1 volume" in words


@pytest.mark.parametrize("name", ["out.ome.tif", "out.ome.zarr"])
def test_the_recipe_says_what_is_to_be_thought_of_the_volumes(frames, model, tmp_path, name):
    raw, out = written(tmp_path, frames), tmp_path / name
    told = model(0.5, photons=(1e6, 1e7))
    restore_volumes(RestoreRequest(raw, asking_for(told), None, out))
    first, last = read_recipe(out).trust
    assert first.startswith("time 0: ")
    assert last.startswith("time 1: ")
    assert "of what the networks changed is shown" in first
    assert any("; in 2 volumes" in words for words in read_recipe(out).warnings)


def test_a_network_of_planes_is_refused_before_a_pattern_is_looked_for(frames, tmp_path, capsys):
    with pytest.raises(SettingsError, match="found 'quick', which is for single planes"):
        restored(written(tmp_path, frames[:1]), asking_for("quick"), tmp_path)
    said = capsys.readouterr()
    assert "attainable resolution" not in said.out + said.err


def test_networks_of_planes_and_of_volumes_are_not_taken_for_each_other(frames, model, tmp_path):
    with pytest.raises(SettingsError, match="found 'quick', which is for single planes"):
        load_volume_networks(asking_for("quick"))
    flat = asking_for(model(0.5)).model_copy(update={"volumes": None})
    with pytest.raises(SettingsError, match="expected a network for single planes, found 'drawn'"):
        load_networks(flat, torch.device("cpu"))
    with pytest.raises(SettingsError, match="expected a network for single planes, found 'drawn'"):
        restore_file(RestoreRequest(written(tmp_path, frames), flat, None, tmp_path / "o.ome.tif"))
