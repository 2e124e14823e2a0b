"""What may change while a stream runs: as settings, as words, and as a recording logs it."""

from __future__ import annotations

import pytest

from livesim.commands.steer import parse_changes
from livesim.config.changes import (
    SettingsChange,
    difference,
    settings_at,
    steered,
    value_of,
)
from livesim.config.settings import Settings, SettingsError
from livesim.io.logs import append_settings_change, read_settings_log
from livesim.values.errors import DataError
from livesim.values.frames import StackIndex
from tests.support.running_engine import OWN, SETTINGS


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("steps.one", "none"),
        ("steps.precision", "float32"),
        ("reconstruction.wiener", 0.1),
        ("reconstruction.wiener", "auto"),
        ("reconstruction.notch.strength", 0.9),
        ("reconstruction.apodization.shape", "triangle"),
        ("reconstruction.apodization.cutoff", "auto"),
        ("tracking.follow", False),
    ],
)
def test_a_setting_is_changed_and_nothing_else(key, value):
    changed = steered(OWN, {key: value})
    assert value_of(changed, key) == value
    assert steered(changed, {key: value_of(OWN, key)}) == OWN


def test_a_preset_does_not_win_over_what_is_steered():
    preset = Settings.model_validate({**SETTINGS, "reconstruction": {"preset": "fairsim"}})
    changed = steered(preset, {"reconstruction.wiener": 0.2})
    assert changed.reconstruction.wiener == 0.2
    assert changed.reconstruction.apodization == preset.reconstruction.apodization


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reconstruction.weiner": 0.1}, "'reconstruction.wiener', found 'reconstruction.weiner'"),
        ({"optics.pixel_nm": 80.0}, "that can change while a stream runs"),
        ({"reconstruction.wiener": -1.0}, "reconstruction.wiener"),
        ({"reconstruction.notch.strength": 2.0}, "less than or equal to 1, found 2.0"),
        ({"steps.precision": "float8"}, "steps.precision"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(changes, words):
    with pytest.raises(SettingsError) as caught:
        steered(OWN, changes)
    assert words in str(caught.value)


def test_the_difference_tells_old_and_new():
    other = steered(OWN, {"steps.two": "none", "reconstruction.wiener": 0.1})
    assert difference(OWN, other) == (
        {"steps.two": "auto", "reconstruction.wiener": "auto"},
        {"steps.two": "none", "reconstruction.wiener": 0.1},
    )


def test_changes_hold_from_their_stack_on():
    changes = [
        SettingsChange(StackIndex(time=2), 0, {}, {"reconstruction.wiener": 0.1}),
        SettingsChange(StackIndex(time=3), 0, {}, {"steps.two": "none"}),
        SettingsChange(StackIndex(time=3), 0, {}, {"reconstruction.wiener": 0.3}),
    ]
    used = list(settings_at([StackIndex(time=t) for t in range(5)], OWN, changes))
    assert [one.reconstruction.wiener for one in used] == ["auto", "auto", 0.1, 0.3, 0.3]
    assert [one.steps.two for one in used] == ["auto", "auto", "auto", "none", "none"]


def test_the_log_is_read_as_it_was_written(tmp_path):
    changes = (
        SettingsChange(StackIndex(1, 2, 3, 4), 5, {"steps.two": "auto"}, {"steps.two": "none"}),
        SettingsChange(
            StackIndex(time=9),
            10,
            {"tracking.follow": True, "reconstruction.wiener": "auto"},
            {"tracking.follow": False, "reconstruction.wiener": 0.1 + 0.2},
        ),
    )
    path = tmp_path / "log.jsonl"
    for change in changes:
        append_settings_change(path, change)
    assert read_settings_log(path) == changes
    with path.open("a") as file:
        file.write('{"when": "cut o')
    assert read_settings_log(path) == changes
    path.write_text('{"format": "livesim-settings-log/1"}\n{"when": 3}\n')
    with pytest.raises(DataError, match=r"line 2: "):
        read_settings_log(path)


def test_words_of_the_command_line_are_values():
    words = ["steps.two=none", "reconstruction.wiener = 0.1", "tracking.follow=false"]
    assert parse_changes([*words, 'steps.one="a/b.safetensors"', "steps.precision=auto"]) == {
        "steps.two": "none",
        "reconstruction.wiener": 0.1,
        "tracking.follow": False,
        "steps.one": "a/b.safetensors",
        "steps.precision": "auto",
    }
    for wrong in ("steps.two", "steps.two=", "steps.two=[1]"):
        with pytest.raises(SettingsError, match="expected"):
            parse_changes([wrong])
