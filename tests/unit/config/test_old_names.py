"""Keys of earlier versions are read under their present names."""

from __future__ import annotations

import pytest

from livesim.config.changes import steered
from livesim.config.settings import Settings, SettingsError, parse_settings

OPTICS = {"numerical_aperture": 1.4, "emission_nm": 525.0, "pixel_nm": 65.0}


def test_the_watchdogs_table_is_read_as_tracking_and_doctor():
    old = {"follow": False, "estimate": False, "examine": False}
    settings = parse_settings({"optics": OPTICS, "watchdog": old}, "cells.toml")
    found = settings.tracking.follow, settings.tracking.estimate, settings.doctor.examine
    assert found == (False, False, False)


def test_settings_that_a_recording_holds_are_read():
    assert not Settings.model_validate(
        {"optics": OPTICS, "watchdog": {"follow": False}}
    ).tracking.follow


def test_a_change_with_an_old_name_wins_over_the_file():
    values = {"optics": OPTICS, "tracking": {"follow": True}}
    assert not parse_settings(values, "x", changes=["watchdog.follow=false"]).tracking.follow


def test_a_stream_is_steered_by_an_old_name():
    settings = parse_settings({"optics": OPTICS}, "cells.toml")
    assert not steered(settings, {"watchdog.follow": False}).tracking.follow


def test_both_names_at_once_are_refused():
    values = {"optics": OPTICS, "tracking": {"follow": True}, "watchdog": {"follow": False}}
    with pytest.raises(SettingsError, match=r"expected tracking\.follow alone, found its old name"):
        parse_settings(values, "cells.toml")


def test_an_unknown_key_of_the_old_table_is_still_refused():
    with pytest.raises(SettingsError, match=r"unknown key 'watchdog(\.sleep)?'"):
        parse_settings({"optics": OPTICS, "watchdog": {"sleep": True}}, "cells.toml")


def test_a_table_that_is_none_is_refused_in_a_sentence():
    values = {"optics": OPTICS, "tracking": 3, "watchdog": {"follow": False}}
    with pytest.raises(SettingsError, match=r"cells\.toml: "):
        parse_settings(values, "cells.toml")


def test_an_empty_table_of_an_old_name_is_taken():
    assert parse_settings({"optics": OPTICS, "watchdog": {}}, "cells.toml").tracking.follow
