"""`restore --volumes`: stacks of planes in three dimensions, whole ones only, in any order."""

import math

import numpy as np
import pytest
import tifffile
import torch
from typer.testing import CliRunner

from livesim.cli import app
from livesim.commands.restore.command import restore_file
from livesim.commands.restore.request import RestoreRequest
from livesim.commands.restore.volumes import restore_volumes
from livesim.config.settings import Settings, SettingsError
from livesim.io.write.results import read_recipe
from livesim.reconstruction.forward.pupil import Pupil
from livesim.reconstruction.volume.forward import expected_volume
from livesim.values.errors import DataError
from livesim.values.pattern import Pattern, PatternAngle
from livesim.values.volume_pattern import VolumePattern

SIZE, PLANES, TIMES = 64, 8, 2


def settings(**changes):
    optics = {
        "numerical_aperture": 1.4,
        "emission_nm": 525.0,
        "excitation_nm": 488.0,
        "pixel_nm": 80.0,
        "refractive_index": 1.515,
        "otf_damping": 1.0,
    }
    tables = {
        "optics": optics | changes.get("optics", {}),
        "pattern": {
            "phases": 5,
            "harmonics": 2,
            "order": ["phase", "z", "angle", "time"],
            "sizes": {"z": PLANES},
        }
        | changes.get("pattern", {}),
        "steps": {"one": "none", "two": "none"},
        "acquisition": {"z_start_um": 0.0, "z_end_um": 0.875, "z_step_um": 0.125}
        | changes.get("acquisition", {}),
    }
    return Settings.model_validate(tables)


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
    planes, _ = restored(raw, settings(), tmp_path, restore_file)
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


def test_an_excitation_that_nobody_states_is_assumed_and_said(frames, tmp_path):
    chosen = settings(optics={"excitation_nm": None})
    _, recipe = restored(written(tmp_path, frames[:1]), chosen, tmp_path)
    assert any("488 nm is assumed" in words for words in recipe.warnings)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"pattern": {"phases": 3, "harmonics": 1}},
            "expected 5 or more phases of each angle, which three beams need, found 3",
        ),
        ({"pattern": {"sizes": {"z": 4}}}, "expected volumes of at least 5 planes, found 4 planes"),
        (
            {"acquisition": {"z_start_um": None, "z_end_um": None, "z_step_um": None}},
            "expected the distance of two planes in the file's metadata or as z_step_um",
        ),
        (
            {"acquisition": {"z_end_um": 2.1, "z_step_um": 0.3}},
            "expected planes at most 167 nm apart",
        ),
    ],
)
def test_what_is_no_volume_of_three_beams_is_refused(changes, sentence, frames, tmp_path):
    phases = changes.get("pattern", {}).get("phases", 5)
    raw = written(tmp_path, frames[:, :, :, :phases])
    with pytest.raises((SettingsError, DataError), match=sentence):
        restored(raw, settings(**changes), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["cells.tif"]


def test_a_volume_that_does_not_fit_into_memory_is_refused(frames, tmp_path, monkeypatch):
    known = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 4096}
    monkeypatch.setattr("os.sysconf", known.__getitem__)
    with pytest.raises(DataError, match="expected volumes that fit into 60% of 0 GiB of memory"):
        restored(written(tmp_path, frames), settings(), tmp_path)


@pytest.mark.parametrize("flag", [
    ["--error"], ["--pattern", "pattern.json"], ["--pyramid"], ["--workers", "2"],
    ["--part", "1/2"], ["--finish"], ["--cluster", "tcp://127.0.0.1:9"],
])  # fmt: skip
def test_what_volumes_have_not_is_not_ignored(flag, frames, tmp_path):
    raw = written(tmp_path, frames[:1])
    with pytest.raises(SettingsError, match=f"{flag[0]}: expected it without --volumes"):
        CliRunner().invoke(app, ["restore", str(raw), "--volumes", *flag], catch_exceptions=False)
