"""What is said of a restored image: where its error is, what was overruled, and the word."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from livesim.config.settings import Reconstruction
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.values.verdict import TrustNumbers, TrustWord
from livesim_models.evaluation.reference import reference
from livesim_models.evaluation.residual import Instrument, Reprojection, inside
from livesim_models.trust.maps import Restoration, plain_residual
from livesim_models.trust.verdict import PLAIN_PERCENT, numbers_of, verdict
from tests.support.scenes import simulate

PEAK = 30.0


class Taken:
    """Filaments at 30 photons, and what a perfect network would make of them."""

    def __init__(self) -> None:
        scene = simulate(5, (128, 128), peak=PEAK)
        self.pattern, self.counts = scene.pattern, scene.counts[0].flatten(0, 1)
        self.instrument = Instrument(scene.pattern, scene.otf, scene.camera)
        plan = make_plan(scene.pattern, scene.otf, scene.camera, Reconstruction())
        self.plain = Reconstructor(plan)(scene.counts[:1]).image[0]
        image = reference(scene.truth.numpy(), scene.pattern, scene.otf)
        self.good = torch.from_numpy(image).float()

    def residual(self, instrument=None, counts=None):
        reprojection = Reprojection(instrument or self.instrument)
        return plain_residual(reprojection, self.counts if counts is None else counts, self.plain)

    def numbers(self, image=None, network=None, error=0.5, residual=None):
        image = self.good if image is None else image
        network = self.good if network is None else network
        made = Restoration(self.plain, network, image, torch.full_like(image, error))
        return numbers_of(made, residual or self.residual())


@pytest.fixture(scope="module")
def taken():
    return Taken()


def test_what_photons_carry_is_what_the_error_leaves_of_the_structure(taken):
    none, little, much = (taken.numbers(error=e).carried_percent for e in (0.0, 2.0, 1000.0))
    assert none == 100.0
    assert 50.0 < little < 100.0
    assert much == 0.0
    # Twice the error is four times the square.
    assert 100.0 - taken.numbers(error=4.0).carried_percent == pytest.approx(4 * (100 - little))


def test_an_even_background_carries_no_structure(taken):
    haze = taken.good + 500.0
    made = taken.numbers(image=haze, error=2.0)
    assert made.carried_percent == pytest.approx(taken.numbers(error=2.0).carried_percent, abs=0.5)


def test_the_share_that_is_shown_and_the_error_of_the_light(taken):
    half = 0.5 * (taken.plain + taken.good)
    assert taken.numbers(image=half).shown_percent == pytest.approx(50.0, abs=0.1)
    assert taken.numbers(image=taken.plain).shown_percent == 0.0
    assert taken.numbers().shown_percent == pytest.approx(100.0, abs=0.1)
    one, two = (taken.numbers(error=e).error_percent for e in (1.0, 2.0))
    assert two == pytest.approx(2.0 * one)
    assert 0.5 < one < 20.0


def test_a_network_that_was_overruled_is_told_with_the_place(taken):
    assert taken.numbers().overruled_sigmas == 0.0
    lie = taken.good.clone()
    lie[150:160, 60:70] += 30.0
    found = taken.numbers(network=lie, error=2.0)
    assert found.overruled_sigmas == pytest.approx(15.0, rel=0.05)
    assert np.hypot(found.overruled_yx[0] - 77.5, found.overruled_yx[1] - 32.5) < 4.0
    assert "the networks were overruled, most at x = " in verdict(found, ()).sentence


def test_what_is_shown_is_mapped(taken):
    image = taken.plain.clone()
    image[:, 128:] = taken.good[:, 128:]
    made = Restoration(taken.plain, taken.good, image, torch.ones_like(image))
    assert float(inside(made.shown, 16)[:, :100].max()) < 0.1
    assert float(inside(made.shown, 16)[:, 124:].min()) > 0.9


def test_the_residual_of_the_right_instrument_is_noise(taken):
    found = taken.residual()
    assert float(inside(found.sigmas, 16).std()) < 1.2
    assert taken.numbers().plain_denied_percent < 0.1


def test_a_wrong_instrument_is_told(taken):
    turned = tuple(
        replace(one, phases_rad=tuple(p + 2.0 for p in one.phases_rad))
        for one in taken.pattern.angles
    )
    wrong = replace(taken.instrument, pattern=replace(taken.pattern, angles=turned))
    numbers = taken.numbers(residual=taken.residual(wrong))
    assert numbers.plain_denied_percent > 1.0
    found = verdict(numbers, ())
    assert found.word is TrustWord.LOOK
    assert "contradict the plain reconstruction" in found.reasons[0]


@pytest.mark.parametrize(("gain", "least", "most"), [(0.25, 1.8, 3.0), (4.0, 0.2, 0.6)])
def test_a_wrong_gain_is_told_as_a_ratio_and_denies_nothing(taken, gain, least, most):
    camera = taken.instrument.camera.model_copy(update={"gain": gain})
    found = taken.residual(replace(taken.instrument, camera=camera))
    assert least < found.noise_ratio < most
    assert taken.numbers(residual=found).plain_denied_percent < 0.1


def test_light_out_of_focus_is_no_contradiction(taken):
    y = torch.linspace(0.0, 2.0 * PEAK, taken.counts.shape[-2])[:, None].expand(taken.counts.shape)
    haze = torch.poisson(y, generator=torch.Generator().manual_seed(3))
    found = taken.residual(counts=taken.counts.float() + haze)
    assert taken.numbers(residual=found).plain_denied_percent < PLAIN_PERCENT


QUIET = TrustNumbers(95.0, 60.0, 5.0, 0.0, (1.0, 1.0), 0.0)
UNLIKE = ("the images do not look like those of the training",)
WORDS = {
    "nothing": (QUIET, (), TrustWord.TRUSTED),
    "unlike the training": (QUIET, UNLIKE, TrustWord.TRUSTED),
    "overruled": (replace(QUIET, overruled_sigmas=9.0), (), TrustWord.TRUSTED),
    "some is noise": (replace(QUIET, carried_percent=70.0), (), TrustWord.LOOK),
    "most is noise": (replace(QUIET, carried_percent=30.0), (), TrustWord.DO_NOT_TRUST),
    "wrong instrument": (replace(QUIET, plain_denied_percent=5.0), (), TrustWord.LOOK),
    "wrong instrument and noise": (
        replace(QUIET, plain_denied_percent=5.0, carried_percent=30.0),
        (),
        TrustWord.DO_NOT_TRUST,
    ),
}


@pytest.mark.parametrize("case", WORDS)
def test_words(case):
    numbers, unlike, word = WORDS[case]
    found = verdict(numbers, unlike)
    assert found.word is word
    assert found.unlike == unlike
    assert all(words in found.sentence for words in unlike)
    assert f"photons carry {numbers.carried_percent:.0f} % of the structure" in found.sentence
    assert bool(found.advice) is (word is not TrustWord.TRUSTED)


DOUBTS = ("expected bands that share 60 % or more, found 43 %",)


@pytest.mark.parametrize(
    ("numbers", "word"),
    [
        (QUIET, TrustWord.LOOK),
        (replace(QUIET, carried_percent=30.0), TrustWord.DO_NOT_TRUST),
        (replace(QUIET, plain_denied_percent=5.0), TrustWord.LOOK),
    ],
)
def test_a_doubtful_pattern_is_never_trusted_and_is_said(numbers, word):
    found = verdict(numbers, (), doubts=DOUBTS)
    assert found.word is word
    assert f"the pattern is doubtful: {DOUBTS[0]}" in found.reasons
    assert found.advice
    refused = verdict(numbers, (), "pixels share noise", DOUBTS)
    assert any(DOUBTS[0] in reason for reason in refused.reasons)


def test_noise_that_pixels_share_is_refused_in_words():
    found = verdict(QUIET, (), "neighbouring pixels share noise")
    assert found.word is TrustWord.LOOK
    assert "so the plain image is shown: neighbouring pixels share noise" in found.sentence
    plain = verdict(QUIET, (), "neighbouring pixels share noise", changed=False)
    assert "cannot decide how large the error is: neighbouring pixels share" in plain.sentence
