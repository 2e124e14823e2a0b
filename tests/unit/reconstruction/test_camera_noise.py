"""Gain, offset and read noise are found within their errors; shared noise is recognised."""

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d, interpolate

from livesim.reconstruction.camera_noise import CorrelatedNoiseError, measure_camera_noise
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


def test_large_pixels_and_small_frames_are_refused(expected):
    frames = recorded(expected, 100.0, 2.0, 100.0, 1.5, 5)
    with pytest.raises(ValueError, match="pixels are too large"):
        measure_camera_noise(frames, 2.0 * PIXEL_UM, CUTOFF)
    with pytest.raises(ValueError, match="expected three or more frames"):
        measured(frames[:, :40, :40])
