"""What `livesim restore` says of the networks' work: printed, and in the recipe."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from rich.console import Console
from scipy import ndimage

from livesim.api.restore import Restorer
from livesim.commands.restore.command import RestoreRequest, restore_file
from livesim.commands.restore.part import Part
from livesim.commands.restore.parts import finish_parts, restore_part
from livesim.commands.restore.trust import spread
from livesim.config.settings import PatternSettings, Steps
from livesim.io.pattern_file import write_pattern
from livesim.io.write.results import read_recipe
from livesim.values.errors import DataError
from livesim.values.frames import StackIndex
from livesim.values.pattern import Levels
from livesim_models.evaluation.reference import reference
from tests.support.reader_faults.ndtiff import ndtiff
from tests.support.scenes import BACKGROUND, PLAIN, simulate

WRONG = Path(__file__).parents[2] / "weights" / "filaments-two.safetensors"


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    scene = simulate(4, (96, 96), peak=60.0, times=2)
    path = tmp_path_factory.mktemp("raw") / "cells.tif"
    frames = scene.frames
    tifffile.imwrite(path, frames, imagej=False)
    return path, scene


def restored(recording, folder, steps, pattern_file=None, **more):
    path, scene = recording
    settings = scene.described(
        pattern=PatternSettings(order=("phase", "angle", "time")),
        steps=steps,
    )
    out = folder / "out.ome.tif"
    restore_file(RestoreRequest(path, settings, pattern_file, out, **more))
    return read_recipe(out)


def test_the_verdict_is_printed_and_kept(recording, tmp_path, capsys):
    recipe = restored(recording, tmp_path, Steps())
    said = capsys.readouterr().err
    assert len(recipe.trust) == 2
    assert recipe.trust[0].startswith("time 0: trusted: photons carry ")
    assert recipe.trust[1].startswith("time 1: ")
    assert "trusted\n  photons carry " in said
    assert any(
        words.endswith("plain reconstruction and networks, measured for every raw stack")
        for words in recipe.warnings
    )


def test_without_networks_nothing_is_said(recording, tmp_path, capsys):
    recipe = restored(recording, tmp_path, PLAIN)
    assert recipe.trust == ()
    assert not any("arbitrated" in words for words in recipe.warnings)
    assert "image, time" not in capsys.readouterr().err


def test_every_stack_is_weighed_by_its_own_photons_whatever_the_order(recording, tmp_path):
    """As the API restores each stack alone."""
    _, scene = recording
    restored(recording, tmp_path, Steps())
    found = tifffile.imread(tmp_path / "out.ome.tif")
    settings = scene.described(steps=Steps())
    pattern = read_recipe(tmp_path / "out.ome.tif").pattern
    for number in (1, 0):
        alone = Restorer(settings, pattern)(scene.counts[number].numpy())
        np.testing.assert_array_equal(found[number], alone)


@pytest.mark.parametrize("steps", [Steps(), PLAIN])
def test_the_error_is_a_further_channel(recording, tmp_path, steps):
    recipe = restored(recording, tmp_path, steps, error=True)
    assert any(words.startswith("error planes: standard deviation") for words in recipe.warnings)
    assert recipe.trust[0].startswith("time 0: trusted: photons carry ")
    assert ("of what the networks changed" in recipe.trust[0]) is (steps != PLAIN)
    with tifffile.TiffFile(tmp_path / "out.ome.tif") as file:
        images = file.series[0].asarray()
        assert 'Name="channel 0"' in file.ome_metadata
        assert 'Name="channel 0 error"' in file.ome_metadata
    (folder := tmp_path / "without").mkdir()
    restored(recording, folder, steps)
    assert images.shape == (2, 2, 192, 192)
    np.testing.assert_array_equal(images[:, 0], tifffile.imread(folder / "out.ome.tif"))
    scene = recording[1]
    truth = BACKGROUND * 60.0 + reference(scene.truth.numpy(), scene.pattern, scene.otf)
    off = np.abs(images[:, 0] - truth)[:, 16:-16, 16:-16] / images[:, 1][:, 16:-16, 16:-16]
    assert images[:, 1].min() > 0.0
    assert 0.5 < (off < 1.0).mean() < 0.9
    assert 0.8 < (off < 2.0).mean() <= 1.0


def test_an_error_that_cannot_be_measured_is_refused(recording, tmp_path):
    path, scene = recording
    settings = scene.described(
        pattern=PatternSettings(order=("phase", "angle", "time")),
        reconstruction={"richardson_lucy_iterations": 3},
    )
    out = tmp_path / "out.ome.tif"
    with pytest.raises(DataError, match=r"the error can be measured, .* and 3 steps"):
        restore_file(RestoreRequest(path, settings, None, out, error=True))
    assert not list(tmp_path.iterdir())
    restore_file(RestoreRequest(path, settings, None, out))
    notes = read_recipe(out).warnings
    assert any("no network runs: expected reconstruction.richardson_lucy" in one for one in notes)


def test_without_a_usable_angle_no_network_runs_and_that_is_said(
    recording, tmp_path, capsys, caplog
):
    scene = recording[1]
    angles = tuple(replace(one, usable=False) for one in scene.pattern.angles)
    file = tmp_path / "pattern.json"
    write_pattern(file, replace(scene.pattern, angles=angles))
    recipe = restored(recording, tmp_path, Steps(), file)
    words = "no network runs: no angle of the pattern was found"
    assert any(one.startswith(words) for one in recipe.warnings)
    assert (recipe.steps, dict(recipe.models), recipe.trust) == (("reconstruct",), {}, ())
    assert (recipe.settings.steps.one, recipe.settings.steps.two) == ("none", "none")
    said = capsys.readouterr().err
    assert said.count(words) == 1
    assert not caplog.records
    (folder := tmp_path / "without").mkdir()
    without = restored(recording, folder, PLAIN, file)
    assert re.search(r"^\S+: widefield only: no angle shows fringes", said, re.MULTILINE)
    widefield = "channel 0: widefield only: no angle shows fringes"
    assert all(any(widefield in one for one in each.warnings) for each in (recipe, without))
    plain = tifffile.imread(folder / "out.ome.tif")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.ome.tif"), plain)


def test_of_frames_whose_pixels_share_noise_no_error_is_written(recording, tmp_path, capsys):
    _, scene = recording
    smooth = ndimage.uniform_filter(scene.counts.numpy().astype(np.float32), (0, 0, 0, 3, 3))
    other = tmp_path / "smooth.tif"
    tifffile.imwrite(other, smooth.reshape(-1, *smooth.shape[-2:]), imagej=False)
    file = tmp_path / "pattern.json"
    write_pattern(file, scene.pattern)
    recipe = restored((other, scene), tmp_path, PLAIN, file, error=True)
    assert "livesim: no error planes: the photons cannot decide" in capsys.readouterr().err
    assert any(words.startswith("no error planes: ") for words in recipe.warnings)
    assert tifffile.imread(tmp_path / "out.ome.tif").shape == (2, 192, 192)
    settings = scene.described()
    images = Restorer(settings, scene.pattern, steps="reconstruct")(smooth, everything=True)
    assert images.error is None


def test_a_pattern_file_from_other_light_is_noticed(recording, tmp_path):
    scene = recording[1]
    file = tmp_path / "pattern.json"
    write_pattern(file, replace(scene.pattern, levels=Levels(0.1, 2.0)))
    recipe = restored(recording, tmp_path, Steps(), file)
    assert any(one.startswith("the light is ") for one in recipe.warnings), recipe.warnings
    assert 20.0 < recipe.pattern.levels.high < 80.0


def test_a_wrong_network_is_not_shown_and_what_to_do_is_said(recording, tmp_path, capsys):
    """Filaments it knows, but not when the brightness lies outside of its training."""
    path, scene = recording
    gain = scene.camera.model_copy(update={"gain": 0.01})
    faint = (path, type(scene)(**{**scene.__dict__, "camera": gain}))
    recipe = restored(faint, tmp_path, Steps(one="none", two=str(WRONG)))
    assert "check [camera] gain" in recipe.trust[0]
    assert "image, time 0" in capsys.readouterr().err


def test_a_position_without_a_sample_is_doubted_alone(recording, tmp_path):
    scene = recording[1]
    lit = scene.counts[0].flatten(0, 1).numpy().astype(np.uint16)
    empty = np.random.default_rng(1).poisson(110.0, lit.shape).astype(np.uint16)
    axes = [
        ({"position": p, "time": t * 9 + n}, (empty if p else lit)[n])
        for t in range(2)
        for p in range(2)
        for n in range(9)
    ]
    raw, file = ndtiff(axes)(tmp_path), tmp_path / "pattern.json"
    write_pattern(file, scene.pattern)
    recipe = restored((raw, scene), tmp_path, PLAIN, file, error=True)
    words = "none of the pattern's fringes are seen at time 0 position 1, time 1 position 1"
    assert any(words in one for one in recipe.warnings)
    said = {line.split(":")[0]: words in line for line in recipe.trust}
    assert said["time 0"] is False
    assert said["time 1 position 1"] is True


@pytest.fixture(scope="module")
def faint(tmp_path_factory):
    """A recording of so few photons that they carry less than half of what is seen."""
    scene = simulate(4, (96, 96), peak=3.0, times=2)
    folder = tmp_path_factory.mktemp("faint")
    tifffile.imwrite(folder / "cells.tif", scene.frames, imagej=False)
    write_pattern(folder / "pattern.json", scene.pattern)
    return (folder / "cells.tif", scene), folder / "pattern.json"


@pytest.mark.parametrize("error", [False, True])
def test_beside_images_that_are_not_to_be_trusted_lies_the_plain_one(
    faint, tmp_path, capsys, error
):
    recording, pattern = faint
    recipe = restored(recording, tmp_path, Steps(), pattern, error=error)
    said = capsys.readouterr().err
    assert "do not trust\n" in said
    words = "do not trust what networks have a part in; the plain reconstruction is written beside"
    assert words in said
    assert any(words in one for one in recipe.warnings)
    with tifffile.TiffFile(tmp_path / "out.ome.tif") as file:
        images = file.series[0].asarray()
        assert 'Name="channel 0 plain"' in file.ome_metadata
    assert images.shape == (2, 3 if error else 2, 192, 192)
    (folder := tmp_path / "without").mkdir()
    restored(recording, folder, PLAIN, pattern)
    np.testing.assert_array_equal(images[:, -1], tifffile.imread(folder / "out.ome.tif"))
    assert not np.array_equal(images[:, 0], images[:, -1])


def test_parts_of_what_is_not_to_be_trusted_are_what_is_made_at_once(faint, tmp_path):
    (path, scene), pattern = faint
    settings = scene.described()
    asked = RestoreRequest(path, settings, pattern, tmp_path / "out.zarr", error=True)
    for number in (2, 3, 1):  # one of them without a raw stack
        restore_part(asked, Part(number, 3), Console(quiet=True), lambda: None)
    finish_parts(asked)
    restore_file(replace(asked, out=tmp_path / "once.zarr"))
    found, once = (zarr.open_group(tmp_path / name, mode="r") for name in ("out.zarr", "once.zarr"))
    assert found["0"].shape == (2, 3, 1, 192, 192)
    np.testing.assert_array_equal(found["0"], once["0"])
    assert found.attrs["livesim"] == once.attrs["livesim"]
    assert found.attrs["ome"]["omero"] == once.attrs["ome"]["omero"]


@pytest.mark.parametrize(
    ("count", "times"), [(0, []), (1, [0]), (2, [0, 1]), (3, [0, 1, 2]), (101, [0, 50, 100])]
)
def test_raw_stacks_are_spread_over_the_recording(count, times):
    indices = tuple(StackIndex(time=n) for n in range(count))
    assert [one.time for one in spread(indices)] == times
