"""The schema by which editors complete a settings file, and the TOML that livesim writes itself."""

from __future__ import annotations

import json
import re
import tomllib
from typing import get_args

import pytest

from livesim.config.errors import sentence
from livesim.config.schema import SCHEMA_FILE, schema_text
from livesim.config.settings import Apodization, Settings, parse_settings

SHAPES = get_args(Apodization.model_fields["shape"].annotation)
OPTICS = {"numerical_aperture": 1.4, "emission_nm": 525.0}


def test_the_schema_in_the_package_is_that_of_the_settings():
    words = "expected the schema of these settings: python -m livesim.config.schema writes it"
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), words


def test_it_tells_what_a_key_means_and_which_values_it_has():
    tables = json.loads(schema_text())["$defs"]
    assert tables["Optics"]["required"] == ["numerical_aperture", "emission_nm"]
    assert "theoretical OTF" in tables["Optics"]["properties"]["otf_damping"]["description"]
    assert tables["Apodization"]["properties"]["shape"]["enum"] == [*SHAPES]
    assert tables["Optics"]["additionalProperties"] is False


def words_to_choose(schema):
    """Yield the table and key, and every word that a key may have for its value."""
    for table, described in schema["$defs"].items():
        for key, value in described.get("properties", {}).items():
            for one in (value, value.get("items", {}), *value.get("anyOf", ())):
                words = (word for word in one.get("enum", ()) if isinstance(word, str))
                yield from ((table, key, word) for word in words)


def test_the_page_of_the_settings_names_every_word_that_may_be_chosen(pytestconfig):
    folder = pytestconfig.rootpath / "docs/use"
    named = set(re.findall(r'"([\w-]+)"', (folder / "settings.md").read_text(encoding="utf-8")))
    named |= set(re.findall(r"[\w-]+", (folder / "simulation.md").read_text(encoding="utf-8")))
    choices = {one for one in words_to_choose(json.loads(schema_text())) if one[2] != "auto"}
    assert ("Apodization", "shape", "triangle") in choices
    missing = sorted(one for one in choices if one[2] not in named)
    assert missing == [], "expected these words in docs/use/settings.md or simulation.md"


def test_one_value_is_allowed_where_several_are():
    one, several = json.loads(schema_text())["$defs"]["Simulation"]["properties"]["specimen"][
        "anyOf"
    ]
    assert one == several["items"]


@pytest.mark.parametrize(
    "tables",
    [
        {},
        {
            "channels": {
                "0": {"name": 'with "quotes" and µ\n'},
                "1": {"optics": {"emission_nm": 610.0}},
            }
        },
        {"pattern": {"expected_period_nm": [180.0, 181.0, 1.0000001], "order": ["angle", "phase"]}},
        {"optics": OPTICS | {"otf_file": "folder/otf.tif"}, "simulation": {"specimen": "beads"}},
    ],
    ids=["least", "channels", "lists", "paths"],
)
def test_what_is_written_is_read_as_it_was(tables):
    settings = Settings.model_validate({"optics": OPTICS} | tables)
    assert parse_settings(tomllib.loads(settings.to_toml()), "test") == settings


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"optik": {}}, "unknown key 'optik'; the nearest known key is 'optics'"),
        (
            {"optics": OPTICS | {"otf_dampin": 1}},
            "unknown key 'optics.otf_dampin'; the nearest known key is 'otf_damping'",
        ),
        (
            {"channels": {"1": {"camera": {"gian": 2}}}},
            "unknown key 'channels.1.camera.gian'; the nearest known key is 'gain'",
        ),
        (
            {"optics": {"emission_nm": 1}},
            "expected the key 'optics.numerical_aperture', found none",
        ),
        (
            {"optics": OPTICS | {"pixel_nm": -1}},
            "optics.pixel_nm: expected greater than or equal to 1, found -1",
        ),
        (
            {"optics": OPTICS | {"otf_damping": 0}},
            "optics.otf_damping: expected greater than 0, or 'auto', found 0",
        ),
        (
            {"optics": OPTICS | {"otf_damping": True}},
            "optics.otf_damping: expected a number, found true",
        ),
        ({"camera": {"gain": False}}, "camera.gain: expected a number, found false"),
        (
            {"reconstruction": {"wiener": "Auto"}},
            "reconstruction.wiener: expected a number, or 'auto', found 'Auto'",
        ),
        ({"camera": {"map": 3}}, "camera.map: expected a path, found 3"),
        (
            {"pattern": {"order": 3}},
            "pattern.order: expected values in brackets, as in [1, 2], found 3",
        ),
        ({"pattern": {"phases": 3.5}}, "pattern.phases: expected a whole number, found 3.5"),
        ({"steps": {"one": 3}}, "steps.one: expected text in quotes, found 3"),
        ({"doctor": {"examine": 3}}, "doctor.examine: expected true or false, found 3"),
        (
            {"reconstruction": {"notch": 2}},
            "reconstruction.notch: expected keys with values, found 2",
        ),
        ({"pattern": {"sizes": 2}}, "pattern.sizes: expected keys with values, found 2"),
        (
            {"pattern": {"sizes": {"phase": 5}}},
            "pattern.sizes.phase: expected 'time', 'channel' or 'z', found 'phase'",
        ),
        ({"pattern": {"phases": 4, "harmonics": 2}}, "pattern: expected at least 5 phases"),
    ],
)
def test_a_fault_is_one_sentence(tables, words):
    with pytest.raises(ValueError, match="validation") as caught:
        Settings.model_validate({"optics": OPTICS} | tables)
    assert sentence(caught.value, Settings).startswith(words)
