import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from livesim.config.settings import Optics, SettingsError
from livesim.reconstruction.forward.pupil import Pupil, zernike
from livesim.reconstruction.grid import frequency_axes
from livesim.reconstruction.otf import Otf
from tests.support.scenes import OPTICS

SHAPE, PIXEL = (96, 128), 0.04
RIM = OPTICS.cutoff_cycles_per_um / 2.0
SIN, COS = math.sin, math.cos
# Noll (1976), table I: the modes as printed there.
NOLL = {
    1: lambda r, t: 1.0,
    2: lambda r, t: 2 * r * COS(t),
    3: lambda r, t: 2 * r * SIN(t),
    4: lambda r, t: math.sqrt(3) * (2 * r**2 - 1),
    5: lambda r, t: math.sqrt(6) * r**2 * SIN(2 * t),
    6: lambda r, t: math.sqrt(6) * r**2 * COS(2 * t),
    7: lambda r, t: math.sqrt(8) * (3 * r**3 - 2 * r) * SIN(t),
    8: lambda r, t: math.sqrt(8) * (3 * r**3 - 2 * r) * COS(t),
    9: lambda r, t: math.sqrt(8) * r**3 * SIN(3 * t),
    10: lambda r, t: math.sqrt(8) * r**3 * COS(3 * t),
    11: lambda r, t: math.sqrt(5) * (6 * r**4 - 6 * r**2 + 1),
}


