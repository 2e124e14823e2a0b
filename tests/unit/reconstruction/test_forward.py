"""Specimens whose images are known without the model: the model must agree."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from livesim.config.settings import Optics, PatternSettings
from livesim.reconstruction.forward.model import (
    Illumination,
    Otf,
    Pupil,
    Transfer,
    expected_frames,
    expected_photons,
    illumination,
    image,
    out_of_focus,
    sampled_transfer,
)
from livesim.reconstruction.separation import group_unmixing, groups
from livesim.values.pattern import Pattern, PatternAngle
from tests.support.scenes import OPTICS, random_pattern, simulate

PIXEL = 0.08
MEASURED = Otf(
    OPTICS.cutoff_cycles_per_um,
    profile=torch.tensor([1.0, 0.6, 0.3, 0.12, 0.03, 0.0], dtype=torch.float64),
)
TRANSFERS: dict[str, Transfer] = {
    "theoretical": Otf.theoretical(OPTICS),
    "damped": Otf(OPTICS.cutoff_cycles_per_um, damping=0.2),
    "measured": MEASURED,
    "coma": Pupil(OPTICS, {8: 0.1}),
    "defocus": Pupil(OPTICS, defocus_um=-0.6),
}
LAYOUTS = {
    "3 x 3": PatternSettings(),
    "1 x 4": PatternSettings(angles=1, phases=4),
    "3 x 5, two harmonics": PatternSettings(phases=5, harmonics=2),
    "5 x 5": PatternSettings(angles=5, phases=5),
    "hexagonal": PatternSettings(layout="hexagonal"),
}


def random_specimen(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("relative", [0.0, 0.1, 0.35, 0.8, 0.99, 1.0, 1.3])
def test_the_ideal_otf_is_the_overlap_of_two_round_pupils(relative):
    s = min(relative, 1.0)
    overlap = 4.0 / math.pi * quad(lambda u: math.sqrt(1.0 - u * u), s, 1.0)[0]
    found = Otf(4.0)(torch.tensor([relative * 4.0], dtype=torch.float64))
    assert float(found) == pytest.approx(overlap, abs=1e-9)


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


def test_intensity_scales_whole_frames():
    pattern = random_pattern(0, (32, 32), PatternSettings(angles=1))
    dim = replace(pattern, angles=(replace(pattern.angles[0], intensity=(1.2, 1.0, 0.8)),))
    specimen = torch.rand(64, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    otf = Otf.theoretical(OPTICS)
    even = expected_photons(specimen, pattern, otf)[0]
    uneven = expected_photons(specimen, dim, otf)[0]
    torch.testing.assert_close(uneven, even * torch.tensor([1.2, 1.0, 0.8])[:, None, None])


@pytest.mark.parametrize("transfer", TRANSFERS.values(), ids=TRANSFERS)
def test_no_light_is_lost_or_made(transfer):
    """Whatever blurs them, the frames hold the light that the specimen gave off."""
    pattern = random_pattern(3, (17, 22), PatternSettings())
    specimen = random_specimen(34, 44)
    frames = expected_photons(specimen, pattern, transfer)
    for found, part in zip(frames, groups(pattern), strict=True):
        light = illumination(Illumination.of(part), (34, 44), PIXEL / 2.0)
        emitted = (specimen * light).mean(dim=(-2, -1))
        torch.testing.assert_close(found.mean(dim=(-2, -1)), emitted, rtol=1e-10, atol=0.0)


@pytest.mark.parametrize("settings", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("shape", [(16, 24), (15, 21)])
def test_every_frame_is_the_blurred_product_of_specimen_and_light(settings, shape):
    """Written out pixel by pixel and sampled by a sum over the spectrum."""
    pattern = random_pattern(7, shape, settings)
    specimen = random_specimen(2 * shape[0], 2 * shape[1])
    found = expected_photons(specimen, pattern, MEASURED)
    assert found.shape == (*settings.stack_shape, *shape)
    y, x = (np.arange(2 * n) * PIXEL / 2.0 for n in shape)
    fy, fx = (np.fft.fftfreq(2 * n, PIXEL / 2.0) for n in shape)
    frequency = np.hypot(fy[:, None], fx) / MEASURED.cutoff
    blur = np.interp(frequency, np.linspace(0.0, 1.0, 6), MEASURED.profile.numpy(), right=0.0)
    hexagonal = settings.layout == "hexagonal"
    for angle, phase in np.ndindex(settings.stack_shape):
        light = np.ones((len(y), len(x)))
        for one in pattern.angles if hexagonal else [pattern.angles[angle]]:
            kx, ky = one.k_cycles_per_um
            turn = 2 * np.pi * (kx * x + ky * y[:, None]) + one.phases_rad[phase]
            for harmonic, modulation in enumerate(one.modulation, start=1):
                light += modulation * np.cos(harmonic * turn)
        spectrum = np.fft.fft2(specimen.numpy() * light) * blur
        expected = np.fft.ifft2(spectrum).real[::2, ::2].clip(min=0.0)
        np.testing.assert_allclose(found[angle, phase].numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("settings", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("shape", [(96, 128), (101, 97)])
def test_bands_lie_where_k_says_to_a_thousandth_of_a_spectral_pixel(settings, shape):
    """Of a uniform specimen every band is one peak, at a k that no FFT grid holds."""
    pattern = random_pattern(5, shape, settings)
    specimen = torch.full((2 * shape[0], 2 * shape[1]), 100.0, dtype=torch.float64)
    frames = expected_photons(specimen, pattern, Otf.theoretical(OPTICS)).flatten(0, 1)
    for part in groups(pattern):
        bands = torch.einsum("bf,fyx->byx", group_unmixing(part), frames[list(part.frames)] + 0j)
        for band, order in zip(bands[1:], part.orders, strict=False):
            k = np.multiply(order.harmonic, part.angles[order.vector].k_cycles_per_um)
            start = k + 0.3 / (np.array(shape[::-1]) * PIXEL)
            off = (peak_near(band.numpy(), start) - k) * PIXEL * np.array(shape[::-1])
            assert np.hypot(*off) < 3e-4


def peak_near(band: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Return where the windowed spectrum of `band` peaks near `k`, to a parabola's precision.

    The window takes away the border, where the repeated field breaks the wave.
    """
    windows = [np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 6 for n in band.shape]
    y, x = (np.arange(n) * PIXEL for n in band.shape)
    for _ in range(3):
        found = []
        for turn in (-0.2, 0.0, 0.2):  # spectral pixels
            for axis, n in enumerate(band.shape[::-1]):
                shift = np.eye(2)[axis] * turn / (n * PIXEL)
                column, row = (
                    np.exp(-2j * np.pi * f * r) for f, r in zip(k + shift, (x, y), strict=True)
                )
                found.append(abs((windows[0] * row) @ band @ (windows[1] * column)))
        low, mid, high = np.array(found).reshape(3, 2)
        steps = 0.1 * (high - low) / (2 * mid - low - high)
        k = k + steps / (np.array(band.shape[::-1]) * PIXEL)
    return k


