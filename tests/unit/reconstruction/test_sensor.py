import math

import numpy as np
import pytest
import torch
from scipy.stats import chi2, poisson

from livesim.config.settings import Camera, SettingsError
from livesim.reconstruction.forward.sensor import Sensor, camera_counts, residual_sigmas

PLAIN = Camera(offset=100.0, gain=2.0, read_noise=3.0)


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def even(photons: float, *shape: int) -> torch.Tensor:
    return torch.full(shape, photons, dtype=torch.float64)


def sensor(**changes) -> Sensor:
    values = {name: torch.tensor(0.0, dtype=torch.float64) for name in ("offset", "read_noise")}
    return Sensor(**{**values, "gain": torch.tensor(1.0, dtype=torch.float64), **changes})


def test_counts_have_the_camera_s_offset_gain_and_noise():
    counts = camera_counts(even(50.0, 300, 300), PLAIN, generator()).double()
    # shot noise 50, read noise 9, rounding 1/12 of a count; five standard errors
    variance = 4.0 * 59.0 + 1 / 12
    assert float(counts.mean()) == pytest.approx(200.0, abs=5 * math.sqrt(variance / 90000))
    assert float(counts.var()) == pytest.approx(variance, rel=5 * math.sqrt(2 / 90000))


@pytest.mark.parametrize("photons", [0.3, 2.0, 12.0])
def test_without_read_noise_counts_are_poisson_distributed(photons):
    counts = camera_counts(even(photons, 200, 200), Camera(), generator()).numpy().ravel()
    edge = int(poisson.ppf(1 - 1e-4, photons))
    expected = 40000 * np.append(
        poisson.pmf(np.arange(edge), photons), poisson.sf(edge - 1, photons)
    )
    found = np.bincount(counts.clip(max=edge), minlength=edge + 1)
    usual = expected > 5
    statistic = ((found - expected) ** 2 / expected)[usual].sum()
    assert statistic < chi2.ppf(1 - 1e-4, usual.sum() - 1)


def test_every_pixel_of_an_scmos_has_its_own_offset_gain_and_noise():
    maps = Sensor.scmos(PLAIN, (6, 7), 3, offset_spread=20.0, gain_spread=0.3)
    counts = torch.stack([maps.counts(even(40.0, 500, 6, 7), generator(s)) for s in range(8)])
    counts = counts.double().flatten(0, 1)
    mean, variance = maps.offset + 40.0 * maps.gain, maps.gain**2 * maps.variance(even(40.0, 1, 1))
    errors = (variance / 4000).sqrt()
    assert float(((counts.mean(0) - mean) / errors).abs().max()) < 4.5
    assert float((counts.var(0) / variance - 1.0).abs().max()) < 4.5 * math.sqrt(2 / 4000)
    assert float(mean.std()) > 20.0  # so that equal pixels would have failed


def test_scmos_maps_scatter_as_asked_and_follow_from_the_seed():
    maps = Sensor.scmos(PLAIN, (200, 300), 5, offset_spread=4.0, gain_spread=0.1)
    assert float(maps.offset.mean()) == pytest.approx(100.0, abs=0.1)
    assert float(maps.offset.std()) == pytest.approx(4.0, rel=0.02)
    assert float(maps.gain.mean()) == pytest.approx(2.0, rel=0.002)
    assert float(maps.gain.std()) == pytest.approx(0.2, rel=0.03)
    assert float(maps.read_noise.median()) == pytest.approx(3.0, rel=0.01)
    assert float(maps.read_noise.log().std()) == pytest.approx(0.3, rel=0.02)
    again = Sensor.scmos(PLAIN, (200, 300), 5, offset_spread=4.0, gain_spread=0.1)
    assert torch.equal(maps.gain, again.gain)
    assert not torch.equal(maps.gain, Sensor.scmos(PLAIN, (200, 300), 6).gain)


