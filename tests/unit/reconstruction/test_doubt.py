"""A pattern is believed where it is known; what else speaks for it or against it."""

from dataclasses import replace

import pytest
import torch

from livesim.reconstruction.estimate.doubt import doubt_of, remark_on
from livesim.reconstruction.estimate.errors import Errors
from livesim.reconstruction.estimate.parameters import Parameters
from livesim.reconstruction.estimate.refine import Refined

STEP = 0.1
KNOWN = Errors(
    k=torch.tensor([0.001]),
    fringes=torch.tensor([0.05]),
    modulation=torch.tensor([0.05]),
    clear=torch.tensor([300.0]),
    apart=0.0,
    unexplained=0.0,
    unexplained_error=0.1,
    consistent=True,
)


def found(errors, modulation=0.7):
    at = Parameters(
        k=torch.tensor([[4.0, 0.0]]),
        phases=torch.zeros(1, 3),
        modulation=torch.tensor([modulation]),
        intensity=torch.ones(3),
    )
    return Refined(at, errors)


def test_what_is_known_is_believed_without_a_remark():
    assert doubt_of(found(KNOWN), 20.0, STEP) is None
    assert remark_on(found(KNOWN)) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"k": torch.tensor([0.02])}, "a wave vector known to ±0.2 spectral pixels"),
        ({"fringes": torch.tensor([0.5])}, "fringes known to ±29°"),
        ({"clear": torch.tensor([3.0])}, "a peak like others around it"),
        ({"apart": 0.02}, "fringes and bands that disagree by 0.20"),
        ({"k": torch.tensor([float("nan")])}, "the bands do not determine"),
    ],
)
def test_what_is_not_known_is_refused_in_words(change, words):
    assert words in doubt_of(found(replace(KNOWN, **change)), 20.0, STEP)


def test_a_modulation_at_its_bound_is_refused():
    assert "without a band beside it" in doubt_of(found(KNOWN, modulation=0.02), 20.0, STEP)


def test_undeniable_fringes_are_used_though_the_bands_do_not_tell_their_modulation():
    vague = replace(KNOWN, modulation=torch.tensor([8.0]))
    assert doubt_of(found(vague), 20.0, STEP) is None
    assert "standard error of 800%" in remark_on(found(vague))
    assert "a modulation with a standard error of 800%" in doubt_of(found(vague), 8.0, STEP)
    faint = replace(vague, clear=torch.tensor([20.0]))
    assert "a modulation with a standard error of 800%" in doubt_of(found(faint), 20.0, STEP)
