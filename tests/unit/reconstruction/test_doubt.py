"""A pattern is believed where it is known; what else speaks for it or against it."""

from dataclasses import replace

import pytest
import torch

from livesim.reconstruction.estimate.doubt import (
    doubt_of,
    imprecision_of,
    insignificance_of,
    modulation_doubt,
    remark_on,
)
from livesim.reconstruction.estimate.errors import Errors
from livesim.reconstruction.estimate.parameters import Parameters
from livesim.reconstruction.estimate.peak import NO_RIVAL
from livesim.reconstruction.estimate.refine import Refined

STEP = 0.1
LIGHT = 500.0
KNOWN = Errors(
    k=torch.tensor([0.001]),
    fringes=torch.tensor([0.05]),
    modulation=torch.tensor([0.05]),
    clear=torch.tensor([300.0]),
    rivals=(NO_RIVAL,),
    apart=0.0,
    unexplained=0.0,
    unexplained_error=0.1,
    consistent=True,
)


def found(errors, modulation=0.7):
    at = Parameters(
        k=torch.tensor([[4.0, 0.0]]),
        phases=torch.tensor([[0.0, 2.1, 4.2]]),
        modulation=torch.tensor([modulation]),
        intensity=torch.ones(3),
    )
    return Refined(at, errors)


def test_what_is_known_is_believed_without_a_remark():
    assert doubt_of(found(KNOWN), 20.0, STEP) is None
    assert remark_on(found(KNOWN)) is None


def test_a_modulation_that_two_errors_may_take_beyond_30_percent_is_said():
    vague, known = (replace(KNOWN, modulation=torch.tensor([error])) for error in (0.16, 0.14))
    assert "standard error of 16%" in remark_on(found(vague))
    assert remark_on(found(known)) is None


@pytest.mark.parametrize(
    ("degrees", "alike"),
    [
        ((0, 120, 240), False),
        ((0, 60, 120), False),
        ((0, 127, 258), False),
        ((10, 130, 131), True),
        ((0, 180, 0), True),
        ((0, 30, 60), True),
    ],
)
def test_phases_that_do_not_separate_the_bands_are_refused(degrees, alike):
    one = found(KNOWN)
    phases = torch.deg2rad(torch.tensor([degrees], dtype=torch.float64))
    doubt = doubt_of(replace(one, parameters=replace(one.parameters, phases=phases)), 20.0, STEP)
    assert (doubt is not None) == alike
    if alike:
        steps = ", ".join(f"{(one - degrees[0]) % 360}°" for one in degrees)
        assert doubt == f"phases too alike to separate its bands ({steps})"


def test_a_peak_just_below_what_is_expected_is_not_rounded_up():
    assert "peak-to-noise 4.9, expected 5.0 or more" in insignificance_of(4.98)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"clear": torch.tensor([3.0])}, "a peak like others around it"),
        ({"apart": 0.02}, "fringes and bands that disagree by 0.20"),
        ({"k": torch.tensor([float("nan")])}, "the bands do not determine"),
    ],
)
def test_what_may_not_be_there_is_refused_in_words(change, words):
    assert words in doubt_of(found(replace(KNOWN, **change)), 20.0, STEP)


def test_a_modulation_at_its_bound_is_refused():
    assert "without a band beside it" in doubt_of(found(KNOWN, modulation=0.02), 20.0, STEP)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"k": torch.tensor([0.02])}, "a wave vector known to ±0.2 spectral pixels"),
        ({"fringes": torch.tensor([0.5])}, "fringes known to ±29°"),
        ({"fringes": torch.tensor([0.1073])}, "fringes known to ±6.1°, expected 6° or less"),
    ],
)
def test_what_is_there_but_not_known_is_refused_in_words(change, words):
    assert words in imprecision_of(found(replace(KNOWN, **change)), 20.0, LIGHT, STEP, alike=True)
    assert imprecision_of(found(KNOWN), 20.0, LIGHT, STEP, alike=True) is None


def test_in_weak_light_and_with_weak_fringes_they_may_lie_less_exactly():
    vague = replace(KNOWN, fringes=torch.tensor([0.15]))
    assert "fringes known to ±8.6°" in imprecision_of(found(vague), 20.0, LIGHT, STEP, alike=True)
    assert imprecision_of(found(vague), 20.0, 5.0, STEP, alike=True) is None
    assert imprecision_of(found(vague, modulation=0.2), 20.0, LIGHT, STEP, alike=True) is None


def test_strong_fringes_may_differ_from_place_to_place_by_light_out_of_focus():
    vague = replace(KNOWN, fringes=torch.tensor([0.3]))
    light = replace(vague, unexplained=2.0)
    assert imprecision_of(found(light), 20.0, LIGHT, STEP, alike=True) is None
    assert imprecision_of(found(light), 8.0, LIGHT, STEP, alike=True) is not None
    assert imprecision_of(found(light), 20.0, LIGHT, STEP, alike=False) is not None
    assert imprecision_of(found(vague), 20.0, LIGHT, STEP, alike=True) is not None


def test_undeniable_fringes_are_used_though_the_bands_do_not_tell_their_modulation():
    vague = replace(KNOWN, modulation=torch.tensor([0.8]))
    assert modulation_doubt(found(vague), 20.0, alike=False) is None
    assert "standard error of 80%" in remark_on(found(vague))
    assert "standard error of 80%" in modulation_doubt(found(vague), 8.0, alike=False)
    assert modulation_doubt(found(vague), 8.0, alike=True) is None
    drowned = replace(vague, unexplained_error=5.0)
    assert "standard error of 80%" in modulation_doubt(found(drowned), 8.0, alike=True)
    faint = replace(vague, clear=torch.tensor([20.0]))
    assert "standard error of 80%" in modulation_doubt(found(faint), 20.0, alike=True)


def test_of_several_orders_the_modulation_must_be_known():
    """The phases of very uneven steps came out wrong by up to a half turn with it."""
    vague = found(replace(KNOWN, modulation=torch.tensor([0.8, 0.1])))
    two = replace(vague.parameters, modulation=torch.tensor([0.7, 0.5]))
    assert "standard error of 80%" in modulation_doubt(Refined(two, vague.errors), 50.0, alike=True)


def test_fringes_that_refining_still_moves_are_not_known():
    moving = replace(found(KNOWN), settled=False)
    assert imprecision_of(found(KNOWN), 20.0, LIGHT, STEP, alike=True) is None
    assert imprecision_of(moving, 20.0, LIGHT, STEP, alike=True) == (
        "fringes that refining moves on and on"
    )