@pytest.mark.parametrize("photons", [0.5, 4.0, 90.0])
def test_electron_multiplication_doubles_the_variance_and_keeps_the_mean(photons):
    em = sensor(gain=torch.tensor(30.0, dtype=torch.float64), electron_multiplying=True)
    counts = em.counts(even(photons, 500, 500), generator()).double() / 30.0
    assert float(counts.mean()) == pytest.approx(photons, abs=5 * math.sqrt(2 * photons / 250000))
    assert float(counts.var()) == pytest.approx(2.0 * photons, rel=0.03)


def test_a_multiplying_register_makes_nothing_of_no_electron():
    em = sensor(gain=torch.tensor(3000.0, dtype=torch.float64), electron_multiplying=True)
    counts = em.counts(even(1.0, 300, 300), generator()).double()
    empty = float((counts == 0).double().mean())
    assert empty == pytest.approx(math.exp(-1.0), abs=0.01)


@pytest.mark.parametrize(("bits", "top"), [(8, 255), (12, 4095), (16, 65535)])
def test_counts_saturate_exactly_at_the_last_value(bits, top):
    camera = sensor(bits=bits)
    bright = camera.counts(even(1e6, 4, 4), generator())
    assert bright.tolist() == [[top] * 4] * 4
    assert bright.dtype == (torch.uint8 if bits == 8 else torch.uint16)
    below = camera.counts(even(top * 0.5, 50, 50), generator())
    assert int(below.to(torch.int32).max()) < top


def test_a_pixel_holds_no_more_than_its_full_well():
    camera = sensor(
        offset=torch.tensor(100.0, dtype=torch.float64),
        gain=torch.tensor(0.5, dtype=torch.float64),
        full_well=3000.0,
    )
    assert camera.counts(even(1e5, 3, 3), generator()).tolist() == [[1600] * 3] * 3


def test_counts_below_zero_are_zero():
    noisy = sensor(read_noise=torch.tensor(5.0, dtype=torch.float64))
    counts = noisy.counts(even(0.0, 200, 200), generator()).double()
    assert float((counts == 0).double().mean()) == pytest.approx(0.54, abs=0.02)  # P(5 z < 0.5)


@pytest.mark.parametrize("photons", [3.0, 300.0])
@pytest.mark.parametrize("multiplying", [False, True])
def test_residuals_of_the_truth_have_mean_0_and_variance_1(photons, multiplying):
    maps = Sensor.scmos(PLAIN, (300, 300), 2)
    maps = Sensor(maps.offset, maps.gain, maps.read_noise, electron_multiplying=multiplying)
    expected = even(photons, 300, 300)
    residuals = residual_sigmas(maps.counts(expected, generator()), expected, maps)
    assert float(residuals.mean()) == pytest.approx(0.0, abs=0.02)
    assert float(residuals.var()) == pytest.approx(1.0, abs=0.03)


def test_residuals_name_a_missing_structure():
    expected = even(100.0, 10, 10)
    counts = camera_counts(expected + even(80.0, 10, 10), Camera(), generator())
    assert float(residual_sigmas(counts, expected, Camera()).mean()) == pytest.approx(8.0, abs=0.5)


def test_the_same_seed_gives_the_same_counts():
    photons = even(20.0, 8, 8)
    one, same, other = (camera_counts(photons, PLAIN, generator(s)) for s in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"bits": 7}, "8 to 16 bits, found 7"),
        ({"bits": 17}, "8 to 16 bits, found 17"),
        ({"full_well": 0.0}, "full well above 0, found 0.0"),
        ({"gain": torch.tensor([1.0, 0.0])}, "gains above 0, found 0"),
        ({"read_noise": torch.tensor(-1.0)}, "read noise of 0 or more, found -1"),
    ],
)
def test_a_sensor_that_cannot_be_is_refused(changes, sentence):
    with pytest.raises(SettingsError, match=sentence):
        sensor(**changes)
