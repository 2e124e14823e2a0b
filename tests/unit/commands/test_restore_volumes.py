"""Restored volumes: stacks of planes in three dimensions, whole ones only, in any order."""

import math
from dataclasses import replace

import numpy as np
import pytest
import tifffile
import torch
import zarr
from typer.testing import CliRunner

from livesim.cli import app
from livesim.commands.recorded_volumes import first_planes
from livesim.commands.restore.command import restore_file
from livesim.commands.restore.request import RestoreRequest
from livesim.commands.restore.volumes import restore_volumes
from livesim.config.settings import Settings, SettingsError
from livesim.io.pattern_file import write_pattern
from livesim.io.read.open import open_recording
from livesim.io.write.results import read_recipe
from livesim.pipeline.volume.build import calibrate_volume
from livesim.reconstruction.forward.pupil import Pupil
from livesim.reconstruction.volume.forward import expected_volume
from livesim.values.errors import DataError
from livesim.values.frames import RawStack, StackIndex
from livesim.values.pattern import Pattern, PatternAngle
from livesim.values.volume_pattern import PLAIN_IN_THREE_DIMENSIONS, VolumePattern
from tests.support.volume_microscope import volume_settings

SIZE, PLANES, TIMES = 64, 8, 2


def settings(**changes):
    return volume_settings(
        PLANES,
        ["phase", "z", "angle", "time"],
        optics=changes.get("optics"),
        pattern=changes.get("pattern"),
        steps={"one": "none", "two": "none"},
        volumes={"z_step_nm": 125.0} | changes.get("volumes", {}),
    )


@pytest.fixture(scope="module")
def frames():
    """Two volumes of uint16 [time, angle, z, phase, y, x] of the same specimen."""
    angles = []
    for number in range(3):
        turn, k = math.radians(-40.0 + 60.0 * number), 1000.0 / 407.0
        phases = tuple(2.0 * math.pi * step / 5.0 for step in range(5))
        angles.append(PatternAngle((k * math.cos(turn), k * math.sin(turn)), phases, (1.2, 0.6)))
    lateral = Pattern(80.0, (SIZE, SIZE), tuple(angles))
    pattern = VolumePattern(lateral, PLANES, 125.0, 488.0, 1.515, (0.0,) * 3)
    random = np.random.default_rng(4)
    specimen = torch.zeros(PLANES, 2 * SIZE, 2 * SIZE, dtype=torch.float64)
    places = (random.uniform(0.0, 1.0, (600, 3)) * specimen.shape).astype(int)
    specimen[tuple(places.T)] = 1.0
    light = expected_volume(specimen, pattern, Pupil(settings().optics))
    drawn = [torch.poisson(400.0 * light / light.max()) for _ in range(TIMES)]
    return torch.stack(drawn).permute(0, 2, 1, 3, 4, 5).numpy().astype(np.uint16)


def written(folder, frames):
    tifffile.imwrite(folder / "cells.tif", frames.reshape(-1, SIZE, SIZE), metadata=None)
    return folder / "cells.tif"


def restored(raw, chosen, folder, restore=restore_volumes):
    out = folder / "out.ome.tif"
    restore(RestoreRequest(raw, chosen, None, out, overwrite=True))
    return tifffile.imread(out), read_recipe(out)


def test_both_volumes_are_made_with_one_pattern(frames, tmp_path, capsys):
    images, recipe = restored(written(tmp_path, frames), settings(), tmp_path)
    assert images.shape == (TIMES, PLANES, 2 * SIZE, 2 * SIZE)
    assert np.corrcoef(images[0].ravel(), images[1].ravel())[0, 1] > 0.8
    with tifffile.TiffFile(tmp_path / "out.ome.tif") as file:
        assert 'PhysicalSizeZ="0.125"' in file.ome_metadata
    assert recipe.steps == ("reconstruct",)
    periods = [angle.period_nm for angle in recipe.pattern.angles]
    assert periods == pytest.approx((407.0,) * 3, abs=2.0)
    assert "volumes are reconstructed in three dimensions, without networks" in recipe.warnings
    assert "attainable resolution" in capsys.readouterr().err


