"""Independent photons decide: fission is fair, bands add up, lies go and truths stay."""

from dataclasses import dataclass, replace
from functools import cached_property

import pytest
import torch
from torch import Tensor

from livesim.config.settings import Camera, Reconstruction
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim_models.data.sample import scaled
from livesim_models.data.truth import unit_noise_to_signal
from livesim_models.evaluation.reference import reference, result_transfer
from livesim_models.evaluation.residual import inside
from livesim_models.trust.arbitration import Arbiter, Weights
from livesim_models.trust.bands import local_mean, octave_bands
from livesim_models.trust.fission import fission, mean_light, noise_variance
from tests.support.scenes import CAMERA, simulate


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def taken(light: float, read_noise: float = 1.5, size: int = 400) -> Tensor:
    mean = torch.full((9, size, size), light)
    photons = torch.poisson(mean, generator=seeded(1))
    return photons + read_noise * torch.randn(mean.shape, generator=seeded(2))


@pytest.mark.parametrize("light", [1.0, 5.0, 100.0])
@pytest.mark.parametrize("eta", [0.25, 0.5, 1.0])
def test_both_parts_have_the_stacks_mean_and_noise_that_is_not_shared(light, eta):
    photons = taken(light)
    parts = fission(photons, noise_variance(photons, 1.5), eta, seeded(3))
    larger, smaller = parts.larger.flatten().double(), parts.smaller.flatten().double()
    variance = light + 1.5**2
    pixels = photons.numel()

    assert float(larger.mean()) == pytest.approx(light, abs=5.0 * (variance / pixels) ** 0.5 * 2.0)
    assert float(larger.var()) == pytest.approx(parts.larger_variance * variance, rel=0.02)
    assert float(smaller.var()) == pytest.approx((1.0 + 1.0 / eta**2) * variance, rel=0.02)
    shared = float(torch.corrcoef(torch.stack([larger, smaller]))[0, 1])
    assert abs(shared) < 5.0 / pixels**0.5 + 0.002


def test_a_wrong_variance_makes_the_parts_share_noise():
    photons = taken(20.0)
    parts = fission(photons, 2.0 * noise_variance(photons, 1.5), 0.5, seeded(3))
    both = torch.stack([parts.larger.flatten(), parts.smaller.flatten()])
    assert float(torch.corrcoef(both)[0, 1]) < -0.2


def test_a_part_needs_an_eta_and_a_variance_for_every_pixel():
    photons = taken(5.0, size=8)
    with pytest.raises(ValueError, match="expected an eta above 0, found 0"):
        fission(photons, photons.abs(), 0.0, seeded())
    with pytest.raises(ValueError, match="expected a variance for every pixel"):
        fission(photons, photons[:1], 0.5, seeded())


def test_the_mean_light_is_that_of_the_neighbourhood():
    light = mean_light(taken(50.0, size=64))
    assert float(light.mean()) == pytest.approx(50.0, rel=0.01)
    assert float(light.std()) < 0.4 * (50.0 + 1.5**2) ** 0.5


