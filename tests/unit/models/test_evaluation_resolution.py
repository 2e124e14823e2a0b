"""Ring correlation and decorrelation analysis against images of known cut-off."""

import math

import numpy as np
import pytest

from livesim.images.resolution import NOISE_FREE, ring_correlation, ring_resolution_nm, rings
from livesim_models.evaluation.resolution import decorrelation_nm

PIXEL_NM = 40.0
SIZE = 384


def filtered(seed: int, transfer) -> np.ndarray:
    """Return white noise passed through `transfer` of the frequency in cycles/nm."""
    white = np.random.default_rng(seed).standard_normal((SIZE, SIZE))
    f = np.fft.fftfreq(SIZE, PIXEL_NM)
    passed = transfer(np.hypot(f[:, None], f[None, :]))
    return np.fft.ifft2(np.fft.fft2(white) * passed).real


def sharp(cutoff_nm: float) -> np.ndarray:
    return filtered(1, lambda f: (f < 1.0 / cutoff_nm).astype(float))


def noisy(image: np.ndarray, sigma: float, seed: int) -> np.ndarray:
    return image + sigma * np.random.default_rng(seed).standard_normal(image.shape)


@pytest.mark.parametrize("noise", [0.02, 0.1])
def test_ring_correlation_falls_to_a_seventh_where_theory_says(noise):
    image = filtered(2, lambda f: np.exp(-2.0 * (np.pi * 60.0 * f) ** 2))
    found = ring_resolution_nm(noisy(image, noise, 3), noisy(image, noise, 4), PIXEL_NM)
    # FRC = S / (S + N) with S = exp(-4 pi^2 60^2 f^2) and N = noise^2 is 1/7 where S = N / 6.
    expected = 2.0 * np.pi * 60.0 / math.sqrt(-math.log(noise**2 / 6.0))
    assert found == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("noise", [0.02, 0.1])
def test_against_the_noise_free_image_a_half_is_the_same_point(noise):
    image = filtered(2, lambda f: np.exp(-2.0 * (np.pi * 60.0 * f) ** 2))
    halves = ring_resolution_nm(noisy(image, noise, 3), noisy(image, noise, 4), PIXEL_NM)
    truth = ring_resolution_nm(noisy(image, noise, 3), image, PIXEL_NM, NOISE_FREE)
    # The threshold leaves a correlation of S / sqrt(S (S + N)) = 0.5, so S = N / 3.
    expected = 2.0 * np.pi * 60.0 / math.sqrt(-math.log(noise**2 / 3.0))
    assert truth == pytest.approx(expected, rel=0.03)
    assert truth == pytest.approx(halves, rel=0.1)


@pytest.mark.parametrize("cutoff_nm", [110.0, 150.0, 300.0])
@pytest.mark.parametrize("noise", [0.0, 0.05, 0.3])
def test_decorrelation_finds_a_sharp_cutoff(cutoff_nm, noise):
    image = sharp(cutoff_nm)
    found = decorrelation_nm(noisy(image, noise * image.std(), 5), PIXEL_NM)
    assert found == pytest.approx(cutoff_nm, rel=0.03)


def test_ring_correlation_of_known_images():
    image = sharp(120.0)
    frequency, same = ring_correlation(image, image, PIXEL_NM)
    _, opposite = ring_correlation(image, -image, PIXEL_NM)
    _, other = ring_correlation(image, filtered(6, np.ones_like), PIXEL_NM)
    assert same[1:] == pytest.approx(1.0)
    assert opposite[1:] == pytest.approx(-1.0)
    assert np.abs(other[20:]).max() < 0.4
    assert frequency[-1] == pytest.approx(1.0 / (2.0 * PIXEL_NM))


def test_images_that_share_nothing_have_no_resolution():
    one, other = filtered(7, np.ones_like), filtered(8, np.ones_like)
    assert ring_resolution_nm(one, other, PIXEL_NM) == math.inf
    assert decorrelation_nm(np.zeros((128, 128)), PIXEL_NM) == math.inf


def test_no_finer_than_two_pixels():
    image = filtered(7, np.ones_like)
    assert ring_resolution_nm(image, image, PIXEL_NM) == 2.0 * PIXEL_NM


def test_an_oblong_field_has_the_same_resolution():
    image = filtered(2, lambda f: np.exp(-2.0 * (np.pi * 60.0 * f) ** 2))
    one, other = noisy(image, 0.05, 3), noisy(image, 0.05, 4)
    whole = ring_resolution_nm(one, other, PIXEL_NM)
    oblong = ring_resolution_nm(one[:200], other[:200], PIXEL_NM)
    assert oblong == pytest.approx(whole, rel=0.05)


@pytest.mark.parametrize("shape", [(64, 64), (65, 64), (96, 64), (65, 97)])
def test_rings_hold_every_frequency_up_to_nyquist_once(shape):
    found = rings(shape, PIXEL_NM)
    f = np.hypot(*np.meshgrid(*(np.fft.fftfreq(n, PIXEL_NM) for n in shape), indexing="ij"))
    inside = f <= found.cycles_per_nm[-1]
    assert found.sum(np.ones(shape)).sum() >= inside.sum()
    assert found.sum(np.ones(shape))[0] == 1.0
    assert np.abs(found.cycles_per_nm[found.number[inside]] - f[inside]).max() <= (
        0.5 * found.cycles_per_nm[1] * (1.0 + 1e-9)
    )


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        (np.ones((128, 128)), np.ones((128, 64)), r"of one shape, found \(128, 128\) and"),
        (np.ones((80, 80)), np.ones((80, 80)), "expected at least 64 pixels inside a border of 16"),
    ],
)
def test_refuses_what_cannot_be_compared(one, other, words):
    with pytest.raises(ValueError, match=words):
        ring_resolution_nm(one, other, PIXEL_NM)
