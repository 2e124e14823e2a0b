"""Defects of the camera: those that matter are found, nothing else is, neighbours replace them."""

import numpy as np
import pytest
import torch

from livesim.config.settings import Camera, Optics
from livesim.reconstruction.defects.hits import HitSearch
from livesim.reconstruction.defects.noise import scatter_of
from livesim.reconstruction.defects.replacement import Replacement, replaced
from livesim.reconstruction.defects.search import SMALLEST, find_defects, without_defects
from livesim.reconstruction.defects.sharpness import Sharpness
from livesim.reconstruction.estimate.estimation import estimate_pattern
from livesim.reconstruction.forward.sensor import Sensor
from livesim.reconstruction.otf import Otf
from livesim.values.defects import Defects, Hit
from tests.support.scenes import CAMERA, OPTICS, simulate

SHAPE = (96, 112)
PIXEL_NM = 80.0
COARSE = Optics(numerical_aperture=1.49, emission_nm=525.0, pixel_nm=140.0)


@pytest.fixture(scope="module")
def scene():
    return simulate(5, SHAPE, times=2, peak=300.0)


def found(counts, optics=OPTICS, camera=CAMERA, pixel_nm=PIXEL_NM):
    return find_defects(counts, optics, camera, pixel_nm)


def frames(scene):
    """Return all frames [frame, y, x] as numbers that can be changed."""
    return scene.counts.to(torch.int32).flatten(0, 2).clone()


def stacks(changed, scene):
    return changed.to(torch.uint16).reshape(scene.counts.shape)


def hot(own, _):
    return own + 4000


def warm(own, light):
    return own + light


def dead(own, _):
    return torch.full_like(own, 100) + torch.arange(len(own), dtype=own.dtype) % 2


def stuck(own, _):
    return torch.full_like(own, 700)


def brightest(scene):
    """Return (y, x) of the brightest pixel that is not at the border."""
    inner = scene.expected.mean(dim=(0, 1))[8:-8, 8:-8]
    y, x = np.unravel_index(int(inner.argmax()), inner.shape)
    return int(y) + 8, int(x) + 8


@pytest.mark.parametrize(
    ("defect", "kind"), [(hot, "hot"), (warm, "warm"), (dead, "dead"), (stuck, "stuck")]
)
def test_a_pixel_that_is_wrong_in_every_frame_is_found_and_named(scene, defect, kind):
    changed = frames(scene)
    y, x = brightest(scene) if kind == "dead" else (40, 50)
    changed[:, y, x] = defect(changed[:, y, x], 250).to(changed.dtype)
    (pixel,) = found(stacks(changed, scene)).pixels
    assert (pixel.y, pixel.x, pixel.kind) == (y, x, kind)


@pytest.mark.parametrize("place", [(0, 0), (0, 60), (95, 111), (50, 111), (50, 50)])
def test_a_cosmic_ray_is_found_in_its_frame_wherever_it_hits(scene, place):
    changed = frames(scene)
    changed[7, *place] += 3000
    assert found(stacks(changed, scene)) == Defects(SHAPE, hits=(Hit(7, *place),))


def test_pixels_that_touch_are_all_found(scene):
    changed = frames(scene)
    column = [(y, 70) for y in range(20, 32)]
    pair = [(60, 30), (60, 31)]
    for number, (y, x) in enumerate((*column, *pair)):
        changed[:, y, x] += 900 + 40 * number
    assert found(stacks(changed, scene)).places == tuple(sorted((*column, *pair)))


def test_crowded_defects_do_not_make_their_neighbours_defects(scene):
    random = np.random.default_rng(6)
    changed = frames(scene)
    there = np.unravel_index(random.choice(SHAPE[0] * SHAPE[1], 90, replace=False), SHAPE)
    made = sorted({(int(y), int(x)) for y, x in zip(*there, strict=True)} | {(40, 50), (41, 51)})
    for y, x in made:
        changed[:, y, x] += int(random.integers(2000, 9000))
    assert found(stacks(changed, scene)).places == tuple(made)