def test_haze_is_gone_that_plane_by_plane_reconstruction_leaves(frames, tmp_path):
    raw = written(tmp_path, frames[:1])
    whole, _ = restored(raw, settings(), tmp_path)
    single = settings().model_copy(update={"volumes": None})
    planes, _ = restored(raw, single, tmp_path, restore_file)
    assert haze(whole[3]) < 0.5 * haze(planes[3])


def haze(image):
    """Return the median, light between the points, in units of the brightest ones."""
    return float(np.median(image) / np.quantile(image, 0.999))


def test_a_volume_that_a_stop_cut_off_is_left_out_and_said(frames, tmp_path):
    torn = frames.reshape(-1, SIZE, SIZE)[:-3]
    raw = tmp_path / "cells.tif"
    tifffile.imwrite(raw, torn, metadata=None)
    images, recipe = restored(raw, settings(), tmp_path)
    assert images.shape[-3:] == (PLANES, 2 * SIZE, 2 * SIZE)
    assert "1 volume left out, for planes are missing" in recipe.warnings
    assert np.isnan(images).sum() in (0, images[0].size)


def test_a_volume_with_an_empty_frame_is_left_out_and_not_calibrated_with(frames, tmp_path, capsys):
    empty = frames.copy()
    empty[0, 1, 3, 2] = 0
    images, _ = restored(written(tmp_path, empty), settings(), tmp_path)
    assert "1 volume left out" in capsys.readouterr().err
    whole, _ = restored(written(tmp_path, frames[1:]), settings(), tmp_path)
    np.testing.assert_array_equal(images[1], whole)


def test_an_excitation_that_nobody_states_is_assumed_and_said(frames, tmp_path):
    chosen = settings(optics={"excitation_nm": None})
    _, recipe = restored(written(tmp_path, frames[:1]), chosen, tmp_path)
    assert any("488 nm is assumed" in words for words in recipe.warnings)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"pattern": {"sizes": {"z": 4}}}, "expected volumes of at least 5 planes, found 4 planes"),
        (
            {"volumes": {"z_step_nm": None}},
            r"expected the distance of two planes as z_step_nm in \[volumes\]",
        ),
        ({"volumes": {"z_step_nm": 300.0}}, "expected planes at most 167 nm apart"),
        ({"volumes": {"z_step_nm": 1.0}}, "expected volumes at least 280 nm deep"),
        (
            {"volumes": {"planes": 32}},
            r"expected volumes of 32 planes, as \[volumes\] says, found 8 planes",
        ),
    ],
)
def test_what_is_no_volume_of_three_beams_is_refused(changes, sentence, frames, tmp_path):
    raw = written(tmp_path, frames)
    with pytest.raises((SettingsError, DataError), match=sentence):
        restored(raw, settings(**changes), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["cells.tif"]


def test_a_volume_that_does_not_fit_into_memory_is_refused(frames, tmp_path, monkeypatch):
    known = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 4096}
    monkeypatch.setattr("os.sysconf", known.__getitem__)
    with pytest.raises(DataError, match="expected volumes that fit into 60% of 0 GiB of memory"):
        restored(written(tmp_path, frames), settings(), tmp_path)


@pytest.mark.parametrize("counts", [0, 100, 65535])
def test_frames_that_are_all_alike_show_no_fringes_and_are_widefield(counts):
    alike = torch.full((PLANES, 3, 5, SIZE, SIZE), float(counts))
    stacks = [RawStack("s", StackIndex(z=z), one.numpy(), 10.0) for z, one in enumerate(alike)]
    chosen = settings()
    camera = chosen.camera.model_copy(update={"offset": 100.0})
    found = calibrate_volume(stacks, whole(chosen.model_copy(update={"camera": camera})))
    assert found.is_widefield_only
    assert found.warnings[0] == "angle 0: not usable, its frames are all alike"
    assert all(np.isfinite(angle.phases_rad).all() for angle in found.angles)


