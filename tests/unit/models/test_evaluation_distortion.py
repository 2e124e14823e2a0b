"""The distortion score against images whose structures moved by a known amount."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from livesim_models.evaluation.distortion import Scale, distortion
from livesim_models.evaluation.ridges import ridges, typical_strength
from livesim_models.evaluation.similarity import similarity

PIXEL_NM = 40.0
SIZE = 240
TURNS_RAD = (0.1, 0.7, 1.3, -0.4, -1.0)


def line(turn_rad: float, offset: float = 0.0) -> np.ndarray:
    """Return a line of 100 nm width through the field, `offset` pixels from its centre."""
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2.0
    across = np.cos(turn_rad) * x + np.sin(turn_rad) * y - offset
    return np.exp(-0.5 * (across * PIXEL_NM / 42.0) ** 2)


def lines(offsets: dict[int, float] | None = None, without: tuple[int, ...] = ()) -> np.ndarray:
    """Return five lines; `offsets` moves some of them by pixels, `without` leaves some out."""
    places = (-60.0, 30.0, 60.0, -20.0, 5.0)
    moved = offsets or {}
    return sum(
        line(turn, place + moved.get(number, 0.0))
        for number, (turn, place) in enumerate(zip(TURNS_RAD, places, strict=True))
        if number not in without
    )


def noisy(image: np.ndarray, sigma: float) -> np.ndarray:
    return image + sigma * np.random.default_rng(0).standard_normal(image.shape)


@pytest.mark.parametrize("turn_rad", TURNS_RAD)
@pytest.mark.parametrize("offset", [0.0, 0.3, 0.5])
def test_a_ridge_lies_on_the_line_finer_than_a_pixel(turn_rad, offset):
    image = line(turn_rad, offset)
    least = 0.3 * typical_strength(image, PIXEL_NM, 60.0)
    found = ridges(image, PIXEL_NM, 60.0, least).within(800.0, (8700.0, 8700.0))
    y, x = (found.points_nm / PIXEL_NM - SIZE / 2.0).T
    across = np.cos(turn_rad) * x + np.sin(turn_rad) * y - offset
    assert len(across) > 150
    assert np.abs(across).max() * PIXEL_NM < 6.0


def test_the_same_image_in_another_unit_is_not_distorted():
    found = distortion(20.0 * lines() + 7.0, lines(), PIXEL_NM)
    assert found.score_nm < 0.1
    assert (found.moved, found.invented, found.lost) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("moved_nm", [20.0, 40.0, 100.0])
def test_the_displacement_is_that_of_the_image(moved_nm):
    image = shift(lines(), (moved_nm / PIXEL_NM, 0.0), order=5, mode="nearest")
    found = distortion(image, lines(), PIXEL_NM)
    # A line moves across itself by less than the image does.
    each = np.abs(np.sin(TURNS_RAD)) * moved_nm
    assert found.displacement_nm == pytest.approx(np.sqrt(np.mean(each**2)), rel=0.1)
    assert found.score_nm == pytest.approx(found.displacement_nm)


def test_one_line_of_five_moves_while_the_psnr_says_the_image_improved():
    low_dose = noisy(lines(), 0.25)
    smooth_and_wrong = gaussian_filter(lines({2: 2.5}), 0.7)
    before, after = similarity(low_dose, lines()), similarity(smooth_and_wrong, lines())
    assert after.psnr_db > before.psnr_db
    assert after.ssim > before.ssim + 0.2
    honest, wrong = (distortion(i, lines(), PIXEL_NM) for i in (low_dose, smooth_and_wrong))
    assert honest.score_nm < 20.0
    assert wrong.score_nm > 40.0
    assert wrong.moved == pytest.approx(0.2, abs=0.05)
    assert honest.moved < 0.02


def test_a_line_that_is_gone_is_lost_and_a_new_one_invented():
    gone = distortion(lines(without=(1,)), lines(), PIXEL_NM)
    new = distortion(lines(), lines(without=(1,)), PIXEL_NM)
    assert gone.lost == pytest.approx(0.2, abs=0.05)
    assert gone.invented == 0.0
    assert new.invented == pytest.approx(0.2, abs=0.05)
    assert new.lost == 0.0
    # A tenth of all ridges, both ways together, counts as the reach of 150 nm.
    assert gone.score_nm == pytest.approx(150.0 * np.sqrt(0.1), rel=0.2)


@pytest.mark.parametrize("change", ["blur", "noise", "dim", "brighter half"])
def test_what_moves_nothing_scores_little(change):
    reference = lines()
    image = {
        "blur": gaussian_filter(reference, 1.5),
        "noise": noisy(reference, 0.1),
        "dim": lines() - 0.3 * line(TURNS_RAD[0], -60.0),
        "brighter half": reference * np.linspace(0.8, 1.2, SIZE),
    }[change]
    found = distortion(image, reference, PIXEL_NM)
    assert found.score_nm < 12.0
    assert (found.moved, found.invented, found.lost) == pytest.approx((0.0, 0.0, 0.0), abs=0.01)


def test_spots_count_as_structures_too():
    places = [(60, 60), (60, 170), (120, 110), (180, 70), (170, 180)]
    y, x = np.mgrid[:SIZE, :SIZE]

    def spots(at):
        return sum(np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 4.0) for cy, cx in at)

    gone = distortion(spots(places[:-1]), spots(places), PIXEL_NM)
    assert gone.lost == pytest.approx(0.2, abs=0.05)
    moved = distortion(spots([*places[:-1], (170, 182)]), spots(places), PIXEL_NM)
    assert moved.moved == pytest.approx(0.2, abs=0.05)
    assert (moved.invented, moved.lost) == (0.0, 0.0)


def test_noise_does_not_move_spots_by_the_branches_of_their_skeletons():
    random = np.random.default_rng(4)
    y, x = np.mgrid[:SIZE, :SIZE]
    spots = sum(
        a * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 5.0)
        for a, (cy, cx) in zip(
            random.uniform(0.6, 1.0, 60), random.uniform(20, SIZE - 20, (60, 2)), strict=True
        )
    )
    found = distortion(noisy(spots, 0.02), spots, PIXEL_NM)
    assert found.score_nm < 12.0
    assert found.moved < 0.01


def test_an_image_without_any_structure_has_lost_all():
    found = distortion(np.zeros((SIZE, SIZE)), lines(), PIXEL_NM)
    assert found.lost == 1.0
    assert found.score_nm == 150.0
    assert np.isnan(found.displacement_nm)


def test_the_border_does_not_count():
    found = distortion(lines(without=(1,)), lines(), PIXEL_NM, border=100)
    assert found.lost == 0.0


def test_the_scale_says_what_is_the_same_structure():
    image = shift(lines(), (0.0, 2.0), order=5, mode="nearest")
    assert distortion(image, lines(), PIXEL_NM, Scale(reach_nm=30.0)).lost > 0.4


def test_refuses_a_reference_without_structure():
    with pytest.raises(ValueError, match="expected a reference that varies"):
        distortion(lines(), np.ones((SIZE, SIZE)), PIXEL_NM)
