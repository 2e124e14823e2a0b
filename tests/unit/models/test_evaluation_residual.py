"""The residual against the photons: 1 sigma for the truth, clearly more for what is wrong."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from livesim.config.settings import PatternSettings
from livesim.reconstruction.forward.model import camera_counts, expected_photons
from livesim.reconstruction.otf import Otf
from livesim_acquisition.specimens.filaments import Filaments
from livesim_models.evaluation.reference import reference
from livesim_models.evaluation.residual import Instrument, residual
from livesim_models.evaluation.similarity import similarity
from tests.support.scenes import CAMERA, OPTICS, random_pattern

SHAPE = (128, 128)
PEAK = 20.0
BACKGROUND = 0.05


class Taken:
    """Filaments at 20 photons, and what else an image of them could show."""

    def __init__(self) -> None:
        self.otf = Otf.theoretical(OPTICS)
        self.pattern = random_pattern(3, SHAPE, PatternSettings())
        self.others, self.one = filaments(1, 14), filaments(7, 1)
        self.truth = self.others + self.one
        self.scale = PEAK / float(expected_photons(self.truth, self.pattern, self.otf).max())
        photons = expected_photons(self.truth * self.scale, self.pattern, self.otf)
        generator = torch.Generator().manual_seed(0)
        self.counts = camera_counts(photons + BACKGROUND * PEAK, CAMERA, generator)
        self.instrument = Instrument(self.pattern, self.otf, CAMERA)
        self.ideal = self.image(self.truth)

    def image(self, specimen: torch.Tensor) -> np.ndarray:
        return reference((specimen * self.scale).numpy(), self.pattern, self.otf)

    def residual(self, image: np.ndarray):
        return residual(image, self.counts, self.instrument)


def filaments(seed: int, count: int) -> torch.Tensor:
    drawn = Filaments((2 * SHAPE[0], 2 * SHAPE[1]), 40.0, count=count, seed=seed)
    return torch.from_numpy(drawn.density()).double()


@pytest.fixture(scope="module")
def taken() -> Taken:
    return Taken()


def test_the_truth_leaves_noise_alone(taken):
    found = taken.residual(taken.ideal)
    inner = found.map_sigmas[16:-16, 16:-16]
    assert found.rms_sigmas == pytest.approx(1.0, abs=0.01)
    assert float(inner.square().mean().sqrt()) == pytest.approx(1.0, abs=0.05)
    assert float(inner.mean()) == pytest.approx(0.0, abs=0.1)
    assert found.denied < 0.0005


def test_the_unit_does_not_matter(taken):
    one, other = (taken.residual(i) for i in (taken.ideal, 0.01 * taken.ideal))
    assert other.rms_sigmas == pytest.approx(one.rms_sigmas, abs=1e-6)


WRONG = {
    "moved by 110 nm": lambda t: t.others + torch.roll(t.one, (2, 2), (0, 1)),
    "removed": lambda t: t.others,
    "invented": lambda t: t.truth + filaments(8, 1),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_one_wrong_filament_is_denied_though_the_psnr_is_high(taken, wrong):
    image = taken.image(WRONG[wrong](taken))
    assert similarity(image, taken.ideal).psnr_db > 20.0
    found = taken.residual(image)
    assert found.denied > 20 * max(taken.residual(taken.ideal).denied, 0.0002)
    assert float(found.map_sigmas.abs().max()) > 8.0


def test_the_map_says_where_and_in_which_direction(taken):
    removed = taken.residual(taken.image(taken.others)).map_sigmas.numpy()
    line = gaussian_filter(taken.one.numpy(), 1.0)
    on, off = line > 0.3 * line.max(), line < 0.01 * line.max()
    assert removed[on].mean() > 10.0
    assert abs(removed[off].mean()) < 2.0


def test_an_image_moved_as_a_whole_by_a_pixel_is_noticed(taken):
    moved = taken.residual(np.roll(taken.ideal, 2, axis=1))
    assert moved.rms_sigmas > taken.residual(taken.ideal).rms_sigmas + 0.01
    assert moved.denied > 0.01


def test_an_angle_that_was_not_found_counts_as_widefield(taken):
    first = taken.pattern.angles[0]
    lost = replace(first, modulation=(0.8,), usable=False)
    pattern = replace(taken.pattern, angles=(lost, *taken.pattern.angles[1:]))
    seen = replace(taken.pattern, angles=(replace(first, modulation=(0.0,)), *pattern.angles[1:]))
    photons = expected_photons(taken.truth * taken.scale, seen, taken.otf) + BACKGROUND * PEAK
    counts = camera_counts(photons, CAMERA, torch.Generator().manual_seed(1))
    instrument = replace(taken.instrument, pattern=pattern)
    image = reference((taken.truth * taken.scale).numpy(), pattern, taken.otf)
    assert residual(image, counts, instrument).rms_sigmas == pytest.approx(1.0, abs=0.015)


def test_seven_hexagonal_frames():
    settings = PatternSettings(layout="hexagonal")
    pattern, otf = random_pattern(5, (64, 64), settings), Otf.theoretical(OPTICS)
    specimen = torch.from_numpy(Filaments((128, 128), 40.0, count=3, seed=2).density()).double()
    specimen *= 200.0 / float(specimen.max())
    counts = camera_counts(
        expected_photons(specimen, pattern, otf), CAMERA, torch.Generator().manual_seed(0)
    )
    image = reference(specimen.numpy(), pattern, otf)
    found = residual(image, counts, Instrument(pattern, otf, CAMERA), border=8)
    assert found.rms_sigmas == pytest.approx(1.0, abs=0.02)


def test_refuses_what_does_not_fit(taken):
    with pytest.raises(ValueError, match=r"expected a result of \(256, 256\) and 9 raw frames"):
        taken.residual(taken.ideal[:-2])
    with pytest.raises(ValueError, match=r"expected a truth on the doubled grid \(256, 256\)"):
        reference(np.ones((128, 128)), taken.pattern, taken.otf)
