import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from livesim.config.settings import (
    Apodization,
    Camera,
    Notch,
    Optics,
    PatternSettings,
    Reconstruction,
)
from livesim.reconstruction.forward.model import expected_photons, image
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.reconstruction.richardson_lucy import richardson_lucy
from livesim.values.pattern import NoiseToSignal, Pattern, PatternAngle
from tests import textbook
from tests.support.scenes import OPTICS, Scene, simulate

SHAPE = (96, 128)
SAME = 1e-4
ROUNDING = 3e-5
HIGH_NA = Optics(numerical_aperture=1.49, emission_nm=515.0, pixel_nm=86.7, otf_damping=1.0)
"""Its cut-off, 5.79 cycles/um, lies above the camera's highest frequency, 5.77."""


def fringes(direction_deg: float, **changes) -> PatternAngle:
    k = 4.1
    kx = k * math.cos(math.radians(direction_deg)) if direction_deg != 90 else 0.0
    phases = tuple(np.deg2rad([0.0, 127.0, 258.0]).tolist())
    angle = PatternAngle((kx, k * math.sin(math.radians(direction_deg))), phases, (0.8,))
    return replace(angle, **changes)


def pattern_of(*angles: PatternAngle) -> Pattern:
    return Pattern(80.0, SHAPE, angles)


def damped(optics: Optics) -> Optics:
    return optics.model_copy(update={"otf_damping": 0.15})


UNEVEN = pattern_of(fringes(20, intensity=(1.1, 0.95, 0.95)), fringes(80), fringes(-40))
SCENES = {
    "even square": {"shape": (128, 128)},
    "wide": {},
    "tall": {"shape": (128, 96)},
    "odd rows": {"shape": (97, 128)},
    "odd both": {"shape": (65, 81)},
    "5 phases, 1 harmonic": {"settings": PatternSettings(phases=5)},
    "5 phases, 2 harmonics": {"settings": PatternSettings(phases=5, harmonics=2)},
    "2 angles": {"settings": PatternSettings(angles=2)},
    "4 angles": {"settings": PatternSettings(angles=4)},
    "hexagonal": {"settings": PatternSettings(layout="hexagonal")},
    "unequal phases and brightness": {"pattern": UNEVEN},
    "k along x": {"pattern": pattern_of(fringes(0), fringes(60), fringes(-60))},
    "k along y": {"pattern": pattern_of(fringes(90), fringes(30), fringes(-30))},
    "damped": {"optics": damped(OPTICS)},
    "cut-off above Nyquist": {"optics": HIGH_NA},
    "cut-off above Nyquist, damped": {"optics": damped(HIGH_NA)},
    "offset and gain": {"camera": Camera(offset=200.0, gain=2.3, read_noise=1.5)},
}
SETTINGS = {
    "notch": Reconstruction(notch=Notch(strength=0.9, fwhm_cycles_per_um=1.5)),
    "full notch": Reconstruction(notch=Notch(strength=1.0, fwhm_cycles_per_um=0.5)),
    "strong Wiener": Reconstruction(wiener=0.3),
    "weak Wiener": Reconstruction(wiener=0.01),
    "Richardson-Lucy": Reconstruction(preset="fairsim"),
} | {
    f"{shape} to {cutoff}": Reconstruction(
        apodization=Apodization(shape=shape, cutoff=cutoff, bend=0.6)
    )
    for shape in ("cosine", "triangle", "none")
    for cutoff in (1.2, 1.9, "auto")
}


def fast(scene: Scene, settings: Reconstruction, counts: torch.Tensor) -> np.ndarray:
    reconstruct = Reconstructor(make_plan(scene.pattern, scene.otf, scene.camera, settings))
    return reconstruct(counts[None]).image[0].double().numpy()


def slow(scene: Scene, settings: Reconstruction, counts: torch.Tensor, **options) -> np.ndarray:
    return textbook.reconstruct(
        counts.numpy(), scene.pattern, scene.otf, scene.camera, settings, **options
    )


def difference(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def rounding_difference(scene: Scene, settings: Reconstruction) -> float:
    """Compare noisy data over the whole field, the sub-pixel shift made on the same grid."""
    counts = scene.counts[0]
    expected = slow(scene, settings, counts, fraction_on_raw_grid=True)
    return difference(fast(scene, settings, counts), expected)


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES.keys())
def test_the_fast_path_is_the_textbook_s(scene):
    assert rounding_difference(simulate(3, **{"shape": SHAPE} | scene), Reconstruction()) < ROUNDING


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
def test_the_fast_path_is_the_textbook_s_with_any_filter(settings):
    assert rounding_difference(simulate(3, SHAPE), settings) < ROUNDING


