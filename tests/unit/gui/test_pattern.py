"""The curves of the pattern and the resolution reached, made of an engine's readings; no window."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from livesim.values.frames import StackIndex
from livesim.values.pattern import PatternAngle
from livesim.values.results import Result
from livesim.wire.stream_status import ChannelStatus
from livesim_gui.state.health.reached import EVERY_S, Pair, Reached, pair_of, reached_nm
from livesim_gui.state.health.strips import DRIFT, MODULATION, STEPS, one_curve
from livesim_gui.state.health.tracking_history import KEPT, Reading, TrackingHistory, readings_of
from livesim_gui.state.stream.feed import Feed
from livesim_gui.state.time.ring import Shot
from livesim_gui.state.viewer import Viewer
from tests.doubles.fake_engine import angle_status, engine_status, in_use, tracking_status
from tests.support.shown import result, shots

FIELD_UM = (20.0, 10.0)
PIXEL_NM = 40.0


def angle(k=(5.0, 0.0), degrees=(0.0, 120.0, 240.0), *, usable=True):
    phases = tuple(np.radians(degrees))
    return PatternAngle(k_cycles_per_um=k, phases_rad=phases, modulation=(0.8,), usable=usable)


def history(*angles, field_um=FIELD_UM):
    """Return a history of one angle, a reading each second."""
    seen = TrackingHistory()
    for second, one in enumerate(angles):
        seen.see(Reading(float(second), (), (one,), field_um))
    return seen


def textured(blur_nm, noise, seed):
    """Return the same object each time, its spectrum a Gaussian, in other noise each time."""
    white = np.random.default_rng(1).standard_normal((256, 256))
    f = np.fft.fftfreq(256, PIXEL_NM)
    passed = np.exp(-2.0 * (np.pi * blur_nm * np.hypot(f[:, None], f[None, :])) ** 2)
    image = np.fft.ifft2(np.fft.fft2(white) * passed).real
    grain = np.random.default_rng(seed).standard_normal(image.shape)
    return (image + noise * grain).astype(np.float32)


def pair(newer, older):
    return Pair(("s", 0), newer, older, PIXEL_NM)


def test_watched_curves_have_a_value_a_reading():
    seen = TrackingHistory()
    for n in range(3):
        seen.see(Reading(10.0 + n, tuple(angle_status(drift_deg=a * n) for a in range(3))))
    assert seen.seconds().tolist() == [-2.0, -1.0, 0.0]
    assert seen.drift_deg(2).tolist() == [0.0, 2.0, 4.0]
    assert seen.modulation(0).tolist() == [0.8] * 3
    seen.see(Reading(20.0, (angle_status(),)))
    assert (seen.angles, seen.seconds().tolist()) == (1, [0.0])


@pytest.mark.parametrize(
    ("k", "pixels"),
    [
        ((5.0, 0.0), 0.0),
        ((5.0 + 1 / 20.0, 0.0), 1.0),
        ((5.0, 1 / 10.0), 1.0),
        ((5.0 + 3 / 20.0, 4 / 10.0), 5.0),
    ],
)
def test_a_wave_vector_changes_by_pixels_of_the_spectrum_of_its_field(k, pixels):
    changed = history(angle(), angle(k)).k_change_px(0)
    assert changed == pytest.approx([0.0, pixels], abs=1e-9)


def test_a_wave_vector_that_turns_through_y_has_not_jumped_to_the_other_side():
    changed = history(angle((0.0, 5.0)), angle((1 / 20.0, -5.0))).k_change_px(0)
    assert changed == pytest.approx([0.0, 1.0], abs=1e-9)


def test_the_change_is_counted_from_the_first_pattern_however_long_ago():
    seen = history(angle(), *[angle((5.1, 0.0))] * (KEPT + 5))
    assert len(seen.seconds()) == KEPT
    assert seen.k_change_px(0) == pytest.approx([2.0] * KEPT)


def test_an_angle_that_is_not_usable_and_a_field_unknown_have_no_change():
    assert np.isnan(history(angle(usable=False)).k_change_px(0)).all()
    assert np.isnan(history(angle(), field_um=None).k_change_px(0)).all()
    later = history(angle((9.0, 9.0), usable=False), angle(), angle((5.05, 0.0)))
    np.testing.assert_allclose(later.k_change_px(0), [np.nan, 0.0, 1.0], atol=1e-9)


@pytest.mark.parametrize(
    ("degrees", "steps", "equal"),
    [
        ((0.0, 120.0, 240.0), (120.0, 120.0), 120.0),
        ((10.0, 133.0, 249.0), (123.0, 116.0), 120.0),
        ((0.0, -118.0, -240.0), (118.0, 122.0), 120.0),  # of -k
        ((300.0, 60.0, 180.0), (120.0, 120.0), 120.0),
        (tuple(72.0 * n for n in range(5)), (72.0,) * 4, 72.0),
        (tuple(720.0 / 7 * n for n in range(7)), (720.0 / 7,) * 6, 720.0 / 7),  # hexagonal
    ],
)
def test_phase_steps(degrees, steps, equal):
    seen = history(angle(degrees=degrees))
    assert seen.phase_steps_deg(0)[:, 0] == pytest.approx(steps)
    assert seen.equal_step_deg(0) == pytest.approx(equal)


def test_steps_that_are_not_known_leave_a_gap():
    steps = history(angle(), angle(usable=False), angle()).phase_steps_deg(0)
    assert np.isnan(steps).tolist() == [[False, True, False]] * 2
    unknown = TrackingHistory()
    unknown.see(Reading(0.0, (angle_status(),)))
    assert (unknown.phase_steps_deg(0).size, unknown.equal_step_deg(0)) == (0, None)


def test_a_pattern_that_nobody_watches_has_steps_but_no_drift():
    seen = history(angle())
    assert np.isnan(DRIFT.lines(seen, 0)).all()
    assert np.isnan(MODULATION.lines(seen, 0)).all()
    assert STEPS.lines(seen, 0) == pytest.approx(np.full((2, 1), 120.0))


def test_several_lines_are_one_curve_with_gaps():
    x, y = one_curve(np.array([-1.0, 0.0]), np.array([[1.0, 2.0], [3.0, 4.0]]))
    np.testing.assert_array_equal(x, [-1.0, 0.0, np.nan, -1.0, 0.0, np.nan])
    np.testing.assert_array_equal(y, [1.0, 2.0, np.nan, 3.0, 4.0, np.nan])


def test_every_channel_has_a_reading_of_its_own():
    status = two_channels()
    readings = readings_of(status, 3.0)
    assert [one.watched[0].modulation for one in readings.values()] == [0.8, 0.4]
    assert [one.pattern[0].k_cycles_per_um for one in readings.values()] == [
        (5.0, 0.0),
        (6.0, 0.0),
    ]
    assert readings[0].field_um == pytest.approx((2.56, 5.12))


def two_channels():
    used = in_use()
    first = used.patterns[0]
    angles = tuple(replace(one, k_cycles_per_um=(6.0, 0.0)) for one in first.angles)
    patterns = {0: first, 1: replace(first, angles=angles)}
    stream = used.stream.model_copy(update={"frame_shape": (64, 32)})
    faint = tracking_status(*(angle_status(modulation=0.4),) * 3)
    return engine_status(
        in_use=used.model_copy(update={"patterns": patterns, "stream": stream}),
        channels=(
            ChannelStatus(channel=0, tracking=tracking_status()),
            ChannelStatus(channel=1, tracking=faint),
        ),
    )


def test_the_curves_and_peaks_are_those_of_the_channel_that_is_shown():
    viewer = Viewer(Feed())
    viewer.stream.feed.begin("tcp://127.0.0.1:1")
    for channel in (0, 1):
        viewer.stream.feed.take(1, result(0, channel=channel), 0.0)
    viewer.stream.feed.answer(1, two_channels())
    viewer.tick(0.0)
    assert (
        viewer.history.modulation(0).tolist(),
        viewer.stream.news.facts.of_channel(viewer.channels.shown).found[0],
    ) == ([0.8], (5.0, 0.0))
    viewer.channels.chosen = 1
    viewer.tick(0.1)
    assert (
        viewer.history.modulation(0).tolist(),
        viewer.stream.news.facts.of_channel(viewer.channels.shown).found[0],
    ) == ([0.4], (6.0, 0.0))
    viewer.stream.feed.take(1, result(0, stream="another"), 0.2)
    viewer.tick(0.2)
    assert viewer.history.angles == 0


@pytest.mark.parametrize("blur_nm", [50.0, 100.0])
@pytest.mark.parametrize("noise", [0.02, 0.1])
def test_two_results_agree_as_far_as_there_is_signal(blur_nm, noise):
    found = reached_nm(pair(textured(blur_nm, noise, 2), textured(blur_nm, noise, 3)))
    # S / (S + N) with S = exp(-4 pi^2 blur^2 f^2) and N = noise^2 is 1/7 where S = N / 6.
    expected = 2.0 * np.pi * blur_nm / np.sqrt(-np.log(noise**2 / 6.0))
    assert found == pytest.approx(expected, rel=0.05)


def test_noise_of_the_same_band_reaches_nothing():
    def grain(seed):
        white = np.random.default_rng(seed).standard_normal((256, 256))
        f = np.fft.fftfreq(256, PIXEL_NM)
        passed = np.hypot(f[:, None], f[None, :]) < 1.0 / 110.0
        return np.fft.ifft2(np.fft.fft2(white) * passed).real.astype(np.float32)

    found = reached_nm(pair(grain(4), grain(5)))
    assert found is None or found > 1000.0


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        (textured(60.0, 0.1, 2), textured(60.0, 0.1, 2)),
        (textured(60.0, 0.1, 2), textured(60.0, 0.1, 3)[:128]),
        (textured(60.0, 0.1, 2)[:80], textured(60.0, 0.1, 3)[:80]),
        (textured(60.0, 0.1, 2), np.full((256, 256), np.nan, np.float32)),
        (np.zeros((256, 256), np.float32), np.ones((256, 256), np.float32)),
    ],
    ids=["same frames again", "other shape", "small", "not recorded", "empty"],
)
def test_what_cannot_be_told_is_not_told(newer, older):
    assert reached_nm(pair(newer, older)) is None


def test_the_result_before_is_of_the_same_place():
    def shot(number, stream="s", **index):
        made = replace(result(number), stream=stream, index=StackIndex(time=number, **index))
        return Shot(number, made)

    others = [shot(1, channel=1), shot(2, z=1), shot(3, position=1), shot(4, stream="other")]
    newest = shot(5)
    newest.result.image[0, 0] = 7.0
    assert pair_of(newest, [*others, newest], 80.0) is None
    found = pair_of(newest, [shot(0), *others, newest], 80.0)
    assert (found.newer[0, 0], found.older[0, 0], found.pixel_nm) == (7.0, 0.0, 40.0)
    assert pair_of(newest, [shot(0), newest], None) is None


def test_results_that_share_frames_are_not_compared():
    taken = shots(6)
    found = pair_of(taken[5], taken, 80.0, apart_s=0.25)
    np.testing.assert_array_equal(found.older, taken[2].result.image)


def test_networks_have_no_part_in_it():
    with_networks: tuple[Result, ...] = tuple(one.result for one in shots(2, plain=True))
    found = pair_of(Shot(1, with_networks[1]), [Shot(0, with_networks[0])], 80.0)
    np.testing.assert_array_equal(found.newer, with_networks[1].plain)


def test_it_is_measured_now_and_then_and_belongs_to_a_channel():
    taken, reached = shots(5), Reached()
    first = reached.next(taken[1], taken, 80.0, 0.0)
    assert first is not None
    reached.take(first, 104.0)
    assert reached.next(taken[2], taken, 80.0, 0.9 * EVERY_S) is None
    assert reached.nm_of(taken[2]) == 104.0
    assert reached.nm_of(Shot(9, result(9, channel=1))) is None
    assert reached.nm_of(Shot(9, result(9, stream="other"))) is None
    assert reached.nm_of(None) is None
    assert reached.next(taken[1], taken, 80.0, EVERY_S) is None  # nothing new
    assert reached.next(taken[2], taken, 80.0, EVERY_S) is not None
    assert reached.next(taken[0], taken, 80.0, 2 * EVERY_S) is None
    assert reached.nm_of(taken[0]) is None
