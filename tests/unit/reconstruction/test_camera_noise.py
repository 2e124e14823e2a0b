"""Gain, offset and read noise are found within their errors; shared noise is recognised."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d, interpolate

from livesim.config.settings import Camera
from livesim.reconstruction.camera_noise import (
    CorrelatedNoiseError,
    NoiseUnknownError,
    measure_camera_noise,
)
from livesim.reconstruction.forward.sensor import Sensor
from livesim.reconstruction.noise_model import believed_noise, settings_noise
from tests.support.scenes import OPTICS, simulate

PIXEL_UM = OPTICS.pixel_nm / 1000.0
CUTOFF = OPTICS.cutoff_cycles_per_um


@pytest.fixture(scope="module")
def expected():
    """Mean photo-electrons [frame, y, x] of three fields, 1 at the brightest pixel."""
    scenes = [simulate(seed, (128, 128), peak=1000.0) for seed in range(3)]
    return torch.cat([scene.expected.flatten(0, 1) for scene in scenes]).float() / 1000.0


def recorded(expected, peak, gain, offset, read_noise, seed):
    generator = torch.Generator().manual_seed(seed)
    mean = peak * expected
    electrons = torch.poisson(mean, generator=generator)
    electrons += read_noise * torch.randn(mean.shape, generator=generator)
    return gain * electrons + offset


def measured(frames):
    return measure_camera_noise(frames, PIXEL_UM, CUTOFF)


@pytest.mark.parametrize("gain", [0.1, 0.5, 1.0, 2.2, 10.0])
@pytest.mark.parametrize(("offset", "read_noise"), [(0.0, 0.5), (100.0, 1.5), (500.0, 5.0)])
@pytest.mark.parametrize("peak", [20.0, 300.0])
def test_a_camera_is_found_within_the_errors(expected, gain, offset, read_noise, peak):
    noise = measured(recorded(expected, peak, gain, offset, read_noise, 1))
    assert abs(noise.gain - gain) < 4.0 * noise.gain_error
    found, error = noise.offset(read_noise)
    assert abs(found - offset) < 4.0 * error
    found, error = noise.read_noise(offset)
    assert abs(found - read_noise) < 4.0 * error


def test_the_errors_are_as_large_as_the_spread(expected):
    found = [measured(recorded(expected, 100.0, 2.0, 100.0, 1.5, seed)) for seed in range(20)]
    offs = np.array([(n.gain - 2.0) / n.gain_error for n in found])
    assert 0.6 < np.sqrt(np.mean(offs**2)) < 1.6
    offs = np.array([(n.offset(1.5)[0] - 100.0) / n.offset(1.5)[1] for n in found])
    assert 0.6 < np.sqrt(np.mean(offs**2)) < 1.6


def test_the_variance_needs_neither_offset_nor_read_noise(expected):
    noise = measured(recorded(expected, 100.0, 2.0, 100.0, 1.5, 3))
    mean = 100.0 * float(expected.mean())
    counts = torch.tensor(2.0 * mean + 100.0)
    assert float(noise.variance(counts)) == pytest.approx(4.0 * (mean + 1.5**2), rel=0.05)


@pytest.mark.parametrize(
    "changed",
    [
        lambda frames: avg_pool2d(frames[None], 2, 1)[0],
        lambda frames: (frames + frames.roll(1, -1)) / 2.0,
        lambda frames: avg_pool2d(frames[None], 3, 1, 1)[0],
        lambda frames: interpolate(
            frames[None], scale_factor=1.25, mode="bilinear", align_corners=False
        )[0],
    ],
    ids=["2 x 2", "along the rows", "3 x 3", "resampled"],
)
def test_noise_that_pixels_share_is_recognised(expected, changed):
    frames = recorded(expected, 100.0, 2.0, 100.0, 1.5, 4)
    assert measured(frames).ripple < 0.05
    with pytest.raises(CorrelatedNoiseError, match="neighbouring pixels share noise"):
        measured(changed(frames))


@pytest.mark.parametrize("peak", [20.0, 300.0])
def test_multiplication_doubles_the_gain(expected, peak):
    sensor = replace(Sensor.of(Camera(offset=500.0, gain=30.0)), electron_multiplying=True)
    counts = sensor.counts(peak * expected[:9].double(), torch.Generator().manual_seed(6))
    noise = measured(counts.double())
    assert abs(noise.gain - 60.0) < 4.0 * noise.gain_error
    assert noise.gain_error < 6.0


def test_pixels_that_differ_are_no_noise(expected):
    camera = Camera(offset=100.0, gain=2.0, read_noise=1.5)
    uneven = Sensor.scmos(camera, (128, 128), 1, offset_spread=10.0, gain_spread=0.02)
    counts = uneven.counts(300.0 * expected[:9].double(), torch.Generator().manual_seed(7))
    model = believed_noise(counts.double(), camera, PIXEL_UM, CUTOFF)
    light = torch.tensor([20.0, 40.0, 80.0])
    assert (model.variance(light) / (light + 1.5**2)).tolist() == pytest.approx([1.0] * 3, rel=0.1)


def test_noise_of_pixels_that_a_map_knows_is_that_of_each(expected):
    camera = Camera(offset=100.0, gain=2.0, read_noise=1.5)
    sensor = Sensor.scmos(camera, (128, 128), 1, offset_spread=0.0, gain_spread=0.0)
    noisy = sensor.read_noise.clone()
    loud = torch.rand(noisy.shape, generator=torch.Generator().manual_seed(2)) < 0.01
    noisy[loud] *= 8.0
    sensor = replace(sensor, read_noise=noisy)
    light = 300.0 * expected[:9].double()
    counts = sensor.counts(light, torch.Generator().manual_seed(5)).double()
    model = believed_noise(counts, camera, PIXEL_UM, CUTOFF).of_pixels(noisy, camera)
    ratio = model.variance(light) / (light + noisy.square())
    assert model.measured, model.words
    assert float(ratio[:, loud].mean()) == pytest.approx(1.0, abs=0.05)
    assert float(ratio.median()) == pytest.approx(1.0, abs=0.1)
    assumed = settings_noise(camera).of_pixels(noisy, camera).variance(light)
    assert float((assumed / (light + noisy.square())).mean()) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("gain", [0.3, 1.0, 10.0])
def test_offset_and_read_noise_are_told_without_what_rounding_adds(expected, gain):
    frames = recorded(expected, 100.0, gain, 100.0, 1.5, 3).round()
    noise = measured(frames)
    assert noise.told
    assert noise.read_noise(100.0)[0] == pytest.approx(1.5, abs=0.15)
    assert noise.offset(1.5)[0] == pytest.approx(100.0, abs=0.3 * max(gain, 1.0))


def test_a_gain_that_rounding_hides_is_not_told(expected):
    noise = measured(recorded(expected, 50.0, 0.1, 100.0, 1.5, 4).round())
    assert not noise.told


def test_hot_pixels_do_not_move_it(expected):
    frames = recorded(expected[:9], 100.0, 2.0, 100.0, 1.5, 8)
    generator = torch.Generator().manual_seed(8)
    hot = torch.rand(frames.shape[1:], generator=generator) < 1e-3
    flicker = torch.rand(frames.shape, generator=generator) < 0.5
    assert int(hot.sum()) > 8
    noise = measured(frames + 300.0 * (hot & flicker))
    assert abs(noise.gain - 2.0) < 4.0 * noise.gain_error


def test_clipped_places_are_left_out(expected):
    frames = recorded(expected[:9], 300.0, 2.0, 100.0, 1.5, 9)
    top = float(frames.quantile(0.98)) if frames.numel() < 1 << 24 else 500.0
    noise = measured(frames.clamp(max=top))
    assert noise.straight
    assert abs(noise.gain - 2.0) < 4.0 * noise.gain_error


def test_a_variance_that_bends_is_followed(expected):
    """The gain of a register that saturates falls with the light."""
    electrons = torch.poisson(600.0 * expected, generator=torch.Generator().manual_seed(10))
    noise = measured(1000.0 * (1.0 - torch.exp(-electrons / 100.0)))
    assert not noise.straight
    light = torch.tensor([40.0, 60.0, 90.0])
    counts = 1000.0 * (1.0 - torch.exp(-light / 100.0))
    truth = light * 10.0**2 * torch.exp(-light / 50.0)
    assert (noise.variance(counts) / truth).tolist() == pytest.approx([1.0] * 3, rel=0.25)


@pytest.mark.parametrize("wrong", [0.5, 1.0, 2.0])
def test_wrong_settings_do_not_change_what_is_believed(expected, wrong):
    frames = recorded(expected[:9], 100.0, 2.0, 100.0, 1.5, 11)
    camera = Camera(offset=80.0, gain=2.0 * wrong, read_noise=0.0)
    model = believed_noise(frames, camera, PIXEL_UM, CUTOFF)
    assert (model.measured, model.refusal) == (True, None)
    true = torch.tensor([6.0, 20.0, 50.0])
    light = (2.0 * true + 100.0 - camera.offset) / camera.gain
    variance = (true + 1.5**2) / wrong**2
    assert (model.variance(light) / variance).tolist() == pytest.approx([1.0] * 3, rel=0.12)


def test_even_light_tells_how_strong_the_noise_is():
    even = torch.full((9, 128, 128), 0.5)
    frames = recorded(even, 100.0, 2.0, 100.0, 1.5, 12)
    model = believed_noise(frames, Camera(offset=100.0, gain=1.0), PIXEL_UM, CUTOFF)
    assert model.measured
    assert "the light is too even" in model.words
    assert float(model.variance(torch.tensor(100.0))) == pytest.approx(4.0 * 52.25, rel=0.05)


def test_noise_that_cannot_be_read_is_that_of_the_settings(expected):
    frames = recorded(expected[:9], 100.0, 2.0, 100.0, 1.5, 13)
    camera = Camera(offset=100.0, gain=2.0, read_noise=1.5)
    model = believed_noise(frames, camera, 2.0 * PIXEL_UM, CUTOFF)
    assert (model.measured, model.refusal) == (False, None)
    assert model.words.startswith("the settings' noise: pixels are too large")
    light = torch.tensor([[0.0, 1.0], [10.0, 1e4]])
    assert torch.allclose(model.variance(light), light + 1.5**2 + 1.0 / 48.0)


def test_shared_noise_is_refused_in_a_sentence(expected):
    frames = (expected[:9] + expected[:9].roll(1, -1)) * 50.0
    noisy = torch.poisson(frames, generator=torch.Generator().manual_seed(14))
    model = believed_noise((noisy + noisy.roll(1, -1)) / 2.0, Camera(), PIXEL_UM, CUTOFF)
    assert not model.measured
    assert model.refusal is not None
    assert "resampled, smoothed or denoised" in model.refusal


def test_a_sensor_s_lines_are_not_shared_noise(expected):
    """Rows of an sCMOS have noise of their own; it lies on one axis of the spectrum."""
    frames = recorded(expected[:9], 100.0, 2.0, 100.0, 1.5, 15)
    rows = torch.randn(9, 128, 1, generator=torch.Generator().manual_seed(15))
    assert measured(frames + 2.0 * rows).ripple < 0.05


def test_coarse_counts_and_too_few_frames_are_refused(expected):
    frames = recorded(expected[:9], 100.0, 0.02, 100.0, 1.5, 16)
    with pytest.raises(NoiseUnknownError, match="rounded to steps of 1, too coarse"):
        measured(frames.round())
    with pytest.raises(NoiseUnknownError, match="three or more frames"):
        measured(frames[:2])
    with pytest.raises(NoiseUnknownError, match="hardly a part of the frames"):
        measured(torch.full((9, 64, 64), 100.0))


def test_large_pixels_and_small_frames_are_refused(expected):
    frames = recorded(expected, 100.0, 2.0, 100.0, 1.5, 5)
    with pytest.raises(ValueError, match="pixels are too large"):
        measure_camera_noise(frames, 2.0 * PIXEL_UM, CUTOFF)
    with pytest.raises(ValueError, match="expected three or more frames"):
        measured(frames[:, :40, :40])


@pytest.mark.parametrize("width", [6.0, 12.0])
def test_noise_of_one_bright_place_is_not_taken_for_shared_noise(width):
    """What comes from few pixels scatters more over the frequencies."""
    generator = torch.Generator().manual_seed(3)
    place = torch.arange(128, dtype=torch.float64) - 64.0
    glow = torch.exp(-0.5 * (place[:, None] ** 2 + place**2) / width**2)
    frames = torch.poisson((1.0 + 1000.0 * glow).repeat(9, 1, 1), generator=generator)
    frames += 1.5 * torch.randn(frames.shape, generator=generator, dtype=torch.float64) + 100.0
    measure_camera_noise(frames, 0.08, 4.57)
    smoothed = (frames + 0.5 * frames.roll(1, -1)) / 1.5
    with pytest.raises(CorrelatedNoiseError):
        measure_camera_noise(smoothed, 0.08, 4.57)
