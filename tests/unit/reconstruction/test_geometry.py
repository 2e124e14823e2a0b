"""The wave vectors of one instrument have nearly one length and share out half a turn."""

import math
from dataclasses import replace

import numpy as np
import pytest

from livesim.config.settings import PatternSettings
from livesim.reconstruction.estimate.doubt import SIGNIFICANT
from livesim.reconstruction.estimate.estimation import estimate_pattern
from livesim.reconstruction.estimate.geometry import (
    agree,
    agreeing,
    expected,
    nearer_in_length,
)
from tests.support.scenes import CAMERA, OPTICS, pattern_errors, random_pattern, simulate


def vector(length, degrees):
    turn = math.radians(degrees)
    return length * math.cos(turn), length * math.sin(turn)


@pytest.mark.parametrize(
    ("other", "vectors", "may_be"),
    [
        (vector(4.1, 72.0), 3, True),
        (vector(4.1, -50.0), 3, True),
        (vector(4.1, 12.0), 3, False),  # the same slot
        (vector(4.1, 95.0), 3, False),
        (vector(4.6, 72.0), 3, False),
        (vector(4.0, -80.0), 2, True),
        (vector(4.0, 47.0), 5, True),
    ],
)
def test_two_wave_vectors_of_one_instrument(other, vectors, may_be):
    assert agree(vector(4.0, 10.0), other, vectors) is may_be
    assert agree(other, vector(4.0, 10.0), vectors) is may_be


def test_most_count_and_of_two_for_one_slot_the_surest():
    known = {
        (2, 0): vector(3.0, 15.0),
        (0, 0): vector(4.0, 10.0),
        (1, 0): vector(4.1, 71.0),
        (3, 0): vector(4.1, 68.0),
    }
    assert agreeing(known, 3) == {(0, 0), (1, 0)}


def test_the_others_are_expected_in_the_slots_that_are_left():
    (place,) = expected([vector(4.0, 88.0), vector(4.2, -30.0)], 3)
    assert place.direction_deg is not None
    assert place.direction_deg % 180.0 == pytest.approx(29.0)
    assert 0.8 * 4.1 < place.inner < 4.1 < place.outer < 1.2 * 4.1
    assert len(expected([vector(4.0, 0.0)], 5)) == 4


def test_an_angle_too_faint_by_itself_is_found_where_the_others_have_it_expected():
    """Noise reaches the same peak-to-noise somewhere in the whole spectrum."""
    pattern = random_pattern(2, (128, 128), PatternSettings())
    faint = replace(pattern.angles[1], modulation=(0.15,))
    pattern = replace(pattern, angles=(pattern.angles[0], faint, pattern.angles[2]))
    scene = simulate(2, (128, 128), 100.0, pattern=pattern)
    found = estimate_pattern(scene.counts, OPTICS, PatternSettings(), CAMERA, 80.0)
    assert found.angles[1].peak_to_noise < SIGNIFICANT
    k, *_ = np.array(pattern_errors(found.angles, pattern))[1]
    assert k < 0.25
    # It is there, though not known well enough.
    assert any("angle 1: fringes known to" in warning for warning in found.warnings)


def test_of_two_wave_vectors_the_one_as_long_as_the_others_is_right():
    assert nearer_in_length([98.0, 96.1], [96.2, 95.9]) == 1
    assert nearer_in_length([96.1, 98.0], [96.2, 95.9]) == 0
    assert nearer_in_length([96.9, 96.1], [96.2, 95.9]) is None, "neither is another length"
    assert nearer_in_length([98.0, 96.1], [96.2, 97.9]) is None, "the others do not agree"
    assert nearer_in_length([98.0, 96.1], [96.2]) is None
