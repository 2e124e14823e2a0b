"""`livesim thin`: photons are taken away, none is lost, and recordings are shared out."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from livesim.commands.thin import Thinning, shares, thin_files
from livesim.config.settings import Settings, SettingsError, load_settings
from livesim.io.read.open import open_recording
from tests.support.scenes import OPTICS

CAMERA = {"offset": 100.0, "gain": 2.0}
SETTINGS = Settings(optics=OPTICS, camera=CAMERA)


@pytest.fixture
def raws(tmp_path):
    random = np.random.default_rng(1)
    paths = [tmp_path / f"cell{n}.tif" for n in range(5)]
    for path in paths:
        counts = 100 + 2 * random.poisson(400.0, (9, 16, 20))
        tifffile.imwrite(path, counts.astype(np.uint16))
    return paths


def test_no_photon_is_lost_and_one_in_ten_is_kept(raws, tmp_path):
    thin_files(raws, SETTINGS, tmp_path / "data", Thinning(10.0, 4), overwrite=False)
    found = {path.parent.name: path for path in (tmp_path / "data").glob("*/*-low.ome.tif")}
    assert set(found) == {"training", "validation", "test"}
    low = tifffile.imread(found["test"])
    rest = tifffile.imread(str(found["test"]).replace("-low", "-rest"))
    raw = tifffile.imread(tmp_path / f"{found['test'].name.split('-')[0]}.tif")
    assert low.dtype == rest.dtype == np.uint16
    photons = [(image.astype(float) - 100) / 2 for image in (low, rest, raw)]
    np.testing.assert_array_equal(photons[0] + photons[1], photons[2].reshape(photons[0].shape))
    assert photons[0].mean() == pytest.approx(40.0, rel=0.03)
    assert photons[0].var() == pytest.approx(40.0, rel=0.1)
    assert abs(np.corrcoef(photons[0].ravel(), photons[1].ravel())[0, 1]) < 0.06


def test_what_is_written_is_read_with_the_settings_beside_it(raws, tmp_path):
    thin_files(raws, SETTINGS, tmp_path / "data", Thinning(10.0, 4), overwrite=False)
    folder = tmp_path / "data" / "training"
    own = load_settings(folder / "settings.toml")
    with open_recording(next(folder.glob("*-low.ome.tif")), own.pattern) as recording:
        assert recording.stack_shape == (3, 3)
        assert recording.pixel_nm == pytest.approx(80.0)


def test_a_fifth_is_for_tests_and_a_fifth_of_the_rest_for_validation():
    found = shares(50, 7)
    assert [found.count(part) for part in ("test", "validation", "training")] == [10, 8, 32]
    assert found == shares(50, 7)
    assert found != shares(50, 8)


def test_more_light_is_refused(raws, tmp_path):
    with pytest.raises(SettingsError, match=r"--scale: expected more than 1, found 0.5"):
        thin_files(raws, SETTINGS, tmp_path / "data", Thinning(0.5, 0), overwrite=False)


@pytest.mark.parametrize("scale", [1e9, float("inf")])
def test_a_scale_that_leaves_no_light_is_refused(raws, tmp_path, scale):
    with pytest.raises(SettingsError, match=r"--scale: expected one that leaves .*, and 400 at"):
        thin_files(raws, SETTINGS, tmp_path / "data", Thinning(scale, 4), overwrite=False)
    assert not list((tmp_path / "data").rglob("*.tif"))


def test_a_camera_that_is_not_described_is_said(raws, tmp_path, capsys):
    settings = Settings(optics=OPTICS, camera={"offset": 100.0})
    thin_files(raws[:1], settings, tmp_path / "data", Thinning(10.0, 4), overwrite=False)
    assert "expected gain in [camera], found none" in capsys.readouterr().err
    thin_files(raws[:1], SETTINGS, tmp_path / "more", Thinning(10.0, 4), overwrite=False)
    assert "expected" not in capsys.readouterr().err