@pytest.mark.parametrize("shape", [(64, 64), (96, 130), (50, 256)])
@pytest.mark.parametrize("octaves", [1, 2, 6])
def test_bands_add_up_to_one(shape, octaves):
    bands = octave_bands(shape, octaves)
    assert bands.shape == (octaves, shape[0], shape[1] // 2 + 1)
    assert float(bands.min()) >= 0.0
    torch.testing.assert_close(bands.sum(dim=0), torch.ones_like(bands[0]))


def test_a_local_mean_keeps_the_mean_and_spreads_a_point():
    image = torch.zeros(64, 64)
    image[32, 32] = 1.0
    spread = local_mean(image, 4.0)
    assert float(spread.sum()) == pytest.approx(1.0, abs=1e-4)
    assert float(spread[32, 32]) == pytest.approx(1.0 / (2.0 * torch.pi * 16.0), rel=0.02)


@dataclass(frozen=True, eq=False)
class Field:
    """Filaments with what arbitration needs."""

    peak: float

    @cached_property
    def scene(self):
        return simulate(5, (128, 128), peak=self.peak)

    @cached_property
    def photons(self) -> Tensor:
        return (self.scene.counts[0].flatten(0, 1).float() - CAMERA.offset) / CAMERA.gain

    @cached_property
    def truth(self) -> Tensor:
        ideal = reference(self.scene.truth.numpy(), self.scene.pattern, self.scene.otf)
        uniform = (
            inside(self.plain(self.photons), 16).mean() - inside(torch.tensor(ideal), 16).mean()
        )
        return (torch.from_numpy(ideal) + uniform).float()

    @cached_property
    def reconstruct(self) -> Reconstructor:
        scene = self.scene
        unit = unit_noise_to_signal(scene.truth.float(), scene.pattern, scene.optics)
        variance = float(self.photons.mean()) + CAMERA.read_noise**2
        pattern = replace(scene.pattern, noise_to_signal=scaled(unit, variance))
        return Reconstructor(make_plan(pattern, scene.otf, Camera(), Reconstruction()))

    def plain(self, photons: Tensor) -> Tensor:
        return self.reconstruct(photons[None]).image[0]

    @cached_property
    def arbiter(self) -> Arbiter:
        transfer = self.reconstruct.plan.transfer
        passed = result_transfer((256, 256), self.scene.pattern, self.scene.otf)
        return Arbiter(transfer, passed[:, : transfer.shape[1]].float())

    def weights(self, network) -> Weights:
        variance = noise_variance(self.photons, CAMERA.read_noise)
        return self.arbiter.weights(self.photons, variance, self.plain, network, seeded(6))

    def arbitrated(self, network) -> Tensor:
        plain, image = self.plain(self.photons), network(self.photons)
        return self.arbiter.image(plain, image, self.weights(network))

    def error(self, image: Tensor) -> float:
        return float(inside(image - self.truth, 16).square().mean().sqrt())


@pytest.fixture(scope="module", params=[10.0, 100.0, 1000.0])
def field(request):
    return Field(request.param)


def scaled_to(photons: Tensor, field: Field, image: Tensor) -> Tensor:
    """Return an image as bright as the photons that a network is given."""
    return image * (photons.mean() / field.photons.mean())


def window(row: float, column: float, width: float = 8.0) -> Tensor:
    at = torch.arange(256.0)
    distance = (at[:, None] - row) ** 2 + (at - column) ** 2
    return torch.exp(-((distance / (2.0 * width**2)) ** 2))


def test_a_perfect_network_is_shown(field):
    def network(photons):
        return scaled_to(photons, field, field.truth)

    shown, plain = field.arbitrated(network), field.plain(field.photons)
    assert field.error(shown) < 0.6 * field.error(plain)


def test_a_network_that_changes_nothing_changes_nothing(field):
    plain = field.plain(field.photons)
    torch.testing.assert_close(field.arbitrated(field.plain), plain, rtol=1e-4, atol=1e-3 * 10.0)


def erased(field: Field, image: Tensor) -> Tensor:
    row, column = brightest(field)
    there = window(row, column)
    return image * (1.0 - there) + image.quantile(0.05) * there


def moved(field: Field, image: Tensor) -> Tensor:
    there = window(*brightest(field))
    return image * (1.0 - there) + image.roll((3, 3), (0, 1)) * there


def invented(field: Field, image: Tensor) -> Tensor:
    at = torch.arange(256.0)
    line = torch.exp(-((at - 100.0) ** 2) / 4.5)[None] * ((at - 128.0).abs() < 30.0)[:, None]
    return image + 0.7 * (image.max() - image.median()) * line


def brightest(field: Field) -> tuple[int, int]:
    inner = inside(field.truth, 48)
    row, column = divmod(int(inner.argmax()), inner.shape[1])
    return row + 48, column + 48


@pytest.mark.parametrize("lie", [erased, moved, invented])
@pytest.mark.parametrize(("peak", "left"), [(100.0, 0.5), (1000.0, 0.2)])
def test_a_lie_in_a_perfect_image_is_taken_out(lie, peak, left):
    field = Field(peak)
    false = lie(field, field.truth)

    def network(photons):
        return scaled_to(photons, field, false)

    planted = (false - field.truth).square()
    shown = (field.arbitrated(network) - field.truth).square()
    where = planted > 0.1 * planted.max()
    assert float(shown[where].mean()) < left * float(planted[where].mean())


def test_noise_from_another_draw_is_worth_as_much_as_the_plain_image_and_not_more():
    field = Field(100.0)
    other = 0.5 * field.plain(field.photons) + 0.5 * field.plain(field.photons.roll(3, -1))
    shown = field.arbitrated(lambda photons: scaled_to(photons, field, other))
    assert field.error(shown) < 1.02 * field.error(field.plain(field.photons))


def test_nothing_is_shown_where_the_plain_image_carries_nothing(field):
    transfer = field.reconstruct.plan.transfer
    beyond = transfer < 1e-4
    at = torch.arange(256.0)
    ladder = (at[None] + at[:, None]) % 2 * 100.0  # the highest frequency there is

    def network(photons):
        return field.plain(photons) + ladder

    added = field.arbitrated(network) - field.plain(field.photons)
    spectrum = torch.fft.rfft2(added).abs()
    assert float(beyond.float().mean()) > 0.05
    assert float(spectrum[beyond].max()) < 1e-4 * float(torch.fft.rfft2(ladder).abs().max())


def test_the_error_map_says_how_far_the_image_is_off(field):
    def network(photons):
        blurred = field.truth * 0.8 + 0.2 * local_mean(field.truth, 3.0)
        return scaled_to(photons, field, blurred)

    weights = field.weights(network)
    plain = field.plain(field.photons)
    shown = field.arbiter.image(plain, network(field.photons), weights)
    for image, error in ((plain, weights.plain_error), (shown, weights.error)):
        off = inside((image - field.truth).abs() / error, 16)
        assert 0.55 < float((off < 1.0).float().mean()) < 0.88
        assert float((off < 2.0).float().mean()) > 0.88
    assert 0.0 < weights.carried <= 1.0


@pytest.mark.parametrize("lie", [erased, moved, invented])
def test_the_networks_own_error_is_large_where_it_lies(lie):
    field = Field(100.0)
    false = lie(field, field.truth)
    weights = field.weights(lambda photons: scaled_to(photons, field, false))
    planted = (false - field.truth).square()
    there = planted > 0.3 * planted.max()
    ratio = weights.network_error / weights.error
    assert float(ratio[there].mean()) > 1.15 * float(inside(ratio, 16).median())


def test_less_is_shown_of_a_lie_than_of_the_truth():
    field = Field(100.0)
    false = moved(field, moved(field, field.truth.roll((5, 5), (0, 1))))
    shares = [
        field.weights(lambda photons, own=own: scaled_to(photons, field, own)).shown
        for own in (field.truth, false)
    ]
    assert shares[0] > 0.4
    assert shares[1] < 0.5 * shares[0]


def test_photons_carry_more_of_an_image_in_more_light():
    carried = [Field(peak).weights(Field(peak).plain).carried for peak in (10.0, 1000.0)]
    assert carried[0] < carried[1] < 1.0


@pytest.mark.parametrize("factor", [1.0, 1e-2, 1e-6])
def test_the_number_of_bands_depends_on_the_size_alone(field, factor):
    transfer = field.reconstruct.plan.transfer
    passed = result_transfer((256, 256), field.scene.pattern, field.scene.otf)
    other = Arbiter(factor * transfer, passed[:, : transfer.shape[1]].float())
    assert other.bands.shape == field.arbiter.bands.shape
    assert float(other.bands.sum(dim=0).max()) <= 1.0 + 1e-5


def test_weights_are_those_of_the_generator():
    field = Field(100.0)
    one, other = (field.weights(field.plain) for _ in range(2))
    assert torch.equal(one.network, other.network)
    assert torch.equal(one.error, other.error)


def test_counts_that_are_no_photons_are_weighed_alike():
    """Of a camera whose gain nobody set: powers of such numbers are beyond float32."""
    field = Field(100.0)
    scale = 3e4

    def scaled(photons):
        return scale * (0.5 * field.plain(photons / scale))

    variance = noise_variance(field.photons, CAMERA.read_noise)
    few = field.arbiter.weights(
        field.photons, variance, field.plain, lambda p: 0.5 * field.plain(p), seeded(6)
    )
    many = field.arbiter.weights(
        scale * field.photons, scale**2 * variance, field.plain, scaled, seeded(6)
    )
    torch.testing.assert_close(many.network, few.network, rtol=0.0, atol=1e-3)
    torch.testing.assert_close(many.error, scale * few.error, rtol=1e-3, atol=0.0)
    assert many.carried == pytest.approx(few.carried, abs=1e-3)