@pytest.mark.parametrize("gain", [0.1, 2.0, 40.0])
def test_a_wrong_gain_never_makes_the_noise_less_than_frames_show(gain):
    """Light of one brightness does not tell how the noise grows, and the settings may be wrong."""
    generator = torch.Generator().manual_seed(3)
    remainders = 30.0 * torch.randn(9, 160, 160, generator=generator)
    light = 1000.0 + torch.rand(9, 20, 20, generator=generator)
    scatter = scatter_of(remainders, light, gain, 1.0)
    dark, usual, bright = scatter.variance(torch.tensor([500.0, 1000.5, 5000.0]))
    assert float(dark) == pytest.approx(900.0, rel=0.05)
    assert float(usual) == pytest.approx(900.0, rel=0.05)
    assert float(bright) > 0.95 * (900.0 + 4000.0 * gain)


@pytest.mark.parametrize("peak", [5.0, 50.0, 5000.0])
def test_nothing_is_found_where_nothing_is_wrong(peak):
    own = simulate(8, SHAPE, peak=peak)
    offset, gain, noise = torch.tensor([100.0, 2.0, 1.5], dtype=torch.float64)
    sensors = {
        "sCMOS": Sensor.scmos(Camera(offset=100.0, gain=2.0, read_noise=1.5), SHAPE, 3),
        "EMCCD": Sensor(offset, 10.0 * gain, noise / 20.0, electron_multiplying=True),
        "saturating": Sensor(offset, gain, noise, full_well=0.5 * peak),
    }
    for name, sensor in sensors.items():
        counts = sensor.counts(own.expected.double(), torch.Generator().manual_seed(4))[None]
        assert found(counts, camera=Camera(offset=100.0)) == Defects(SHAPE), name


def test_the_noise_of_a_few_points_in_the_dark_is_no_defect():
    """Their light is in too few blocks to be seen in the noise that the frames show."""
    wrong = 0
    for seed in range(12):
        random = np.random.default_rng(seed)
        y, x = np.mgrid[:160, :160]
        light = sum(
            np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2.0 * 1.3**2))
            for cy, cx in random.uniform(20.0, 140.0, (4, 2))
        )
        fringes = 1.0 + 0.8 * np.cos(np.arange(9) * 2.1)[:, None, None]
        electrons = random.poisson(150.0 * fringes * light + 2.0)
        counts = CAMERA.offset + CAMERA.gain * electrons + random.normal(0.0, 3.0, electrons.shape)
        defects = found(torch.from_numpy(counts.round()).reshape(1, 3, 3, 160, 160))
        wrong += len(defects.pixels) + len(defects.hits)
    assert wrong == 0


def test_points_sharper_than_any_specimen_are_no_defects(scene):
    random = torch.Generator().manual_seed(2)
    there = (torch.rand(SHAPE, generator=random) < 0.003).double()
    at = [torch.fft.fftfreq(n, PIXEL_NM / 1000.0, dtype=torch.float64) for n in SHAPE]
    passed = Otf(OPTICS.cutoff_cycles_per_um).at(at[0][:, None], at[1])
    seen = torch.fft.ifft2(torch.fft.fft2(there) * passed).real.clamp(min=0.0)
    light = 3000.0 * (seen / seen.max()).repeat(9, 1, 1)
    counts = Sensor.of(CAMERA).counts(light, random)
    assert found(counts) == Defects(SHAPE)


def test_more_than_single_pixels_cast_doubt_on_the_optics_and_nothing_is_replaced(scene):
    random = np.random.default_rng(1)
    many = 3000 * torch.from_numpy(random.random((1, *SHAPE)) < 0.02)
    seen = found(stacks(frames(scene) + many.to(torch.int32), scene))
    assert not seen.pixels
    assert not seen.hits
    assert "pixel_nm" in seen.doubt


def test_where_defects_cannot_be_told_that_is_said(scene):
    small = scene.counts[..., : SMALLEST - 1, :]
    assert f"below {SMALLEST} pixels" in found(small).doubt
    endless = scene.counts.to(torch.float32)
    endless[0, 0, 0, 5, 5] = torch.inf
    assert "expected finite counts" in found(endless).doubt
    assert "too coarse" in found(scene.counts, COARSE, pixel_nm=140.0).doubt


