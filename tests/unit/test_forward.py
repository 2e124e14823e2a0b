import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from livesim.config import Camera, Optics, PatternSettings
from livesim.frames import PatternAngle
from livesim.reconstruction.forward import (
    Illumination,
    Otf,
    camera_counts,
    expected_photons,
    illumination,
    image,
)
from livesim.reconstruction.separation import Group
from tests.scenes import OPTICS, random_pattern, simulate


def light_of(angle: PatternAngle) -> Illumination:
    return Illumination.of(Group(tuple(range(len(angle.phases_rad))), (angle,)))


def pupil_autocorrelation(count: int) -> np.ndarray:
    """The overlap of two disks, counted on a grid, at shifts of 0..1 cut-offs."""
    axis = np.arange(-1.0, 1.0, 1.0 / count)
    inside = (np.hypot(axis[:, None], axis[None, :]) <= 1.0).astype(float)
    overlaps = [(inside[:, s:] * inside[:, : inside.shape[1] - s]).sum() for s in range(2 * count)]
    return np.array(overlaps) / overlaps[0]


def test_the_ideal_otf_is_the_autocorrelation_of_a_round_pupil():
    counted = pupil_autocorrelation(250)
    frequency = torch.arange(500, dtype=torch.float64) / 500 * 4.0
    assert np.abs(Otf(4.0)(frequency).numpy() - counted).max() < 2e-3


def test_damping_is_a_to_the_power_of_the_relative_frequency():
    frequency = torch.tensor([0.0, 1.0, 2.0, 4.0, 5.0], dtype=torch.float64)
    expected = Otf(4.0)(frequency) * torch.tensor([1.0, 0.2**0.25, 0.2**0.5, 0.2, 1.0])
    torch.testing.assert_close(Otf(4.0, damping=0.2)(frequency), expected)


def test_a_measured_otf_is_interpolated_and_ends_at_the_cutoff():
    otf = Otf(4.0, profile=torch.tensor([1.0, 0.5, 0.0], dtype=torch.float64))
    frequency = torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0, 9.0], dtype=torch.float64)
    assert otf(frequency).tolist() == [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]


def test_blurring_keeps_the_energy():
    specimen = simulate(1, (64, 80)).truth
    blurred = image(specimen, Otf.theoretical(OPTICS), 0.04)
    assert float(blurred.sum()) == pytest.approx(float(specimen.sum()), rel=1e-9)


def test_the_frames_of_equal_steps_add_up_to_widefield():
    scene = simulate(2, (64, 96))
    widefield = image(scene.truth, scene.otf, 0.04)[::2, ::2]
    background = 0.05 * 1000.0
    for frames in scene.expected:
        mean = frames.mean(dim=0) - background
        assert float((mean - widefield).norm() / widefield.norm()) < 1e-3


@pytest.mark.parametrize(("kx", "ky"), [(12, 0), (0, 9), (7, -11)])
def test_light_shows_in_the_spectrum_at_plus_and_minus_k_with_the_phase_asked_for(kx, ky):
    n, pixel_um, phase = 64, 0.08, 0.7
    k = (kx / (n * pixel_um), ky / (n * pixel_um))
    light = illumination(light_of(PatternAngle(k, (phase,), (0.8,))), (n, n), pixel_um)[0]
    spectrum = torch.fft.fft2(light) / n**2
    assert abs(complex(spectrum[ky % n, kx]) - 0.4 * np.exp(1j * phase)) < 1e-12
    assert abs(complex(spectrum[-ky % n, -kx % n]) - 0.4 * np.exp(-1j * phase)) < 1e-12
    assert float(spectrum.abs().sum()) == pytest.approx(1.8)


def test_a_second_harmonic_turns_twice_as_fast():
    angle = PatternAngle((2.0, 1.0), (0.3, 1.1), (0.5, 0.25))
    light = illumination(light_of(angle), (4, 5), 0.1)
    carrier = 2 * math.pi * (2.0 * 0.4 + 1.0 * 0.3) + 1.1
    expected = 1 + 0.5 * math.cos(carrier) + 0.25 * math.cos(2 * carrier)
    assert float(light[1, 3, 4]) == pytest.approx(expected)


def test_intensity_scales_whole_frames():
    pattern = random_pattern(0, (32, 32), PatternSettings(angles=1))
    dim = replace(pattern, angles=(replace(pattern.angles[0], intensity=(1.2, 1.0, 0.8)),))
    specimen = torch.rand(64, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    otf = Otf.theoretical(OPTICS)
    even = expected_photons(specimen, pattern, otf)[0]
    uneven = expected_photons(specimen, dim, otf)[0]
    torch.testing.assert_close(uneven, even * torch.tensor([1.2, 1.0, 0.8])[:, None, None])


def test_camera_counts_have_the_camera_s_offset_gain_and_noise():
    camera = Camera(offset=100.0, gain=2.0, read_noise=3.0)
    photons = torch.full((200, 200), 50.0, dtype=torch.float64)
    counts = camera_counts(photons, camera, torch.Generator().manual_seed(1)).double()
    assert float(counts.mean()) == pytest.approx(200.0, abs=0.4)
    # shot noise 50, read noise 9, rounding 1/12 of a count
    assert float(counts.var()) == pytest.approx(4.0 * 59.0 + 1 / 12, rel=0.03)


def test_counts_saturate_where_the_camera_does():
    bright = torch.full((4, 4), 1e6, dtype=torch.float64)
    counts = camera_counts(bright, Camera(), torch.Generator().manual_seed(1))
    assert counts.tolist() == [[65535] * 4] * 4


def test_a_pupil_wider_than_the_medium_allows_is_refused():
    with pytest.raises(ValueError, match="below refractive_index"):
        Optics(numerical_aperture=1.6, emission_nm=500.0, refractive_index=1.33)
