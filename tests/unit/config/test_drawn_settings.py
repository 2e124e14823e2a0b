"""Whatever stands in settings, they are taken or refused in a sentence."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest

from bench.soak.plausible_values import Draw
from livesim.config.errors import SettingsError
from livesim.config.settings import parse_settings
from tests.support.scenes import settings_text

GOOD = tomllib.loads(settings_text(networks=False))


@pytest.mark.parametrize("preset", ["fairsim", "report"])
@pytest.mark.parametrize("apodization", [None, 1, "cosine", []])
def test_a_preset_beside_what_is_no_table_is_refused(preset, apodization):
    table = {"preset": preset, "apodization": apodization}
    with pytest.raises(SettingsError, match=r"sent: reconstruction\.apodization: expected"):
        parse_settings(GOOD | {"reconstruction": table}, "sent")


def test_drawn_settings_are_taken_or_refused():
    taken, refused = 0, 0
    for number in range(400):
        values = Draw(np.random.default_rng((1, number))).settings(GOOD)
        try:
            parse_settings(values, "sent")
            taken += 1
        except SettingsError:
            refused += 1
    assert min(taken, refused) > 40