def test_neighbours_tell_what_a_pixel_should_hold(scene):
    y, x = brightest(scene)
    changed = frames(scene)
    changed[:, y, x] = 9
    changed[3, 20, 20] = 5000
    clean, defects = without_defects(stacks(changed, scene), OPTICS, CAMERA, PIXEL_NM)
    assert defects.places == ((y, x),)
    assert clean.dtype == torch.uint16
    light = scene.expected.flatten(0, 1).repeat(2, 1, 1)
    off = clean.flatten(0, 2).double() - CAMERA.offset - light
    assert float(off[:, y, x].abs().max()) < 5.0 * float(light[:, y, x].max()) ** 0.5
    assert abs(float(off[3, 20, 20])) < 40.0
    other = torch.ones(SHAPE, dtype=torch.bool)
    other[y, x] = other[20, 20] = False
    before = stacks(changed, scene).to(torch.int32)
    assert torch.equal(clean.to(torch.int32)[..., other], before[..., other])


def test_raw_frames_stay_as_they_are_and_no_defects_cost_no_copy(scene):
    counts = scene.counts.clone()
    mended = Replacement([(0, 0), (40, 41)], SHAPE, OPTICS, PIXEL_NM)(counts)
    assert torch.equal(counts, scene.counts)
    assert not torch.equal(mended, counts)
    assert Replacement([], SHAPE, OPTICS, PIXEL_NM)(counts) is counts


def test_frames_of_another_size_are_refused(scene):
    with pytest.raises(ValueError, match=r"expected frames of .* = \(4, 5\), found \(96, 112\)"):
        replaced(scene.counts, Defects((4, 5)), OPTICS, PIXEL_NM)


def test_the_pattern_of_frames_with_defects_is_that_of_frames_without(scene):
    changed, random = frames(scene), np.random.default_rng(3)
    for place in random.choice(SHAPE[0] * SHAPE[1], 12, replace=False):
        changed[:, place // SHAPE[1], place % SHAPE[1]] += int(random.integers(600, 6000))
    wrong = stacks(changed, scene)
    clean, defects = without_defects(wrong, OPTICS, CAMERA, PIXEL_NM)
    assert len(defects.pixels) == 12
    own = (OPTICS, scene.settings, CAMERA, PIXEL_NM)
    right, spoilt, mended = (estimate_pattern(x, *own) for x in (scene.counts, wrong, clean))
    truth = [angle.modulation[0] for angle in right.angles]
    np.testing.assert_allclose([a.modulation[0] for a in mended.angles], truth, atol=0.01)
    assert any(abs(a.modulation[0] - m) > 0.1 for a, m in zip(spoilt.angles, truth, strict=True))


def test_the_bound_holds_for_light_of_the_sharpest_optics():
    sharpness = Sharpness(0.4)
    whole = torch.ones(1, 48, dtype=torch.bool)
    weights = sharpness.weights(whole)
    assert float(weights.sum()) == pytest.approx(1.0)
    assert float(sharpness.leaks(whole, weights)) < 0.1
    cut = whole.clone()
    cut[0, 24:] = False  # only what lies above the pixel
    beside = sharpness.weights(cut)
    assert float(beside[0, 24:].abs().max()) == 0.0
    assert float(sharpness.leaks(cut, beside)) > float(sharpness.leaks(whole, weights))


@pytest.mark.parametrize("place", [(0, 0), (0, 60), (95, 111), (50, 111), (50, 50)])
def test_on_the_frame_path_a_hit_is_found_in_its_frame_wherever_it_is(scene, place):
    changed = frames(scene)[:9]
    changed[7, *place] += 3000
    changed[7, place[0], place[1] - 1] += 1500
    pixels = changed.to(torch.uint16).reshape(scene.counts[0].shape).numpy()
    before = pixels.copy()
    beside = (place[0], (place[1] - 1) % SHAPE[1])
    hits = HitSearch(OPTICS, CAMERA, PIXEL_NM)(pixels)
    assert Hit(7, *place) in hits
    assert set(hits) <= {Hit(7, *place), Hit(7, *beside)}
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize("peak", [5.0, 300.0, 5000.0])
def test_on_the_frame_path_nothing_is_found_where_nothing_is_wrong(peak):
    own = simulate(8, (128, 128), peak=peak, times=8)
    search = HitSearch(OPTICS, CAMERA, PIXEL_NM)
    assert not any(search(stack.numpy()) for stack in own.counts)
