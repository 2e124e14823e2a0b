"""Can a result be trusted: good ones are left in peace, lies are found, and where they are."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from livesim_models.trust.flips import FLIPS, ensemble, flips, spread_percent

from livesim.config.settings import Reconstruction
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.values.verdict import TrustNumbers, TrustWord
from livesim_models.evaluation.reference import reference
from livesim_models.evaluation.residual import Instrument, Reprojection, inside
from livesim_models.trust.maps import change_map, photon_maps
from livesim_models.trust.verdict import numbers_of, verdict
from tests.support.scenes import simulate

PEAK = 30.0
UNLIKE = ("the images do not look like those of the training",)


class Taken:
    """Filaments at 30 photons; what a perfect network would make of them, and lies."""

    def __init__(self) -> None:
        scene = simulate(5, (128, 128), peak=PEAK)
        self.pattern, self.counts = scene.pattern, scene.counts[0].flatten(0, 1)
        self.instrument = Instrument(scene.pattern, scene.otf, scene.camera)
        self.reprojection = Reprojection(self.instrument)
        plan = make_plan(scene.pattern, scene.otf, scene.camera, Reconstruction())
        self.plain = Reconstructor(plan)(scene.counts[:1]).image[0]
        image = reference(scene.truth.numpy(), scene.pattern, scene.otf)
        self.good = torch.from_numpy(image).float()

    def numbers(self, image, plain=None, reprojection=None):
        plain = self.plain if plain is None else plain
        maps = photon_maps(reprojection or self.reprojection, self.counts, image, plain)
        return numbers_of(maps)


@pytest.fixture(scope="module")
def taken():
    return Taken()


def window(image, row, column, width=8.0):
    y, x = (torch.arange(n, dtype=torch.float32) for n in image.shape)
    return torch.exp(-((((y[:, None] - row) ** 2 + (x - column) ** 2) / (2 * width**2)) ** 2))


def brightest(image):
    inner = inside(image, 48)
    row, column = divmod(int(inner.argmax()), inner.shape[1])
    return row + 48, column + 48


def erased(image):
    there = window(image, *brightest(image))
    return image * (1.0 - there)


def moved(image):
    there = window(image, *brightest(image))
    return image * (1.0 - there) + image.roll((3, 3), (0, 1)) * there


def invented(image):
    row, column = divmod(int(inside(image, 48).argmin()), image.shape[1] - 96)
    y = torch.arange(image.shape[0], dtype=torch.float32)[:, None] - row - 48
    x = torch.arange(image.shape[1], dtype=torch.float32)[None] - column - 48
    line = torch.exp(-((x - 0.5 * y) ** 2) / 4.5) * (y.abs() < 15.0)
    return image + 0.7 * float(image.max()) * line


LIES = {"erased": erased, "moved": moved, "invented": invented}


def test_a_good_result_is_trusted_and_its_residual_is_noise(taken):
    numbers = taken.numbers(taken.good)
    assert numbers.rms_sigmas == pytest.approx(1.0, abs=0.05)
    assert numbers.denied == 0
    assert abs(numbers.worst_sigmas) < 5.0
    assert numbers.places > 50
    found = verdict(numbers, ())
    assert found.word is TrustWord.TRUSTED
    assert "would not show" in found.sentence


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_found_and_where_it_is(taken, lie):
    image = LIES[lie](taken.good)
    numbers = taken.numbers(image)
    assert numbers.denied > 0
    assert abs(numbers.worst_sigmas) > 7.0
    row, column = divmod(int((image - taken.good).abs().argmax()), image.shape[1])
    found = np.array(numbers.worst_yx) - np.array([row, column]) / 2.0
    assert np.hypot(*found) < 14.0
    assert verdict(numbers, ()).word is not TrustWord.TRUSTED
    assert verdict(numbers, UNLIKE).word is TrustWord.DO_NOT_TRUST


def test_the_sign_says_whether_light_is_missing(taken):
    assert taken.numbers(erased(taken.good)).worst_sigmas > 0.0
    assert taken.numbers(invented(taken.good)).worst_sigmas < 0.0


def test_what_the_plain_reconstruction_cannot_explain_either_is_not_held_against_networks(taken):
    lie = erased(taken.good)
    assert taken.numbers(lie, plain=lie).denied == 0


def test_a_wrong_instrument_is_told_instead(taken):
    turned = tuple(
        replace(one, phases_rad=tuple(p + 2.0 for p in one.phases_rad))
        for one in taken.pattern.angles
    )
    wrong = replace(taken.instrument, pattern=replace(taken.pattern, angles=turned))
    numbers = taken.numbers(taken.plain, reprojection=Reprojection(wrong))
    assert numbers.plain_denied_percent > 1.0
    found = verdict(numbers, ())
    assert found.word is TrustWord.LOOK
    assert "contradict the plain reconstruction" in found.reasons[0]


@pytest.mark.parametrize(("gain", "least", "most"), [(0.25, 1.8, 3.0), (4.0, 0.2, 0.6)])
def test_a_wrong_gain_changes_no_verdict_since_the_noise_itself_is_measured(
    taken, gain, least, most
):
    camera = taken.instrument.camera.model_copy(update={"gain": gain})
    wrong = Reprojection(replace(taken.instrument, camera=camera))
    good = taken.numbers(taken.good, reprojection=wrong)
    assert least < good.noise_ratio < most
    assert good.rms_sigmas == pytest.approx(1.0, abs=0.2)
    assert verdict(good, ()).word is TrustWord.TRUSTED
    assert taken.numbers(erased(taken.good), reprojection=wrong).denied > 0


def test_light_out_of_focus_is_no_contradiction(taken):
    y = torch.linspace(0.0, 2.0 * PEAK, taken.counts.shape[-2])[:, None].expand(taken.counts.shape)
    haze = torch.poisson(y, generator=torch.Generator().manual_seed(3))
    counts = taken.counts.float() + haze
    maps = photon_maps(taken.reprojection, counts, taken.good, taken.plain)
    assert numbers_of(maps).denied == 0


QUIET = TrustNumbers(1.0, 100, 0, 3.5, (1.0, 1.0), 10.0, 0.0)
WORDS = {
    "nothing": (QUIET, (), TrustWord.TRUSTED),
    "unlike the training": (QUIET, UNLIKE, TrustWord.LOOK),
    "one place": (replace(QUIET, denied=1), (), TrustWord.LOOK),
    "one place, unlike the training": (replace(QUIET, denied=1), UNLIKE, TrustWord.DO_NOT_TRUST),
    "many places": (replace(QUIET, denied=10), (), TrustWord.DO_NOT_TRUST),
    "too dark": (replace(QUIET, visible_percent=80.0), (), TrustWord.LOOK),
    "no light at all": (replace(QUIET, places=0, visible_percent=4e8), (), TrustWord.LOOK),
}


@pytest.mark.parametrize("case", WORDS)
def test_words(case):
    numbers, unlike, word = WORDS[case]
    found = verdict(numbers, unlike)
    assert found.word is word
    assert all(words in found.sentence for words in unlike)
    assert bool(found.advice) is (word is not TrustWord.TRUSTED)


def test_a_change_is_counted_in_noise_of_the_neighbourhood():
    noise = torch.randn(128, 128, generator=torch.Generator().manual_seed(0))
    noise[:, 64:] *= 10.0
    before = torch.zeros(128, 128)
    found = change_map(before, before + 5.0, noise)
    assert float(found[:, :32].mean()) == pytest.approx(5.0, rel=0.05)
    assert float(found[:, 96:].mean()) == pytest.approx(0.5, rel=0.05)


def test_every_flip_is_another_one_and_is_undone():
    image = torch.arange(12.0).reshape(1, 3, 4)
    seen = set()
    for symmetry in range(FLIPS):
        there, back = flips(symmetry)
        torch.testing.assert_close(back(there(image)), image)
        seen.add((there(image).shape, *there(image).flatten().tolist()))
    assert len(seen) == FLIPS


def test_what_does_not_mind_flips_spreads_nowhere_and_what_does_spreads_there():
    image = torch.full((32, 32), 10.0)
    images = list(ensemble(lambda there, back: back(there(image))))
    assert float(spread_percent(images, 10.0, 0.0).max()) == pytest.approx(0.0, abs=1e-4)
    ramp = torch.linspace(0.0, 4.0, 32)
    images = list(ensemble(lambda there, back: back(there(image) + ramp)))
    found = spread_percent(images, 10.0, 0.0)
    assert float(found[0, 0]) > 5.0 * float(found[16, 16])
