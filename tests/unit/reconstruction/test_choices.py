"""Every choice that the settings allow has an entry in the table that acts on it."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from livesim.config.settings import Apodization, PatternSettings
from livesim.reconstruction.filters import APODIZATIONS, apodization
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.separation import GROUPS


@pytest.mark.parametrize(
    ("section", "key", "known"),
    [
        (Apodization, "shape", set(APODIZATIONS)),
        (PatternSettings, "layout", set(GROUPS)),
    ],
    ids=["apodization", "layout"],
)
def test_what_may_be_chosen_is_what_the_table_knows(section, key, known):
    assert set(get_args(section.model_fields[key].annotation)) == known


def test_an_unknown_shape_is_no_triangle():
    settings = Apodization.model_construct(shape="gauss", cutoff="auto", bend=1.0)
    with pytest.raises(KeyError, match="gauss"):
        apodization(torch.ones(3), settings, Otf(5.0, damping=1.0), 5.0)


@pytest.mark.parametrize("shape", sorted(APODIZATIONS))
def test_every_shape_falls_from_one_and_never_below_zero(shape):
    frequency = torch.linspace(0.0, 12.0, 50)
    found = apodization(frequency, Apodization(shape=shape, cutoff="auto"), None, 9.0)
    assert float(found[0]) == 1.0
    assert bool((found.diff() <= 0.0).all())
    assert float(found[-1]) == (1.0 if shape == "none" else pytest.approx(0.0, abs=1e-2))
