import hashlib
import json

import pytest

from livesim.config.settings import Settings
from livesim.io import recipe as recipe_module
from livesim.io.recipe import Recipe, identify
from livesim.values.errors import DataError
from livesim.values.pattern import Pattern, PatternAngle

SETTINGS = Settings.model_validate(
    {
        "optics": {"numerical_aperture": 1.49, "emission_nm": 515, "otf_file": "beads.tif"},
        "reconstruction": {"preset": "fairsim", "wiener": 0.1},
        "pattern": {"expected_period_nm": [180, 181, 182]},
    }
)
PATTERN = Pattern(86.7, (64, 64), (PatternAngle((3.0, 4.0), (0.0, 2.0, 4.0), (0.8,)),), 97.0)


def test_a_recipe_survives_json(tmp_path):
    source = tmp_path / "raw µ.tif"
    source.write_bytes(b"abc")
    recipe = Recipe(
        settings=SETTINGS,
        pattern=PATTERN,
        steps=("one", "reconstruct", "two"),
        models={"default": "0" * 64},
        sources=(identify(source),),
        warnings=('out of range: <µ> & "',),
    )
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json(), allow_nan=False))) == recipe


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"step": []}, "expected only known keys, found step"),
        ({"format": "livesim-recipe/2"}, "livesim-recipe/1"),
        ({"steps": ["three"]}, "steps"),
        ({"models": {"default": "abc"}}, "models.default"),
        ({"pattern": {"format": "livesim-pattern/1"}}, "expected the key pixel_nm"),
    ],
)
def test_a_wrong_recipe_is_one_sentence(changes, expected):
    with pytest.raises(DataError, match=f"^R.ome.tif: (.|\\n)*{expected}"):
        Recipe.from_json(Recipe(settings=SETTINGS).to_json() | changes, "R.ome.tif")


def test_a_small_file_is_hashed_whole(tmp_path):
    path = tmp_path / "raw.tif"
    path.write_bytes(b"abc")
    found = identify(path)
    assert (found.name, found.size_bytes, found.hashed) == ("raw.tif", 3, "content")
    assert found.sha256 == hashlib.sha256(b"abc").hexdigest()


def test_of_a_large_file_head_and_tail_are_hashed(tmp_path, monkeypatch):
    monkeypatch.setattr(recipe_module, "HASHED_WHOLE_BYTES", 8)
    path = tmp_path / "raw.tif"
    path.write_bytes(b"headmiddletail")
    found = identify(path)
    assert (found.size_bytes, found.hashed) == (14, "head-and-tail")
    assert found.sha256 == hashlib.sha256(b"headtail").hexdigest()


def test_a_folder_is_known_by_its_listing(tmp_path):
    folder = tmp_path / "run.zarr"
    (folder / "c").mkdir(parents=True)
    (folder / "c" / "0").write_bytes(b"12345")
    before = identify(folder)
    (folder / "c" / "1").write_bytes(b"6")
    after = identify(folder)
    assert (before.size_bytes, after.size_bytes, after.hashed) == (5, 6, "listing")
    assert before.sha256 != after.sha256


def test_a_missing_source_is_named(tmp_path):
    with pytest.raises(DataError, match=r"raw\.tif: expected a readable file"):
        identify(tmp_path / "raw.tif")
