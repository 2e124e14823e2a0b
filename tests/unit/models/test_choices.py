"""Every choice that settings and recipes allow has an entry in the table that acts on it."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from livesim.config.settings import Steps
from livesim_models.field import FieldRunner
from livesim_models.precision import Precision
from livesim_models.rcan.model import Rcan, RcanArchitecture
from livesim_models.training.module import DIFFERENCES
from livesim_models.training.recipe import StageRecipe, TrainingRecipe
from livesim_models.training.run import PRECISIONS


@pytest.mark.parametrize(
    ("section", "key", "known"),
    [
        (Steps, "precision", {"auto", *get_args(Precision)}),
        (StageRecipe, "difference", set(DIFFERENCES)),
        (TrainingRecipe, "precision", set(PRECISIONS)),
    ],
    ids=["precision", "difference", "training precision"],
)
def test_what_may_be_chosen_is_what_the_table_knows(section, key, known):
    assert set(get_args(section.model_fields[key].annotation)) == known


@pytest.mark.parametrize("precision", get_args(Precision))
def test_a_network_runs_in_every_precision(precision):
    network = Rcan(RcanArchitecture(groups=1, blocks=1, features=4))
    assert FieldRunner(network, precision)(torch.ones(1, 1, 8, 8)).dtype == torch.float32