def test_a_specimen_that_moves_is_seen_as_it_was_in_every_frame():
    pattern, otf = random_pattern(2, (12, 16), PatternSettings()), Otf.theoretical(OPTICS)
    moving = random_specimen(3, 3, 24, 32)
    frames = expected_photons(moving, pattern, otf)
    for angle, phase in np.ndindex(3, 3):
        still = expected_photons(moving[angle, phase], pattern, otf)
        torch.testing.assert_close(frames[angle, phase], still[angle, phase])


def test_background_follows_the_brightness_of_the_frames_and_shows_no_fringes():
    angle = PatternAngle((3.0, 2.0), (0.0, 2.0, 4.0), (0.8,), intensity=(1.0, 0.5, 0.25))
    pattern, otf = Pattern(80.0, (12, 16), (angle,)), Otf.theoretical(OPTICS)
    dark, glow = torch.zeros(24, 32, dtype=torch.float64), random_specimen(12, 16)
    frames = expected_photons(dark, pattern, otf, background=8.0 * glow)
    for frame, brightness in zip(frames[0], angle.intensity, strict=True):
        torch.testing.assert_close(frame, 8.0 * brightness * glow)
    varying = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)[:, None, None]
    frames = expected_photons(dark, pattern, otf, background=varying)
    torch.testing.assert_close(frames, torch.ones_like(frames))


def test_a_layer_out_of_focus_keeps_its_light_and_loses_its_detail():
    layer = random_specimen(96, 128)
    near, far = (out_of_focus(layer, Pupil(OPTICS, defocus_um=z), PIXEL) for z in (0.3, 2.0))
    assert near.shape == (48, 64)
    assert float(near.mean()) == pytest.approx(float(layer.mean()), rel=1e-9)
    assert float(far.mean()) == pytest.approx(float(layer.mean()), rel=1e-9)
    assert float(far.std()) < 0.3 * float(near.std())