@pytest.mark.parametrize("unusable", [(1,), (0, 2), (0, 1, 2)], ids=["one", "two", "all"])
def test_unusable_angles_count_as_widefield(unusable):
    scene = simulate(3, SHAPE)
    angles = [
        replace(angle, usable=number not in unusable)
        for number, angle in enumerate(scene.pattern.angles)
    ]
    scene = replace(scene, pattern=replace(scene.pattern, angles=tuple(angles)))
    assert rounding_difference(scene, Reconstruction()) < ROUNDING


@pytest.mark.parametrize("exponent", [0.0, 2.5])
def test_the_automatic_wiener_filter_is_the_textbook_s(exponent):
    scene = simulate(3, SHAPE, peak=100.0)
    ratio = NoiseToSignal(at_cutoff=0.02, exponent=exponent)
    scene = replace(scene, pattern=replace(scene.pattern, noise_to_signal=ratio))
    assert rounding_difference(scene, Reconstruction()) < ROUNDING


@pytest.mark.parametrize("name", [name for name in SCENES if name != "cut-off above Nyquist"])
def test_the_order_of_the_textbook_makes_no_difference(name):
    """The shift as a whole on the doubled grid; without noise, which the border cuts otherwise."""
    scene = simulate(3, **{"shape": SHAPE} | SCENES[name])
    counts = scene.expected * scene.camera.gain + scene.camera.offset
    settings = Reconstruction()
    assert difference(fast(scene, settings, counts), slow(scene, settings, counts)) < SAME


def test_the_order_of_the_textbook_makes_no_difference_to_noise_inside_the_border():
    scene = simulate(3, SHAPE)
    counts, settings, inside = scene.counts[0], Reconstruction(), np.s_[16:-16, 16:-16]
    found, expected = fast(scene, settings, counts), slow(scene, settings, counts)
    assert difference(found[inside], expected[inside]) < SAME


@pytest.mark.parametrize("size", [1, 3])
def test_a_batch_is_exactly_its_stacks_one_by_one(size):
    scene = simulate(5, (65, 81), times=size)
    plan = make_plan(scene.pattern, scene.otf, scene.camera, Reconstruction())
    reconstruct = Reconstructor(plan)
    together = reconstruct(scene.counts)
    for number in range(size):
        alone = Reconstructor(plan)(scene.counts[number : number + 1])
        assert torch.equal(together.image[number], alone.image[0])
        assert torch.equal(together.widefield[number], alone.widefield[0])


def test_flat_stacks_are_the_same_stacks():
    scene = simulate(5, (65, 81))
    reconstruct = Reconstructor(make_plan(scene.pattern, scene.otf, scene.camera, Reconstruction()))
    flat = reconstruct(scene.counts.flatten(1, 2)).image
    assert torch.equal(flat, reconstruct(scene.counts).image)


def test_widefield_is_the_mean_in_photo_electrons():
    camera = Camera(offset=200.0, gain=2.3, read_noise=1.5)
    scene = simulate(5, SHAPE, camera=camera)
    reconstruct = Reconstructor(make_plan(scene.pattern, scene.otf, camera, Reconstruction()))
    expected = ((scene.counts.double() - 200.0) / 2.3).mean(dim=(1, 2))
    found = reconstruct(scene.counts).widefield.double()
    assert float((found - expected).abs().max()) < 0.01 * float(expected.max())


@pytest.mark.parametrize(
    "shape",
    [
        (1, 3, 3, 96, 127),
        (1, 3, 3, 128, 96),
        (1, 3, 2, 96, 128),
        (1, 8, 96, 128),
        (9, 96, 128),
        (96, 128),
        (1, 1, 3, 3, 96, 128),
    ],
)
def test_wrong_stacks_are_refused_in_a_sentence(shape):
    scene = simulate(3, SHAPE)
    reconstruct = Reconstructor(make_plan(scene.pattern, scene.otf, scene.camera, Reconstruction()))
    with pytest.raises(ValueError, match=r"expected stacks of .*9, 96, 128.*, found \("):
        reconstruct(torch.zeros(shape))


def uniform_stack(level: float, pattern: Pattern, otf: Otf) -> torch.Tensor:
    """Frames of a uniform object that does not end at the border, in photo-electrons."""
    pixel = pattern.pixel_nm / 1000.0
    y, x = np.arange(pattern.shape[0])[:, None] * pixel, np.arange(pattern.shape[1]) * pixel
    frames = []
    for angle in pattern.angles:
        (kx, ky), passed = angle.k_cycles_per_um, 1.0
        passed = float(otf(torch.tensor(math.hypot(kx, ky))))
        for phase in angle.phases_rad:
            wave = np.cos(2 * np.pi * (kx * x + ky * y) + phase)
            frames.append(level * (1.0 + angle.modulation[0] * passed * wave))
    return torch.from_numpy(np.stack(frames))[None]


