"""PSNR, SSIM and NRMSE against what they must be for known differences."""

import math

import numpy as np
import pytest

from livesim_models.evaluation.similarity import linear_fit, similarity


def picture(seed: int = 0, size: int = 96) -> np.ndarray:
    """Return a smooth picture between 0 and 1."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    image = sum(
        np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 50.0)
        for cy, cx in random.uniform(20, size - 20, (12, 2))
    )
    return (image - image.min()) / np.ptp(image)


def test_the_same_image_in_another_unit_is_the_same():
    reference = picture()
    found = similarity(370.0 * reference + 100.0, reference)
    assert found.psnr_db > 200.0
    assert found.ssim == pytest.approx(1.0)
    assert found.nrmse < 1e-10


@pytest.mark.parametrize("sigma", [0.02, 0.1])
def test_noise_gives_the_psnr_of_its_variance(sigma):
    reference = picture(size=256)
    noisy = reference + sigma * np.random.default_rng(1).standard_normal(reference.shape)
    found = similarity(noisy, reference)
    # The fit shrinks the image by signal / (signal + noise), so a little less noise is left.
    inner = reference[16:-16, 16:-16]
    left = sigma**2 * inner.var() / (inner.var() + sigma**2)
    span = np.ptp(inner)
    assert found.psnr_db == pytest.approx(10.0 * math.log10(span**2 / left), abs=0.1)
    assert found.nrmse == pytest.approx(math.sqrt(left / np.mean(inner**2)), rel=0.02)


def test_ssim_falls_with_noise_and_with_blur():
    reference = picture()
    random = np.random.default_rng(2)
    values = [
        similarity(reference + s * random.standard_normal(reference.shape), reference).ssim
        for s in (0.0, 0.02, 0.1, 0.3)
    ]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.3


def test_what_happens_in_the_border_does_not_count():
    reference = picture()
    spoilt = reference.copy()
    spoilt[:10] = 50.0
    assert similarity(spoilt, reference, border=10).psnr_db > 200.0
    assert similarity(spoilt, reference, border=9).psnr_db < 30.0


def test_a_constant_image_is_as_good_as_the_mean():
    reference = picture()
    found = similarity(np.full_like(reference, 7.0), reference)
    inner = reference[16:-16, 16:-16]
    assert found.psnr_db == pytest.approx(10.0 * math.log10(np.ptp(inner) ** 2 / inner.var()))


def test_the_fit_undoes_scale_and_offset():
    reference = picture()
    assert linear_fit(4.0 * reference - 6.0, reference) == pytest.approx((0.25, 1.5))


@pytest.mark.parametrize(
    ("image", "reference", "border", "words"),
    [
        (np.ones((64, 64)), np.ones((64, 32)), 0, r"of one shape, found \(64, 64\) and \(64, 32\)"),
        (np.ones((2, 64, 64)), np.ones((2, 64, 64)), 0, "expected an image and a reference"),
        (np.ones((40, 40)), np.ones((40, 40)), 16, "expected at least 11 pixels inside a border"),
        (np.eye(64), np.full((64, 64), 3.0), 4, "expected a reference that varies, found 3"),
    ],
)
def test_refuses_what_cannot_be_compared(image, reference, border, words):
    with pytest.raises(ValueError, match=words):
        similarity(image, reference, border)
