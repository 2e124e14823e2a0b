"""`livesim evaluate`: a simulation held against its truth, images against theirs, and bad input."""

from __future__ import annotations

import csv
import re
import shutil
import sys

import numpy as np
import pytest
import tifffile
import torch
import zarr

from livesim.cli import main
from livesim.commands.simulate.files import simulate_files
from livesim.config.settings import parse_settings
from livesim.io.read.open import open_recording
from livesim.io.read.truth import open_truth
from livesim.reconstruction.otf import Otf
from livesim_models.card import Card
from livesim_models.checkpoint import write_model
from livesim_models.evaluation.doubled import doubled
from livesim_models.evaluation.reference import reference
from livesim_models.rcan.model import Rcan, RcanArchitecture

DATA, USAGE = 1, 2
NAMES = ["evaluation.csv", "histograms.png", "montage.png"]
NO_NETWORKS = ("--one", "none", "--two", "none")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """A folder with two raw stacks of 64 x 72 pixels and their truth."""
    values = {
        "optics": {"numerical_aperture": 1.2, "emission_nm": 525.0, "pixel_nm": 80.0},
        "camera": {"offset": 100.0, "gain": 2.0, "read_noise": 1.5},
        "simulation": {"size": [64, 72], "time_points": 2, "peak_photons": 100.0, "seed": 3},
    }
    folder = tmp_path_factory.mktemp("simulated")
    simulate_files(parse_settings(values, "test"), folder)
    return folder


@pytest.fixture
def evaluate(monkeypatch, capsys, tmp_path):
    """Run `livesim evaluate` into tmp_path/out; return (status, stdout, stderr).

    Pictures take a second each: without `draw` something else stands for them.
    """

    def run(*words, draw=False):
        if not draw:
            for name in ("write_histograms", "write_montage"):
                monkeypatch.setattr(
                    f"livesim.commands.evaluate.report.{name}",
                    lambda path, *_: path.write_bytes(b"drawn"),
                )
        line = ["livesim", "evaluate", *map(str, words), "--examples", "1"]
        line += ["--out", str(tmp_path / "out")]
        monkeypatch.setattr(sys, "argv", line)
        monkeypatch.setenv("COLUMNS", "100")
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return run


