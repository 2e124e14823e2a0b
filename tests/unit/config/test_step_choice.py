"""What `--steps` makes of the settings: what is left out is none, what is asked for is there."""

import pytest

from livesim.config.settings import Settings, SettingsError
from livesim.config.step_choice import with_steps

OPTICS = {"numerical_aperture": 1.4, "emission_nm": 520.0}


def chosen(steps, **own):
    found = with_steps(Settings.model_validate({"optics": OPTICS, "steps": own}), steps).steps
    return found.one, found.two, found.all


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("reconstruct", ("none", "none", "none")),
        ("reconstruct,two", ("none", "auto", "none")),
        ("one,reconstruct", ("pair", "none", "none")),
        ("one,reconstruct,two", ("pair", "auto", "none")),
    ],
)
def test_a_step_one_that_is_asked_for_is_there_though_auto_has_none(steps, expected):
    assert chosen(steps) == expected


def test_a_step_one_that_the_settings_name_stays():
    assert chosen("one,reconstruct,two", one="mine.safetensors") == (
        "mine.safetensors",
        "auto",
        "none",
    )


def test_volumes_have_a_step_one_of_their_own():
    own = {"optics": OPTICS, "pattern": {"phases": 5, "harmonics": 2}, "volumes": {}}
    found = with_steps(Settings.model_validate(own), "one,reconstruct").steps
    assert (found.one, found.two) == ("volumes-pair", "none")


def test_what_cannot_be_chosen_is_refused():
    with pytest.raises(SettingsError, match="expected steps reconstruct"):
        chosen("two")
    with pytest.raises(SettingsError, match=r"expected a network in steps\.all, found 'none'"):
        chosen("all")


@pytest.mark.parametrize(
    ("steps", "step"), [("one,reconstruct,two", "one"), ("reconstruct,two", "two")]
)
def test_a_network_that_is_asked_for_and_not_there_is_refused(steps, step):
    with pytest.raises(SettingsError, match=rf"expected a network in steps\.{step}, found 'none'"):
        chosen(steps, **{step: "none"})
    channels = {1: {"steps": {step: "pair"}}}
    own = {"optics": OPTICS, "steps": {step: "none"}, "channels": channels}
    found = with_steps(Settings.model_validate(own), steps)
    assert getattr(found.of_channel(1).steps, step) == "pair"
