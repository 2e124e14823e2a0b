"""Malformed files and settings, as far as opening and reading the first stack go."""

import re
from pathlib import Path

import pytest

from livesim.config.settings import SettingsError, load_settings
from livesim.io.read.open import open_recording
from livesim.io.read.pixel_size import choose_pixel_nm
from livesim.values.errors import DataError
from tests.support.bad_input import CASES, DATA, GOOD, SETTINGS


def use(raw: Path, toml_path: Path) -> tuple[int, str]:
    """Open settings and recording and read its first stack, as every command does."""
    try:
        wanted = load_settings(toml_path)
        with open_recording(raw, wanted.pattern) as recording:
            choose_pixel_nm(wanted.optics.pixel_nm, recording.pixel_nm, recording.source)
            recording.stack(recording.indices[0])
    except DataError as error:
        return DATA, str(error)
    except SettingsError as error:
        return SETTINGS, str(error)
    return 0, ""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_gets_one_sentence_and_its_status(case, tmp_path):
    raw, toml_path = case.build(tmp_path)
    status, sentence = use(raw, toml_path)
    assert status == case.status, sentence
    assert "\n" not in sentence
    named = {DATA: raw.name, SETTINGS: str(tmp_path)}[case.status]
    assert named in sentence
    assert re.search(case.sentence, sentence), sentence


def test_the_table_is_wide_and_its_names_are_unique():
    assert len({case.name for case in CASES}) == len(CASES) >= 25
    assert {case.status for case in CASES} == {DATA, SETTINGS}


def test_good_input_passes_the_same_check(tmp_path):
    assert use(*GOOD.build(tmp_path)) == (0, "")
