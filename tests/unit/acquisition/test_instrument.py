"""Settings of the simulated instrument: every fault has the effect its key promises."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from pydantic import BaseModel

from livesim.config.settings import SettingsError
from livesim.config.simulation import Simulation
from livesim_acquisition.microscope.instrument import Instrument
from tests.support.simulations import SIZE, settings


def instrument(**changes):
    return Instrument(settings(**changes))


def phases(**changes):
    """Return the phases of 40 stacks [stack, angle, phase]."""
    made = instrument(**changes)
    return np.array([[a.phases_rad for a in made.pattern(n).angles] for n in range(40)])


def brightness(**changes):
    made = instrument(**changes)
    return np.array([[a.intensity for a in made.pattern(n).angles] for n in range(40)])


def turned(angle):
    return np.rad2deg((np.asarray(angle) + np.pi) % (2 * np.pi) - np.pi)


def test_an_ideal_instrument_steps_evenly_and_keeps_its_brightness():
    every = phases()
    np.testing.assert_array_equal(every, np.broadcast_to(every[0], every.shape))
    np.testing.assert_allclose(turned(np.diff(every[0], axis=1)), 120.0)
    np.testing.assert_array_equal(brightness(), 1.0)
    pattern = instrument().pattern(0)
    assert pattern.shape == SIZE
    for angle in pattern.angles:
        assert angle.modulation == (0.8,)
        assert math.hypot(*angle.k_cycles_per_um) == pytest.approx(0.9 * 2 * 1.4 / 0.52)
        assert angle.k_cycles_per_um[0] >= 0.0


@pytest.mark.parametrize(
    ("pattern", "vectors", "frames", "reach"),
    [
        ({"angles": 3, "phases": 5, "harmonics": 2}, 3, 15, 2),
        ({"angles": 5, "phases": 5}, 5, 25, 1),
        ({"angles": 1, "phases": 4}, 1, 4, 1),
        ({"layout": "hexagonal"}, 3, 7, 1),
    ],
)
def test_any_number_of_angles_phases_and_harmonics(pattern, vectors, frames, reach):
    made = instrument(pattern=pattern)
    angles = made.pattern(1).angles
    assert len(angles) == vectors
    assert made.frames == frames
    for angle in angles:
        assert len(angle.modulation) == reach
        top = reach * math.hypot(*angle.k_cycles_per_um)
        assert top == pytest.approx(0.9 * 2 * 1.4 / 0.52)


def test_the_steps_of_a_hexagonal_pattern_are_one_two_and_four_sevenths():
    angles = instrument(pattern={"layout": "hexagonal"}).pattern(0).angles
    for sevenths, angle in zip((1, 2, 4), angles, strict=True):
        step = turned(np.diff(angle.phases_rad))
        np.testing.assert_allclose(step, turned(2 * np.pi * sevenths / 7))


def test_period_and_direction_come_from_the_simulation_or_else_from_what_is_expected():
    known = {"expected_period_nm": 230.0, "expected_angles_deg": [5.0, 65.0, 125.0]}
    for pattern, simulated, period, directions in (
        (known, {}, 230.0, (5, 65, 125)),
        (known, {"period_nm": 250.0, "directions_deg": [0, 45, 90]}, 250.0, (0, 45, 90)),
        ({}, {"period_nm": [240.0, 250.0, 260.0]}, (240.0, 250.0, 260.0), (10, 70, 130)),
    ):
        angles = instrument(pattern=pattern, true_pattern=simulated).pattern(0).angles
        np.testing.assert_allclose([a.period_nm for a in angles], period)
        found = [math.degrees(math.atan2(*a.k_cycles_per_um[::-1])) % 180 for a in angles]
        np.testing.assert_allclose(found, directions, atol=1e-9)


def test_phase_errors_belong_to_the_instrument_and_jitter_to_the_frame():
    ideal = phases()
    errors = turned(phases(true_pattern={"phase_error_deg": 10.0}) - ideal)
    assert 4.0 < errors[0].std() < 20.0
    np.testing.assert_allclose(errors, np.broadcast_to(errors[0], errors.shape), atol=1e-9)
    jitter = turned(phases(true_pattern={"phase_jitter_deg": 5.0}) - ideal)
    assert jitter.std() == pytest.approx(5.0, rel=0.15)
    assert np.abs(jitter[1] - jitter[0]).max() > 1.0


def test_the_pattern_drifts_evenly_from_frame_to_frame():
    drift = turned(phases(true_pattern={"drift_deg_per_stack": 1.8}) - phases())
    expected = 1.8 * (np.arange(40)[:, None] + np.arange(9) / 9.0)
    np.testing.assert_allclose(drift.reshape(40, 9), expected, atol=1e-9)


def test_angles_and_periods_err():
    ideal, off = (
        instrument().pattern(0),
        instrument(true_pattern={"angle_error_deg": 3.0}).pattern(0),
    )
    turn = [
        math.degrees(math.atan2(*b.k_cycles_per_um) - math.atan2(*a.k_cycles_per_um))
        for a, b in zip(ideal.angles, off.angles, strict=True)
    ]
    assert 0.1 < np.abs(turn).max() < 12.0
    np.testing.assert_allclose([a.period_nm for a in off.angles], ideal.angles[0].period_nm)
    stretched = instrument(true_pattern={"period_error_percent": 2.0}).pattern(0)
    ratio = np.array([a.period_nm for a in stretched.angles]) / ideal.angles[0].period_nm - 1
    assert 0.001 < np.abs(ratio).max() < 0.1
    assert len(set(ratio)) == 3


def test_modulation_is_one_for_all_or_one_a_harmonic_and_falls_off_to_the_corners():
    three_beam = {"phases": 5, "harmonics": 2}
    for said, expected in (([0.5], (0.5, 0.5)), ([0.7, 0.3], (0.7, 0.3))):
        made = instrument(pattern=three_beam, true_pattern={"modulation": said})
        assert made.pattern(0).angles[0].modulation == expected
    assert instrument().visibility() is None
    fading = instrument(true_pattern={"modulation_falloff": 0.6}).visibility()
    assert fading.shape == (128, 96)
    assert fading[0, 0] == pytest.approx(0.4)
    assert fading.max() == pytest.approx(1.0, abs=1e-3)


def test_bleaching_by_frame_and_by_time():
    frames = brightness(light={"bleaching_per_frame": 0.01}).ravel()
    np.testing.assert_allclose(frames, 0.99 ** np.arange(360))
    halves = brightness(exposure_ms=10.0, light={"bleaching_half_life_s": 0.9})
    np.testing.assert_allclose(halves[10, 0, 0], 0.5)  # 10 stacks of 9 x 10 ms
    np.testing.assert_allclose(halves[20, 0, 0], 0.25)


def test_flicker_and_a_dim_first_frame():
    assert brightness(light={"flicker": 0.1}).std() == pytest.approx(0.1, rel=0.15)
    dim = brightness(light={"dim_first_frame": 0.3})
    np.testing.assert_allclose(dim[:, 0, 0], 0.7)
    assert (dim.reshape(40, 9)[:, 1:] == 1.0).all()


def test_the_stage_drifts_and_jumps():
    made = instrument(
        stage={"drift_nm_per_s": [10.0, -20.0], "jump_nm": [0.0, 500.0], "jump_at_s": 2.0}
    )
    assert made.shift_nm(1.0) == (-20.0, 10.0)  # (y, x)
    assert made.shift_nm(2.0) == (460.0, 20.0)
    assert instrument().shift_nm(1e3) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("sequence", "pattern", "order"),
    [
        ({}, {}, [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        ({"rotated_by": 2}, {}, [2, 3, 4, 5, 6, 7, 8, 0, 1]),
        ({"reversed": True}, {}, [8, 7, 6, 5, 4, 3, 2, 1, 0]),
        ({"swapped_angles": [0, 2]}, {}, [6, 7, 8, 3, 4, 5, 0, 1, 2]),
        ({}, {"order": ["angle", "phase"]}, [0, 3, 6, 1, 4, 7, 2, 5, 8]),
        ({"rotated_by": 1}, {"order": ["angle", "phase"]}, [3, 6, 1, 4, 7, 2, 5, 8, 0]),
        ({"reversed": True, "rotated_by": 1}, {"angles": 1}, [1, 0, 2]),
    ],
)
def test_the_order_in_which_the_pattern_really_runs(sequence, pattern, order):
    made = instrument(sequence=sequence, pattern=pattern)
    assert made.order.tolist() == order
    ideal = instrument(pattern=pattern)
    assert made.labels.tolist() == ideal.order.tolist()


def test_the_settings_that_mend_a_rotation_give_the_labels_back():
    rotated = instrument(sequence={"rotated_by": 4}, pattern={"first_frame": 4})
    assert rotated.order.tolist() == rotated.labels.tolist()


def test_a_frame_has_the_phase_and_brightness_of_the_moment_it_is_taken():
    rotated = instrument(
        true_pattern={"drift_deg_per_stack": 9.0},
        sequence={"rotated_by": 3},
        light={"dim_first_frame": 0.5},
    )
    drift = turned(
        np.array([a.phases_rad for a in rotated.pattern(0).angles]) - phases()[0]
    ).ravel()
    np.testing.assert_allclose(drift[rotated.order], np.arange(9.0), atol=1e-9)
    dim = np.array([a.intensity for a in rotated.pattern(0).angles])
    assert dim[1, 0] == 0.5  # the first frame taken shows the fourth of the pattern


def test_times_of_frames():
    made = instrument(exposure_ms=4.0, readout_ms=1.0)
    assert made.stack_interval_s == pytest.approx(0.045)
    np.testing.assert_allclose(made.times_s(2), 0.09 + 0.005 * np.arange(9))
    np.testing.assert_allclose(made.specimen_times_s(2), 0.09)
    moving = instrument(moves_within_stack=True, interval_s=1.0)
    np.testing.assert_allclose(moving.specimen_times_s(1), 1.0 + 0.005 * np.arange(9))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"interval_s": 0.01}, "interval_s of at least 0.045 s, the time of 9 frames, found 0.01"),
        ({"optics": {"pixel_nm": None}}, "expected optics.pixel_nm in the settings, found none"),
        ({"optics": {"pixel_nm": 300.0}}, "expected periods above 300 nm"),
    ],
)
def test_what_does_not_fit_is_refused(changes, words):
    with pytest.raises(SettingsError, match=words):
        _ = instrument(**changes).stack_interval_s


def test_without_a_simulation_there_is_no_instrument():
    with pytest.raises(SettingsError, match=r"expected \[simulation\] in the settings, found none"):
        Instrument(settings().model_copy(update={"simulation": None}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"specimn": 1}, "unknown key 'simulation.specimn'; the nearest known key is 'specimen'"),
        ({"light": {"flikker": 1}}, "unknown key 'simulation.light.flikker'.*'flicker'"),
        ({"specimen": "worms"}, "simulation.specimen.0: expected 'filaments'.*found 'worms'"),
        ({"peak_photons": 0}, "simulation.peak_photons: expected greater than 0, found 0"),
        ({"seed": -1}, "simulation.seed: expected greater than or equal to 0, found -1"),
        ({"size": [8, 64]}, "simulation.size.0: expected greater than or equal to 16, found 8"),
        ({"light": {"flicker": 2.0}}, "simulation.light.flicker: expected less than or equal to"),
        ({"light": {"bleaching_per_frame": 1.0}}, "bleaching_per_frame: expected less than 1"),
        ({"sequence": {"rotated_by": 9}}, "rotated_by below 9, the frames of a stack, found 9"),
        ({"sequence": {"swapped_angles": [0, 3]}}, r"swapped_angles below 3, found \[0, 3\]"),
        ({"stage": {"drift_nm_per_s": [1, math.nan]}}, "drift_nm_per_s.1: expected a finite"),
        (
            {"true_pattern": {"period_nm": [2, 3]}},
            r"1 or 3 value\(s\) in pattern.period_nm, found 2",
        ),
        ({"true_pattern": {"directions_deg": [0]}}, r"3 value\(s\) in pattern.directions_deg"),
        ({"true_pattern": {"modulation": [0.8, 0.4]}}, r"1 value\(s\) in pattern.modulation"),
        ({"true_camera": {"bits": 7}}, "camera.bits: expected greater than or equal to 8, found 7"),
        ({"aberrations": {"spherical": 2.0}}, "spherical: expected less than or equal to 1"),
    ],
)
def test_a_wrong_setting_is_named_in_plain_words(changes, words):
    with pytest.raises(SettingsError, match=words):
        settings(**changes)


def keys_of(section):
    """Return the names of all keys of a section of the settings, and of the sections in it."""
    names = set(section.model_fields)
    for value in section.model_fields.values():
        if isinstance(value.annotation, type) and issubclass(value.annotation, BaseModel):
            names |= keys_of(value.annotation)
    return names


def test_the_page_on_simulation_explains_every_key():
    page = Path("docs/use/simulation.md").read_text(encoding="utf-8")
    assert len(keys_of(Simulation)) > 60
    assert not [
        key for key in keys_of(Simulation) if f"`{key}`" not in page and f".{key}]" not in page
    ]
