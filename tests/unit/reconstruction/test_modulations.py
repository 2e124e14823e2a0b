"""Modulation that the bands hardly tell leans on the other angles and on what is usual."""

import pytest
import torch

from livesim.reconstruction.estimate.errors import Errors
from livesim.reconstruction.estimate.modulations import lean_together
from livesim.reconstruction.estimate.parameters import Parameters
from livesim.reconstruction.estimate.peak import NO_RIVAL
from livesim.reconstruction.estimate.refine import Refined


def found(modulation, error):
    at = Parameters(
        k=torch.tensor([[4.0, 0.0]]),
        phases=torch.zeros(1, 3),
        modulation=torch.tensor([modulation]),
        intensity=torch.ones(3),
    )
    known = Errors(
        k=torch.tensor([0.001]),
        fringes=torch.tensor([0.05]),
        modulation=torch.tensor([error]),
        clear=torch.tensor([300.0]),
        rivals=(NO_RIVAL,),
        apart=0.0,
        unexplained=0.0,
        unexplained_error=0.1,
        consistent=True,
    )
    return Refined(at, known)


def told(*pairs):
    return [
        (float(one.parameters.modulation), float(one.errors.modulation))
        for one in lean_together([found(*pair) for pair in pairs])
    ]


def test_what_the_bands_tell_stays():
    for value, error in told((0.4, 0.01), (0.9, 0.01)):
        assert error == pytest.approx(0.01, rel=0.01)
        assert value == pytest.approx(0.4, rel=0.01) or value == pytest.approx(0.9, rel=0.01)


def test_what_they_do_not_tell_is_that_of_the_others_within_what_angles_differ():
    value, error = told((0.05, 5.0), (0.8, 0.02), (0.7, 0.02))[0]
    assert value == pytest.approx(0.73, abs=0.05)
    assert 0.25 < error < 0.4


def test_what_nothing_tells_is_what_is_usual():
    for value, error in told((0.02, 8.0), (1.0, 8.0)):
        assert value == pytest.approx(0.6, abs=0.05)
        assert error == pytest.approx(0.8, abs=0.05)


def test_no_pattern_has_no_modulation():
    assert lean_together([]) == []