def disk(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Radius and azimuth of the points of a square grid that lie in the unit disk."""
    axis = (torch.arange(count, dtype=torch.float64) + 0.5) / count * 2 - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    inside = torch.hypot(y, x) <= 1.0
    return torch.hypot(y, x)[inside], torch.atan2(y, x)[inside]


@pytest.mark.parametrize("index", NOLL)
def test_modes_are_those_of_noll_s_table(index):
    point = torch.tensor([0.7], dtype=torch.float64), torch.tensor([0.4], dtype=torch.float64)
    assert float(zernike(index, *point)) == pytest.approx(NOLL[index](0.7, 0.4), abs=1e-12)


def test_modes_are_orthonormal_over_the_disk():
    radius, azimuth = disk(200)
    modes = torch.stack([zernike(index, radius, azimuth) for index in range(1, 29)])
    products = modes @ modes.T / len(radius)
    torch.testing.assert_close(products, torch.eye(28, dtype=torch.float64), atol=0.03, rtol=0.0)


def test_an_index_and_its_degree_and_order_name_the_same_mode():
    radius, azimuth = disk(20)
    pairs = {4: (2, 0), 5: (2, -2), 6: (2, 2), 7: (3, -1), 8: (3, 1), 11: (4, 0), 14: (4, 4)}
    for index, pair in pairs.items():
        assert torch.equal(zernike(index, radius, azimuth), zernike(pair, radius, azimuth))


@pytest.mark.parametrize("mode", [0, -3, (2, 1), (2, 4), (-1, 1)])
def test_a_mode_that_does_not_exist_is_refused(mode):
    with pytest.raises(SettingsError, match="expected a"):
        Pupil(OPTICS, {mode: 0.1})


@pytest.mark.parametrize("shape", [(16, 16), (96, 128), (30, 514), (1024, 512)])
def test_without_aberrations_it_is_the_theoretical_otf(shape):
    optics = OPTICS.model_copy(update={"otf_damping": 0.3})
    found = Pupil(optics).transfer(shape, PIXEL)
    expected = Otf.theoretical(optics).at(*frequency_axes(shape, PIXEL))
    assert float((found - expected).abs().max()) < 3e-4
    assert complex(found[0, 0]) == 1.0


def test_the_transfer_function_is_the_overlap_of_the_shifted_pupils():
    """Coma and trefoil, written out and summed over the overlap on a grid of its own."""
    found = Pupil(OPTICS, {8: 0.12, 9: -0.08}).transfer(SHAPE, PIXEL)
    fy, fx = frequency_axes(SHAPE, PIXEL)
    axis = (np.arange(800) + 0.5) / 400 - 1

    def pupil(y, x):
        r, t = np.hypot(y, x), np.arctan2(y, x)
        coma, trefoil = (3 * r**3 - 2 * r) * np.cos(t), r**3 * np.sin(3 * t)
        return (r <= 1) * np.exp(2j * np.pi * np.sqrt(8) * (0.12 * coma - 0.08 * trefoil))

    for row, column in [(0, 5), (4, 0), (7, 9), (90, 12), (3, 120), (10, 110)]:
        y, x = float(fy[row, 0]) / RIM, float(fx[0, column]) / RIM
        u, v = axis[:, None], axis[None, :]
        value = (pupil(u + y / 2, v + x / 2) * pupil(u - y / 2, v - x / 2).conj()).sum()
        expected = value * (1 / 400) ** 2 / np.pi
        assert abs(complex(found[row, column]) - expected) < 1e-3


@pytest.mark.parametrize("aberrations", [{5: 0.1}, {7: 0.07, 11: 0.05}, {8: 0.4, 4: 0.5}])
def test_aberrations_only_take_away_and_keep_the_image_real(aberrations):
    found = Pupil(OPTICS, aberrations).transfer(SHAPE, PIXEL)
    perfect = Pupil(OPTICS).transfer(SHAPE, PIXEL).real
    assert float((found.abs() - perfect).max()) < 1e-3
    assert float((perfect - found.abs()).max()) > 0.05
    inner = found[1:, 1:]  # beside zero frequency f and -f are mirror images
    torch.testing.assert_close(inner.flip(0, 1), inner.conj(), atol=1e-12, rtol=0.0)
    spread = torch.fft.ifft2(found).real
    assert float(spread.min()) > -1e-3 * float(spread.max())


@pytest.mark.parametrize("mode", [5, 8, 11, 22])
def test_the_strehl_ratio_follows_marechal(mode):
    perfect = Otf.theoretical(OPTICS).at(*frequency_axes(SHAPE, PIXEL)).sum()
    for waves in (0.03, 0.06):
        strehl = Pupil(OPTICS, {mode: waves}).transfer(SHAPE, PIXEL).real.sum() / perfect
        expected = math.exp(-((2 * math.pi * waves) ** 2))
        assert float(strehl) == pytest.approx(expected, rel=0.012)


def test_tilt_moves_the_image_and_does_nothing_else():
    """W = 2 a x / R waves displaces the image by -2 a / R in x, R in cycles/µm."""
    waves = 0.3
    found = Pupil(OPTICS, {2: waves}).transfer(SHAPE, PIXEL)
    fx = frequency_axes(SHAPE, PIXEL)[1]
    turned = torch.exp(2j * math.pi * fx * (2 * waves / RIM))
    expected = Pupil(OPTICS).transfer(SHAPE, PIXEL) * turned
    assert float((found - expected).abs().max()) < 5e-4


@pytest.mark.parametrize("defocus_um", [5.0, 30.0, -50.0])
def test_at_low_aperture_defocus_is_that_of_hopkins(defocus_um):
    """Hopkins, Proc. R. Soc. A 231, 91 (1955): a quadratic phase, the OTF as a single integral."""
    optics = Optics(numerical_aperture=0.1, emission_nm=500.0, otf_damping=1.0)
    found = Pupil(optics).defocused(defocus_um).transfer((64, 64), 0.9)
    waves = defocus_um * 0.1**2 / (2 * optics.refractive_index * 0.5)
    frequency = frequency_axes((64, 64), 0.9)[1][0]
    for column in (1, 5, 10, 15, 20):
        s = float(frequency[column]) / optics.cutoff_cycles_per_um
        turn = 8 * math.pi * waves * s

        def strip(v, s=s, turn=turn):
            return 2 * math.sin(turn * (math.sqrt(1 - v * v) - s)) / turn

        expected = quad(strip, -math.sqrt(1 - s * s), math.sqrt(1 - s * s))[0] / math.pi
        assert abs(complex(found[0, column]) - expected) < 1e-3


def test_high_aperture_defocus_is_stronger_than_its_paraxial_square():
    optics = OPTICS.model_copy(update={"numerical_aperture": 1.4})
    one = torch.ones(1, dtype=torch.float64)
    waves = Pupil(optics, defocus_um=1.0).phase_waves(0.0 * one, one)
    cosine = math.sqrt(1 - (1.4 / 1.518) ** 2)
    assert float(waves) == pytest.approx(1.518 / 0.525 * (cosine - 1.0))
    assert float(waves) < -1.3 * 1.4**2 / (2 * 1.518 * 0.525)


def test_both_sides_of_focus_look_alike():
    above, below = (Pupil(OPTICS, defocus_um=z).transfer(SHAPE, PIXEL) for z in (0.8, -0.8))
    torch.testing.assert_close(above, below.conj(), atol=1e-9, rtol=0.0)
    assert float(above.imag.abs().max()) < 1e-9