def rows_in(folder):
    with (folder / "evaluation.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_simulation_is_held_against_the_truth_beside_it(evaluate, simulated, tmp_path):
    status, table, said = evaluate(
        simulated / "raw.ome.tif",
        "--pattern",
        simulated / "pattern.json",
        *NO_NETWORKS,
        "--halves",
        draw=True,
    )
    assert status == 0, said
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == NAMES
    for picture in NAMES[1:]:
        assert (tmp_path / "out" / picture).read_bytes().startswith(b"\x89PNG")
    rows = rows_in(tmp_path / "out")
    assert [(row["image"], row["stage"]) for row in rows] == [
        (f"raw, time {time}", stage) for time in (0, 1) for stage in ("widefield", "plain")
    ]
    widefield, plain = rows[0], rows[1]
    assert float(plain["psnr_db"]) > float(widefield["psnr_db"]) + 2.0
    assert float(plain["distortion_nm"]) < float(widefield["distortion_nm"])
    assert float(plain["residual_sigmas"]) == pytest.approx(0.95, abs=0.1)
    assert float(plain["denied"]) < 0.001
    assert widefield["denied"] == ""
    resolutions = [float(row["reference_resolution_nm"]) for row in (plain, widefield)]
    assert 110.0 < resolutions[0] < resolutions[1]
    assert float(plain["halves_resolution_nm"]) == pytest.approx(resolutions[0], rel=0.25)
    assert "mean of 2 images" in table
    assert "FRC against the truth" in table


def network(folder, step, frames):
    """Write a model of random weights."""
    torch.manual_seed(0)
    architecture = RcanArchitecture(inputs=frames, outputs=frames, groups=1, blocks=1, features=8)
    card = Card(
        name="random",
        step=step,
        architecture=architecture,
        normalisation="stabilised" if step == "one" else "levels",
        photons=(1.0, 1000.0),
        read_noise=(0.0, 5.0),
        structures=("filaments",),
        recipe="",
    )
    path = folder / f"random-{step}.safetensors"
    random = Rcan(architecture)
    torch.nn.init.normal_(random.tail.weight, std=0.02)
    write_model(path, random, card)
    return path


def test_every_network_asked_for_adds_its_stage(evaluate, simulated, tmp_path):
    raw, pattern = simulated / "raw.ome.tif", simulated / "pattern.json"
    one, two = network(tmp_path, "one", 9), network(tmp_path, "two", 1)
    status, _, said = evaluate(raw, "--pattern", pattern, "--one", one, "--two", two)
    assert status == 0, said
    rows = rows_in(tmp_path / "out")
    stages = [row["stage"] for row in rows[:4]]
    assert stages == ["widefield", "plain", "after one", "after one and two"]
    assert len({row["psnr_db"] for row in rows}) == len(rows)

    status, _, said = evaluate(
        raw, "--pattern", pattern, "--one", "none", "--two", two, "--overwrite"
    )
    assert status == 0, said
    assert [row["stage"] for row in rows_in(tmp_path / "out")[:3]] == [
        "widefield",
        "plain",
        "after two",
    ]


def test_without_truth_only_photons_and_plain_reconstruction_are_asked(
    evaluate, simulated, tmp_path
):
    raw = tmp_path / "alone.ome.tif"
    shutil.copy(simulated / "raw.ome.tif", raw)
    config = simulated / "raw.toml"
    pattern = simulated / "pattern.json"
    status, _, said = evaluate(raw, "--config", config, "--pattern", pattern, *NO_NETWORKS)
    assert status == 0, said
    widefield, plain = rows_in(tmp_path / "out")[:2]
    assert (plain["psnr_db"], plain["ssim"], plain["reference_resolution_nm"]) == ("", "", "")
    assert float(plain["distortion_nm"]) == pytest.approx(0.0, abs=1e-9)  # rounding, of any threads
    assert float(widefield["distortion_nm"]) > 0.0


def test_without_the_cameras_gain_nothing_is_held_against_the_photons(
    evaluate, simulated, tmp_path
):
    settings = tmp_path / "bare.toml"
    settings.write_text("[optics]\nnumerical_aperture = 1.2\nemission_nm = 525.0\n")
    words = ("--config", settings, "--pattern", simulated / "pattern.json", "--halves")
    status, table, said = evaluate(simulated / "raw.ome.tif", *words, *NO_NETWORKS)
    assert status == 0, said
    assert "raw.ome.tif: camera.gain is not in the settings" in said
    plain = rows_in(tmp_path / "out")[1]
    assert (plain["residual_sigmas"], plain["denied"], plain["halves_resolution_nm"]) == ("",) * 3
    assert "photons" not in table


@pytest.fixture
def images(simulated, tmp_path):
    """Files of the ideal images, of the same with noise, and of the raw size."""
    truth = open_truth(simulated / "truth.zarr")
    otf = Otf.theoretical(truth.settings.optics)
    ideal = np.stack([reference(truth.object(t), truth.pattern(t), otf) for t in range(2)])
    noise = np.random.default_rng(0).standard_normal(ideal.shape) * 0.05 * ideal.max()
    for name, pictures in (
        ("ideal", ideal),
        ("noisy", ideal + noise),
        ("small", ideal[:, ::2, ::2]),
        ("odd", ideal[:, :-3]),
    ):
        tifffile.imwrite(tmp_path / f"{name}.tif", pictures.astype(np.float32), imagej=True)
    return tmp_path


def test_images_are_held_against_a_truth_one_by_one(evaluate, simulated, images):
    status, table, said = evaluate(
        *(images / f"{name}.tif" for name in ("small", "noisy", "ideal")),
        "--truth",
        simulated / "truth.zarr",
    )
    assert status == 0, said
    rows = rows_in(images / "out")
    assert [(row["image"], row["stage"]) for row in rows] == [
        (f"image {number}", stage) for number in (0, 1) for stage in ("small", "noisy", "ideal")
    ]
    assert float(rows[2]["psnr_db"]) > 100.0
    assert float(rows[0]["psnr_db"]) > float(rows[1]["psnr_db"]) > 20.0
    assert rows[0]["residual_sigmas"] == ""
    assert "small" in table


def test_images_are_held_against_an_image_file(evaluate, images):
    words = (images / "noisy.tif", "--truth", images / "ideal.tif")
    status, _, said = evaluate(*words)
    assert (status, "expected a pixel size in the file or --pixel" in said) == (USAGE, True)
    status, _, said = evaluate(*words, "--pixel", "40")
    assert status == 0, said
    assert float(rows_in(images / "out")[0]["distortion_nm"]) < 30.0


def test_bad_input_gets_a_sentence_and_leaves_nothing(evaluate, simulated, images):
    raw, truth = simulated / "raw.ome.tif", simulated / "truth.zarr"
    ideal = images / "ideal.tif"
    pattern = ("--pattern", simulated / "pattern.json")
    cases = [
        ((images / "odd.tif", "--truth", truth), DATA, r"expected images of \(128, 144\) as the"),
        ((images / "no.tif", "--truth", truth), DATA, "no.tif: expected a file or folder"),
        ((ideal, ideal, "--truth", truth), DATA, "expected files of different names"),
        ((ideal, "--truth", truth, "--halves"), USAGE, "--truth: expected images alone, found"),
        ((raw, "--pixel", "40"), USAGE, "--pixel: expected beside --truth"),
        ((raw, *pattern, "--one", "no", "--two", "none"), USAGE, "steps.one: expected one of"),
        (
            (raw, *pattern, *NO_NETWORKS, "--reference", images / "odd.tif"),
            DATA,
            r"expected references of \(128, 144\) for it, found one of \(125, 144\)",
        ),
    ]
    for words, expected, sentence in cases:
        status, _, said = evaluate(*words)
        assert status == expected, (words, said)
        assert re.search(sentence, said), said
        assert not (images / "out").exists(), words


def test_an_earlier_evaluation_is_kept(evaluate, images):
    (images / "out").mkdir()
    (images / "out" / "montage.png").write_text("kept")
    words = (images / "noisy.tif", "--truth", images / "ideal.tif", "--pixel", "40")
    status, _, said = evaluate(*words)
    assert (status, "montage.png: expected a new name" in said) == (DATA, True)
    assert (images / "out" / "montage.png").read_text() == "kept"
    assert evaluate(*words, "--overwrite")[0] == 0
    assert sorted(path.name for path in (images / "out").iterdir()) == NAMES


def test_an_interrupt_leaves_nothing(evaluate, images, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("livesim.commands.evaluate.report.write_montage", interrupted)
    words = (images / "noisy.tif", "--truth", images / "ideal.tif", "--pixel", "40")
    assert evaluate(*words, draw=True)[0] != 0
    assert not (images / "out").exists()


def test_the_truth_reader_gives_back_what_was_simulated(simulated):
    truth = open_truth(simulated / "truth.zarr")
    assert (truth.stacks, truth.pixel_nm) == (2, 80.0)
    assert truth.object(1).shape == (128, 144)
    pattern = truth.pattern(0)
    assert pattern.shape == (64, 72)
    assert len(pattern.angles) == 3
    assert len(pattern.angles[0].phases_rad) == 3
    with open_recording(simulated / "raw.ome.tif", truth.settings.pattern) as recording:
        assert recording.frame_shape == pattern.shape


def test_the_truth_reader_refuses_another_zarr(evaluate, tmp_path):
    zarr.create_group(tmp_path / "other.zarr").create_array("object", shape=(1, 8, 8), dtype="f4")
    zarr.open(tmp_path / "other.zarr").create_array("k_cycles_per_um", shape=(1,), dtype="f4")
    tifffile.imwrite(tmp_path / "a.tif", np.ones((8, 8), np.float32))
    status, _, said = evaluate(tmp_path / "a.tif", "--truth", tmp_path / "other.zarr")
    assert (status, "expected the truth of a simulation" in said) == (DATA, True), said


def test_doubled_keeps_the_samples_and_puts_waves_between_them():
    y, x = np.mgrid[:24, :20]
    wave = np.cos(2 * np.pi * (3 * y / 24 + 2 * x / 20) + 0.4)
    found = doubled(wave)
    y, x = np.mgrid[:48, :40] / 2.0
    assert found == pytest.approx(np.cos(2 * np.pi * (3 * y / 24 + 2 * x / 20) + 0.4), abs=1e-12)