def test_without_visibility_every_frame_is_widefield():
    pattern, otf = random_pattern(2, (12, 16), PatternSettings()), Otf.theoretical(OPTICS)
    specimen = random_specimen(24, 32)
    left = torch.ones(24, 32, dtype=torch.float64)
    left[:, 16:] = 0.0
    none = expected_photons(specimen, pattern, otf, visibility=0.0 * left)
    widefield = image(specimen, otf, PIXEL / 2.0)[::2, ::2]
    torch.testing.assert_close(none, widefield.expand(3, 3, 12, 16))
    half = expected_photons(specimen, pattern, otf, visibility=left)
    spread = half.std(dim=1).mean(dim=(0, 1))
    assert float(spread[11]) < 0.2 * float(spread[4])


@pytest.mark.parametrize("transfer", TRANSFERS.values(), ids=TRANSFERS)
def test_moving_specimen_and_pattern_together_moves_the_frames(transfer):
    """The field is periodic, and so are fringes of whole periods in it."""
    shape, rows, columns = (18, 21), 5, -4
    k = (3 / (21 * PIXEL), -4 / (18 * PIXEL))
    pattern = Pattern(80.0, shape, (PatternAngle(k, (0.3, 1.9, 4.4), (0.8,)),))
    turn = 2 * math.pi * PIXEL * (k[0] * columns + k[1] * rows)
    phases = tuple(phase - turn for phase in pattern.angles[0].phases_rad)
    moved = replace(pattern, angles=(replace(pattern.angles[0], phases_rad=phases),))
    specimen = random_specimen(36, 42)
    there = expected_photons(specimen.roll((2 * rows, 2 * columns), (0, 1)), moved, transfer)
    here = expected_photons(specimen, pattern, transfer).roll((rows, columns), (2, 3))
    torch.testing.assert_close(there, here, atol=1e-12, rtol=0.0)


def test_frames_can_be_differentiated_in_specimen_light_and_background():
    """Two vectors with two harmonics each, through a complex transfer function."""
    transfer = sampled_transfer(Pupil(OPTICS, {7: 0.1}), (6, 8), PIXEL / 2.0)

    def frames(specimen, k, phases, modulation, intensity, background, visibility):
        light = Illumination(k, phases, modulation, intensity)
        return expected_frames(
            specimen, light, transfer, PIXEL, background=background, visibility=visibility
        )

    shapes = [(6, 8), (2, 2), (2, 3), (4,), (3,), (3, 1, 4), (6, 8)]
    inputs = [random_specimen(*shape, seed=n) + 0.2 for n, shape in enumerate(shapes)]
    assert torch.autograd.gradcheck(frames, [one.requires_grad_() for one in inputs])


def test_an_otf_that_rings_gives_no_negative_photons():
    sharp = Otf(OPTICS.cutoff_cycles_per_um, profile=torch.ones(9, dtype=torch.float64))
    point = torch.zeros(64, 64, dtype=torch.float64)
    point[32, 32] = 100.0
    assert float(image(point, sharp, PIXEL / 2.0).min()) < -0.1
    frames = expected_photons(point, random_pattern(2, (32, 32), PatternSettings()), sharp)
    assert float(frames.min()) == 0.0


def test_single_precision_frames_are_those_of_double_precision():
    pattern, otf = random_pattern(2, (64, 96), PatternSettings()), Otf.theoretical(OPTICS)
    specimen = 1000.0 * random_specimen(128, 192)
    double = expected_photons(specimen, pattern, otf)
    single = expected_photons(specimen.float(), pattern, otf)
    assert single.dtype == torch.float32
    assert float((single - double).abs().max()) < 1e-2


def test_frames_are_made_where_the_specimen_is():
    """On torch's device without memory, which refuses to be mixed with any other."""
    pattern = random_pattern(2, (12, 16), PatternSettings(layout="hexagonal"))
    specimen, even = torch.ones(24, 32, device="meta"), torch.ones(24, 32)
    for transfer in (MEASURED, Pupil(OPTICS)):
        frames = expected_photons(specimen, pattern, transfer, background=3.0, visibility=even)
        assert (frames.device.type, frames.shape) == ("meta", (1, 7, 12, 16))


@pytest.mark.parametrize(
    ("specimen", "transfer", "sentence"),
    [
        ((24, 31), MEASURED, r"even size, found \(24, 31\)"),
        ((3, 24, 32), MEASURED, r"one for each of 3 x 3 frames, found the shape \(3, 24, 32\)"),
        ((24, 32), torch.ones(12, 16), r"shape \(24, 32\), found \(12, 16\)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(specimen, transfer, sentence):
    pattern = random_pattern(2, (12, 16), PatternSettings())
    with pytest.raises(ValueError, match=sentence):
        expected_photons(random_specimen(*specimen), pattern, transfer)


def test_a_pupil_wider_than_the_medium_allows_is_refused():
    with pytest.raises(ValueError, match="below refractive_index"):
        Optics(numerical_aperture=1.6, emission_nm=500.0, refractive_index=1.33)
