"""Rows, CSV, histograms and montage of images whose numbers are known."""

import csv
import math

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from livesim_models.evaluation.histograms import paired, write_histograms
from livesim_models.evaluation.montage import Example, write_montage
from livesim_models.evaluation.table import (
    METRICS,
    Known,
    Row,
    measure,
    stage_means,
    write_csv,
)

PIXEL_NM = 40.0


def picture(seed: int = 0, size: int = 160) -> np.ndarray:
    """Return blurred dots."""
    random = np.random.default_rng(seed)
    dots = np.zeros((size, size))
    dots[random.integers(0, size, 60), random.integers(0, size, 60)] = 100.0
    return gaussian_filter(dots, 2.0)


def test_a_row_holds_what_can_be_known_and_nan_for_the_rest():
    alone = measure("a", "plain", picture(), Known(PIXEL_NM))
    known = {metric for metric in METRICS if not math.isnan(getattr(alone, metric))}
    assert known == {"decorrelation_nm"}

    row = measure("a", "plain", picture(), Known(PIXEL_NM, picture()), (picture(), picture(1)))
    known = {metric for metric in METRICS if not math.isnan(getattr(row, metric))}
    assert known == set(METRICS) - {"residual_sigmas", "denied"}
    assert (row.ssim, row.distortion_nm) == pytest.approx((1.0, 0.0))
    assert row.halves_resolution_nm > 1000.0


def test_what_is_measured_depends_on_what_the_reference_is():
    def unknown(kind):
        row = measure("a", "plain", picture(), Known(PIXEL_NM, picture(), kind))
        assert row.distortion_nm == 0.0
        return {metric for metric in METRICS if math.isnan(getattr(row, metric))}

    photons = {"residual_sigmas", "denied", "halves_resolution_nm"}
    assert unknown("truth") == photons
    assert unknown("recording") == photons | {"reference_resolution_nm"}
    assert unknown("plain") == photons | {"reference_resolution_nm", "psnr_db", "ssim", "nrmse"}


def test_the_csv_says_the_same_and_leaves_empty_what_is_unknown(tmp_path):
    rows = [Row("a", "plain", psnr_db=20.5), Row("a, b", "after one", decorrelation_nm=math.inf)]
    write_csv(tmp_path / "t.csv", rows)
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert [one["image"] for one in read] == ["a", "a, b"]
    assert (float(read[0]["psnr_db"]), read[0]["ssim"]) == (20.5, "")
    assert float(read[1]["decorrelation_nm"]) == math.inf


def test_means_are_of_each_stage_without_what_is_unknown():
    rows = [
        Row("a", "plain", psnr_db=20.0, ssim=0.2),
        Row("b", "plain", psnr_db=24.0),
        Row("a", "after one", psnr_db=25.0),
    ]
    means = stage_means(rows)
    assert list(means) == ["plain", "after one"]
    assert means["plain"] == {"psnr_db": 22.0, "ssim": 0.2}
    assert means["after one"]["psnr_db"] == 25.0
    assert math.isnan(means["after one"]["ssim"])


def test_histograms_need_rows_with_metrics(tmp_path):
    rows = [
        Row(image, stage, psnr_db=20.0 + add, distortion_nm=50.0 - add)
        for image in "abc"
        for stage, add in (("plain", 0.0), ("after one", 2.0))
    ]
    write_histograms(tmp_path / "h.png", rows)
    # Two metrics have a row each.
    with Image.open(tmp_path / "h.png") as image:
        assert image.size[1] == pytest.approx(110 * (2 * 2.4 + 0.6), abs=2)
    with pytest.raises(ValueError, match="expected rows with metrics, found none"):
        write_histograms(tmp_path / "h.png", [Row("a", "plain")])


def test_histograms_of_one_image_and_one_stage(tmp_path):
    write_histograms(tmp_path / "h.png", [Row("a", "plain", psnr_db=20.0)])
    assert (tmp_path / "h.png").stat().st_size > 1000


def test_the_montage_shows_the_reference_and_every_stage(tmp_path):
    reference = picture()
    stages = {"plain": reference + 1.0, "moved": np.roll(reference, 3, axis=1)}
    write_montage(tmp_path / "m.png", [Example("a", PIXEL_NM, reference, stages)])
    with Image.open(tmp_path / "m.png") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    bottom = pixels[2 * pixels.shape[0] // 3 + 40 :]
    blue = (bottom[..., 2] - bottom[..., 0]) > 60
    third = pixels.shape[1] // 3
    # No error map under the reference, none to see under the same image, one under the moved one.
    assert [int(blue[:, i * third : (i + 1) * third].sum()) > 100 for i in range(3)] == [
        False,
        False,
        True,
    ]


def test_a_montage_needs_examples(tmp_path):
    with pytest.raises(ValueError, match="expected at least one example"):
        write_montage(tmp_path / "m.png", [])


def test_only_images_that_have_a_metric_in_every_stage_are_paired():
    rows = [
        Row("a", "plain", psnr_db=20.0),
        Row("b", "plain", psnr_db=22.0),
        Row("b", "step two", psnr_db=25.0),
        Row("a", "step two", psnr_db=24.0),
        Row("c", "step two", psnr_db=30.0),
    ]
    assert paired(rows, ["plain", "step two"], "psnr_db") == [[20.0, 24.0], [22.0, 25.0]]
    assert paired(rows, ["plain", "step two"], "ssim") == []