def whole(chosen):
    volumes = chosen.volumes.model_copy(update={"planes": PLANES})
    return chosen.model_copy(update={"volumes": volumes})


def test_files_and_flags_say_what_a_volume_is(frames, tmp_path):
    raw, out = written(tmp_path, frames[:1]), tmp_path / "out.ome.zarr"
    pattern = tmp_path / "pattern.json"
    run("calibrate", raw, "--out", pattern, chosen=settings())
    planes = run("restore", raw, "--out", tmp_path / "planes.ome.tif", "--no-volumes")
    assert "every plane is restored by itself" in planes.stderr
    run("restore", raw, "--out", out, "--pattern", pattern)
    assert PLAIN_IN_THREE_DIMENSIONS in read_recipe(out).warnings
    assert read_recipe(out).pattern.axial.planes == PLANES
    scale = zarr.open_group(out)["0"].shape, zarr.open_group(out).attrs["ome"]
    assert scale[0] == (1, 1, PLANES, 2 * SIZE, 2 * SIZE)
    assert "0.125" in str(scale[1])
    # The pattern of the file is that which the volumes themselves tell: not a bit differs.
    whole, recipe = restored(raw, settings(), tmp_path)
    np.testing.assert_array_equal(zarr.open_group(out)["0"][0, 0], whole)
    assert recipe.pattern == read_recipe(out).pattern


def run(command, raw, *options, chosen=None):
    """Run the command line with the settings beside the recording."""
    if chosen is not None:
        raw.with_suffix(".toml").write_text(chosen.to_toml())
    arguments = [command, str(raw), *map(str, options)]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


def test_a_pattern_of_single_planes_is_none_of_volumes(frames, tmp_path):
    raw, pattern = written(tmp_path, frames[:1]), tmp_path / "planes.json"
    lateral = calibrate_volume(planes_of_first(raw), settings())
    write_pattern(pattern, replace(lateral, axial=None))
    with pytest.raises(DataError, match="expected a pattern of volumes, found one of single"):
        restore_volumes(RestoreRequest(raw, settings(), pattern, tmp_path / "out.ome.tif"))


def planes_of_first(raw):
    with open_recording(raw, settings().pattern) as recording:
        return first_planes(recording, [StackIndex()])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"optics": {"excitation_nm": 5000.0}},
            r"expected excitation_nm below emission_nm \(525\), found 5000",
        ),
        ({"pattern": {"harmonics": 1}}, "expected pattern.harmonics = 2"),
        ({"steps": {"all": "some"}}, "expected no network in steps.all"),
        ({"live": {"rolling": "angle"}}, 'expected live.rolling = "off"'),
        ({"reconstruction": {"richardson_lucy_iterations": 5}}, "iterations = 0, found 5"),
    ],
)
def test_settings_that_volumes_cannot_have_are_refused(changes, sentence):
    values = settings().model_dump(exclude_none=True)
    for table, keys in changes.items():
        values[table] = values[table] | keys
    with pytest.raises(ValueError, match=sentence):
        Settings.model_validate(values)


@pytest.mark.parametrize("flag", [
    ["--error"], ["--pyramid"], ["--workers", "2"], ["--part", "1/2"], ["--finish"],
    ["--cluster", "tcp://127.0.0.1:9"],
])  # fmt: skip
def test_what_volumes_have_not_is_not_ignored(flag, frames, tmp_path):
    raw = written(tmp_path, frames[:1])
    raw.with_suffix(".toml").write_text(settings().to_toml())
    with pytest.raises(SettingsError, match=f"{flag[0]}: expected it without volumes"):
        CliRunner().invoke(app, ["restore", str(raw), *flag], catch_exceptions=False)