def test_a_uniform_object_stays_uniform_and_as_bright():
    pattern, otf = pattern_of(fringes(20), fringes(80), fringes(-40)), Otf.theoretical(OPTICS)
    settings = Reconstruction(wiener=0.05)
    result = Reconstructor(make_plan(pattern, otf, Camera(), settings))(
        uniform_stack(500.0, pattern, otf)
    )
    inside = result.image[0, 24:-24, 24:-24]
    assert float(inside.mean()) == pytest.approx(500.0, rel=2e-3)
    assert float((inside - inside.mean()).abs().max()) < 0.005 * 500.0


def test_two_points_that_widefield_cannot_tell_apart_are_two():
    optics = OPTICS.model_copy(update={"pixel_nm": 65.625})
    limit_nm = 1000.0 / optics.cutoff_cycles_per_um
    apart = round(0.6 * limit_nm / (optics.pixel_nm / 2.0))  # fine pixels
    assert apart * optics.pixel_nm / 2.0 == pytest.approx(0.6 * limit_nm)
    specimen = torch.zeros(192, 256, dtype=torch.float64)
    specimen[96, 126] = specimen[96, 126 + apart] = 1e5
    otf = Otf.theoretical(optics)
    pattern = replace(pattern_of(fringes(0), fringes(60), fringes(-60)), pixel_nm=65.625)
    frames = expected_photons(specimen, pattern, otf)
    plan = make_plan(pattern, otf, Camera(), Reconstruction(wiener=0.01))
    line = Reconstructor(plan)(frames[None]).image[0, 96]
    blurred = image(specimen, otf, 0.065625 / 2)[96]
    middle = 126 + apart // 2
    assert float(line[middle]) < 0.7 * float(line[[126, 126 + apart]].min())
    assert float(blurred[middle]) > float(blurred[[126, 126 + apart]].max())


def test_richardson_lucy_sharpens_and_keeps_light_positive_and_whole():
    scene = simulate(4, (64, 96))
    otf = scene.otf
    fy, fx = torch.fft.fftfreq(128, 0.04)[:, None], torch.fft.rfftfreq(192, 0.04)[None, :]
    blurred = image(scene.truth, otf, 0.04).float().clamp(min=0.0) + 20.0
    estimate = richardson_lucy(blurred, otf.at(fy, fx), 20)
    truth = scene.truth.float() + 20.0
    assert float(estimate.min()) >= 0.0
    assert float(estimate.sum()) == pytest.approx(float(blurred.sum()), rel=1e-3)
    assert float((estimate - truth).norm()) < 0.9 * float((blurred - truth).norm())


def test_where_nothing_is_measured_the_automatic_wiener_filter_leaves_nothing():
    """A full notch empties zero frequency, where the object's power has no bound either."""
    scene = simulate(3, SHAPE)
    unusable = tuple(replace(angle, usable=False) for angle in scene.pattern.angles)
    ratio = NoiseToSignal(0.02, 2.0)
    pattern = replace(scene.pattern, angles=unusable, noise_to_signal=ratio)
    settings = SETTINGS["full notch"]
    result = Reconstructor(make_plan(pattern, scene.otf, scene.camera, settings))(scene.counts)
    assert bool(result.image.isfinite().all())


def test_plans_of_one_form_can_take_each_others_values():
    scene = simulate(5, (65, 81))
    pattern = scene.pattern
    angle = pattern.angles[0]
    turned = replace(angle, phases_rad=tuple(phase + 0.3 for phase in angle.phases_rad))
    other = replace(pattern, angles=(turned, *pattern.angles[1:]))
    own, new = (
        make_plan(one, scene.otf, scene.camera, Reconstruction()) for one in (pattern, other)
    )
    assert own.form == new.form
    taken = own.mapped(torch.clone)
    for target, source in zip(taken.tensors, new.tensors, strict=True):
        target.copy_(source)
    found, expected = (Reconstructor(plan)(scene.counts).image for plan in (taken, new))
    assert torch.equal(found, expected)
    assert not torch.equal(found, Reconstructor(own)(scene.counts).image)


def test_plans_whose_bands_lie_elsewhere_are_of_other_forms():
    scene = simulate(5, (65, 81))
    pattern = scene.pattern
    kx, ky = pattern.angles[0].k_cycles_per_um
    moved = replace(pattern.angles[0], k_cycles_per_um=(1.1 * kx, ky))
    other = replace(pattern, angles=(moved, *pattern.angles[1:]))
    own, new = (
        make_plan(one, scene.otf, scene.camera, Reconstruction()) for one in (pattern, other)
    )
    assert own.form != new.form
