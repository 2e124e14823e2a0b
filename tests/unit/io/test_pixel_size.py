"""Pixel size of settings and file: which one wins, and who hears of it."""

import re
from pathlib import Path

import pytest

from livesim.config.settings import SettingsError
from livesim.io.read.pixel_size import choose_pixel_nm

SOURCE = Path("raw.tif")


@pytest.mark.parametrize(
    ("settings_nm", "recorded_nm", "chosen_nm", "warns"),
    [
        (None, 86.7, 86.7, False),
        (86.7, None, 86.7, False),
        (86.7, 86.7, 86.7, False),
        (86.7, 87.5, 86.7, False),
        (86.7, 88.0, 86.7, True),
        (86.7, 43.35, 86.7, True),
    ],
)
def test_the_settings_win_and_a_disagreement_is_reported(
    settings_nm, recorded_nm, chosen_nm, warns
):
    size = choose_pixel_nm(settings_nm, recorded_nm, SOURCE)
    assert size.nm == chosen_nm
    assert len(size.warnings) == warns
    if warns:
        expected = f"raw.tif: expected pixels of {settings_nm} nm .*, found {recorded_nm:g} nm"
        assert re.match(expected, size.warnings[0])


def test_neither_is_an_error_of_the_settings():
    with pytest.raises(SettingsError, match=r"raw\.tif: expected pixel_nm .*, found neither"):
        choose_pixel_nm(None, None, SOURCE)
