"""The simulated microscope: every key reaches the counts, and the counts follow their truth."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import tifffile
import torch

from livesim.config.settings import SettingsError
from livesim.reconstruction.forward.model import expected_photons
from livesim.reconstruction.otf import Otf
from livesim_acquisition.microscope.microscope import SimulatedMicroscope
from tests.support.simulations import SIZE, settings

FAST = {"speed_nm_per_s": 20_000.0}


def microscope(**changes):
    return SimulatedMicroscope(settings(**changes))


def taken(number=0, **changes):
    return microscope(**changes).stack(number)


def test_frames_say_what_they_are():
    frames = list(microscope(exposure_ms=4.0, readout_ms=1.0, true_camera={"bits": 8}).frames(2))
    assert [frame.sequence for frame in frames] == list(range(18))
    axes = [(frame.axes.time, frame.axes.angle, frame.axes.phase) for frame in frames]
    assert axes == [(t, a, p) for t in range(2) for a in range(3) for p in range(3)]
    assert all(frame.pixels.dtype == np.uint8 for frame in frames)
    assert all(frame.pixels.shape == SIZE for frame in frames)
    assert all(frame.exposure_ms == 4.0 for frame in frames)
    spacing_ms = np.diff([frame.camera_ns for frame in frames]) / 1e6
    np.testing.assert_allclose(spacing_ms, 5.0, atol=0.2)
    assert 0.005 < spacing_ms.std() < 0.08  # the jitter of real timestamps


def test_labels_follow_the_order_of_the_pattern():
    frames = list(microscope(pattern={"order": ["angle", "phase"]}).frames(1))
    assert [(frame.axes.angle, frame.axes.phase) for frame in frames[:4]] == [
        *((0, 0), (1, 0), (2, 0)),
        (0, 1),
    ]


def test_a_stack_is_the_same_alone_and_in_a_row_and_another_seed_is_another():
    scope = microscope(light={"flicker": 0.05}, true_pattern={"phase_jitter_deg": 5.0})
    in_a_row = [frame.pixels for frame in scope.frames(3)]
    alone = taken(2, light={"flicker": 0.05}, true_pattern={"phase_jitter_deg": 5.0})
    np.testing.assert_array_equal(np.stack(in_a_row[18:]), alone.counts)
    assert not np.array_equal(alone.counts, taken(2, seed=4).counts)
    assert not np.array_equal(taken(0).counts, taken(1, filaments={"speed_nm_per_s": 0.0}).counts)


def test_the_brightest_widefield_pixel_has_the_photons_asked_for():
    stack = taken(peak_photons=4000.0)
    assert stack.expected.mean(0).max() == pytest.approx(4000.0, rel=1e-3)
    photons = (stack.counts.mean(0) - 100.0) / 2.0
    assert photons.max() == pytest.approx(4000.0, rel=0.05)


def test_counts_follow_the_expected_photons():
    scope = microscope(peak_photons=200.0, filaments={"speed_nm_per_s": 0.0})
    stacks = [scope.stack(number) for number in range(8)]
    off = np.stack([(s.counts - 100.0) / 2.0 - s.expected for s in stacks])
    sigma = np.sqrt(stacks[0].expected + 1.0 + 1.0 / 48.0)  # shot, read noise 1, rounding
    scaled = off / sigma
    assert scaled.mean() == pytest.approx(0.0, abs=4.0 / np.sqrt(scaled.size))
    assert scaled.var() == pytest.approx(1.0, abs=0.02)


def test_expected_photons_are_those_of_the_forward_model():
    stack = taken()
    again = expected_photons(
        torch.from_numpy(stack.object), stack.pattern, Otf.theoretical(settings().optics)
    )
    np.testing.assert_allclose(stack.expected, again.flatten(0, 1).numpy(), rtol=1e-5, atol=1e-4)


def test_the_specimen_moves_without_flicker():
    scope = microscope(filaments=FAST)
    widefield = np.stack([scope.stack(number).expected.mean(0) for number in range(6)])
    total = widefield.sum((1, 2))
    np.testing.assert_allclose(total, total[0], rtol=3e-3)
    assert np.abs(widefield[5] - widefield[0]).max() > 100.0


def test_the_specimen_stands_still_within_a_stack_unless_told():
    still, moving = (
        taken(filaments=FAST, moves_within_stack=moves, exposure_ms=50.0).expected
        for moves in (False, True)
    )
    thirds = still.reshape(3, 3, *SIZE).mean(1)  # three phases add up to widefield
    np.testing.assert_allclose(thirds[1], thirds[0], rtol=1e-3, atol=0.02)
    assert np.abs(moving[6:].mean(0) - moving[:3].mean(0)).max() > 30.0


@pytest.mark.parametrize(
    ("pattern", "shape"),
    [
        ({"angles": 3, "phases": 5, "harmonics": 2}, 15),
        ({"angles": 5, "phases": 5}, 25),
        ({"layout": "hexagonal"}, 7),
        ({"angles": 1, "phases": 4}, 4),
    ],
)
def test_every_layout_gives_frames_with_fringes(pattern, shape):
    stack = taken(pattern=pattern, peak_photons=1000.0)
    assert stack.counts.shape == (shape, *SIZE)
    differences = stack.expected - stack.expected.mean(0)
    assert np.abs(differences).max() > 80.0


CHANGES = {
    "modulation": {"true_pattern": {"modulation": 0.3}},
    "modulation falls off": {"true_pattern": {"modulation_falloff": 1.0}},
    "phase errors": {"true_pattern": {"phase_error_deg": 15.0}},
    "phase jitter": {"true_pattern": {"phase_jitter_deg": 15.0}},
    "angle error": {"true_pattern": {"angle_error_deg": 3.0}},
    "period error": {"true_pattern": {"period_error_percent": 3.0}},
    "period": {"true_pattern": {"period_nm": 260.0}},
    "directions": {"true_pattern": {"directions_deg": [0.0, 60.0, 120.0]}},
    "pattern drift": {"true_pattern": {"drift_deg_per_stack": 30.0}},
    "bleaching by frame": {"light": {"bleaching_per_frame": 0.02}},
    "bleaching by time": {"light": {"bleaching_half_life_s": 0.1}},
    "flicker": {"light": {"flicker": 0.1}},
    "dim first frame": {"light": {"dim_first_frame": 0.5}},
    "stage drift": {"stage": {"drift_nm_per_s": [2000.0, 0.0]}},
    "stage jump": {"stage": {"jump_nm": [0.0, 200.0], "jump_at_s": 0.01}},
    "background": {"background": {"uniform": 0.2}},
    "defocused light": {"background": {"defocused": 0.5}},
    "distance of defocused light": {"background": {"defocused": 0.5, "defocus_um": 0.3}},
    **{
        mode: {"aberrations": {mode: 0.12}}
        for mode in (
            *("defocus", "astigmatism_oblique", "astigmatism", "coma_y", "coma_x"),
            *("trefoil_y", "trefoil_x", "spherical"),
        )
    },
    "rotated": {"sequence": {"rotated_by": 1}},
    "reversed": {"sequence": {"reversed": True}},
    "swapped angles": {"sequence": {"swapped_angles": [0, 1]}},
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_fault_reaches_the_expected_photons(name):
    still = {"filaments": {"speed_nm_per_s": 0.0}, "moves_within_stack": True}
    plain, faulty = (
        microscope(**still, **change).stack(1).expected for change in ({}, CHANGES[name])
    )
    assert np.abs(plain - faulty).max() > 8.0  # of 300 photo-electrons


def test_a_shift_of_whole_pixels_moves_the_image_by_whole_pixels():
    still = {"filaments": {"speed_nm_per_s": 0.0}}
    jump = {"jump_nm": [160.0, -80.0], "jump_at_s": 0.0}
    here, gone = (taken(stage=stage, **still).expected.mean(0) for stage in ({}, jump))
    # The microscope is as bright as its first image says, wherever that lies.
    np.testing.assert_allclose(np.roll(here, (-1, 2), (0, 1)), gone, atol=0.3)


def test_a_background_is_added_to_every_pixel():
    bare, lit = taken().expected, taken(background={"uniform": 0.25}).expected
    np.testing.assert_allclose(lit - bare, 75.0, atol=1e-3)


def test_defocused_light_has_the_light_of_the_specimen_and_no_fringes():
    bare, lit = taken().expected, taken(background={"defocused": 2.0}).expected
    glow = lit - bare
    np.testing.assert_allclose(glow, np.broadcast_to(glow[0], glow.shape), atol=1e-2)
    assert glow[0].sum() == pytest.approx(2.0 * bare.mean(0).sum(), rel=0.01)
    assert glow[0].std() < 0.6 * bare.mean(0).std() * 2.0


def test_the_camera():
    dark = {"peak_photons": 1e-3, "seed": 1}
    plain, scmos = (
        taken(**dark, true_camera=kind).counts.astype(float)
        for kind in ({}, {"kind": "scmos", "offset_spread": 8.0})
    )
    assert plain.mean(0).std() < 1.5
    assert scmos.mean(0).std() == pytest.approx(8.0, rel=0.1)
    noisy = taken(**dark, true_camera={"kind": "scmos", "read_noise_spread": 1.0}).counts
    assert noisy.std(0).max() > 8.0 * np.median(noisy.std(0))
    uneven = taken(true_camera={"kind": "scmos", "gain_spread": 0.3, "offset_spread": 0.0})
    photons = (uneven.counts - 100.0) / 2.0
    bright = uneven.expected.mean(0) > 150.0
    assert (photons.mean(0) / uneven.expected.mean(0))[bright].std() > 0.15


def test_an_emccd_doubles_the_variance_of_shot_noise():
    flat = {"background": {"uniform": 1.0}, "peak_photons": 100.0, "camera": {"read_noise": 0.0}}
    variances = []
    for kind in ("plain", "emccd"):
        stack = taken(**flat, true_camera={"kind": kind})
        off = (stack.counts - 100.0) / 2.0 - stack.expected
        variances.append((off**2 / stack.expected).mean())
    np.testing.assert_allclose(variances, [1.0, 2.0], rtol=0.05)


@pytest.mark.parametrize(("bits", "kind"), [(8, np.uint8), (12, np.uint16), (16, np.uint16)])
def test_counts_end_where_the_bits_do(bits, kind):
    counts = taken(peak_photons=1e5, true_camera={"bits": bits}).counts
    assert counts.dtype == kind
    assert counts.max() == 2**bits - 1


def test_a_pixel_is_full_at_its_well():
    full = taken(peak_photons=1000.0, true_camera={"full_well": 200.0}, camera={"read_noise": 0.0})
    assert full.counts.max() == 100 + 2 * 200


def test_lost_repeated_and_late_frames_keep_their_numbers_and_pixels():
    faults = {"dropped_frames": [3], "repeated_frames": [5], "late_frames": [7], "late_by": 4}
    ideal = {frame.sequence: frame for frame in microscope().frames(2)}
    seen = list(microscope(sequence=faults).frames(2))
    assert [frame.sequence for frame in seen] == [
        *(0, 1, 2, 4, 5, 5, 6, 8, 9, 10, 11, 7, 12, 13, 14, 15, 16, 17),
    ]
    for frame in seen:
        assert frame.axes == ideal[frame.sequence].axes
        np.testing.assert_array_equal(frame.pixels, ideal[frame.sequence].pixels)


def test_a_measured_otf_is_used(tmp_path):
    steep = np.linspace(1.0, 0.0, 65) ** 4
    tifffile.imwrite(tmp_path / "otf.tif", steep.astype(np.float32))
    measured = {"otf_file": str(tmp_path / "otf.tif")}
    blurred, sharp = taken(optics=measured).expected, taken().expected
    assert blurred.sum() == pytest.approx(
        sharp.sum() * blurred.mean(0).sum() / sharp.mean(0).sum(), rel=1e-3
    )
    assert np.abs(np.diff(blurred[0])).max() < 0.8 * np.abs(np.diff(sharp[0])).max()
    with pytest.raises(SettingsError, match="found both"):
        microscope(optics=measured, aberrations={"coma_x": 0.1})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"optics": {"pixel_nm": None}}, "expected optics.pixel_nm in the settings, found none"),
        ({"interval_s": 0.01}, "expected interval_s of at least 0.045 s"),
        ({"specimen": "line_pairs", "size": [16, 16]}, "expected a specimen within the field"),
    ],
)
def test_what_does_not_fit_is_refused(changes, words):
    with pytest.raises(SettingsError, match=words):
        microscope(**changes).stack(0)


def test_importing_the_sources_of_frames_does_not_load_torch():
    modules = (
        "microscope.live_source",
        "microscope.microscope",
        "microscope.truth",
        "replay.replay",
        "sender",
        "streaming",
    )
    imports = "; ".join(f"import livesim_acquisition.{name}" for name in modules)
    check = f"{imports}; import sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], timeout=60).returncode == 0
