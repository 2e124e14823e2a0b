"""`livesim simulate` into a folder, and the frames that a simulated camera sends."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
import zarr

from livesim.cli import main
from livesim.commands.simulate.command import SIMULATIONS, simulation_settings
from livesim.commands.simulate.files import simulate_files
from livesim.config.settings import SettingsError, load_settings, parse_settings
from livesim.io.pattern_file import read_pattern
from livesim.io.read.open import open_recording
from livesim.io.settings_beside import settings_for
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.reconstruction.forward.model import image
from livesim.reconstruction.otf import Otf
from livesim.values.errors import DataError
from livesim.values.frames import StackIndex
from livesim_acquisition.microscope.live_source import (
    at_rate,
    prefetch_frames,
    stream_prefetched,
)
from livesim_acquisition.microscope.microscope import SimulatedMicroscope
from livesim_acquisition.microscope.prefetch import Prefetch
from livesim_acquisition.replay.rate import Rate
from livesim_acquisition.sender import Delivery
from tests.support.simulations import SIZE, settings

SHIPPED = sorted(SIMULATIONS.glob("*.toml"))
NAMES = ["pattern.json", "raw.ome.tif", "raw.toml", "truth.zarr"]


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def counts_in(folder):
    with tifffile.TiffFile(folder / "raw.ome.tif") as tiff:
        return tiff.asarray()


def test_a_run_can_be_repeated_bit_for_bit_from_what_it_wrote(tmp_path):
    own = settings(
        specimen=["network", "vesicles"],
        light={"flicker": 0.05},
        true_pattern={"phase_jitter_deg": 3.0},
        true_camera={"kind": "scmos"},
    )
    simulate_files(own, tmp_path / "one")
    assert names_in(tmp_path / "one") == NAMES
    again = load_settings(tmp_path / "one" / "raw.toml")
    assert again == own
    simulate_files(again, tmp_path / "two")
    first, second = ((tmp_path / run / "raw.ome.tif").read_bytes() for run in ("one", "two"))
    assert first == second
    truths = [zarr.open_group(tmp_path / run / "truth.zarr", mode="r") for run in ("one", "two")]
    for name in ("object", "expected_photons", "phases_rad", "intensity"):
        np.testing.assert_array_equal(truths[0][name][:], truths[1][name][:])


def test_the_file_is_read_by_livesim_with_all_it_says(tmp_path):
    own = settings(exposure_ms=4.0, interval_s=0.25, pattern={"phases": 5, "harmonics": 2})
    simulate_files(own, tmp_path)
    raw = tmp_path / "raw.ome.tif"
    beside = settings_for(raw, None)
    assert beside == own
    with open_recording(raw, beside.pattern) as recording:
        assert recording.frame_shape == SIZE
        assert recording.sizes.time == 2
        assert recording.pixel_nm == pytest.approx(80.0)
        assert recording.exposure_ms == pytest.approx(4.0)
        assert recording.interval_s == pytest.approx(0.25)
        stack = recording.stack(StackIndex(time=1)).pixels
    taken = SimulatedMicroscope(own).stack(1).counts
    np.testing.assert_array_equal(stack, taken.reshape(3, 5, *SIZE))


def test_the_truth_holds_the_object_and_every_frame(tmp_path):
    own = settings(
        true_pattern={"drift_deg_per_stack": 9.0, "modulation_falloff": 0.3},
        light={"bleaching_per_frame": 0.01},
        stage={"drift_nm_per_s": [100.0, 0.0]},
    )
    simulate_files(own, tmp_path)
    truth = zarr.open_group(tmp_path / "truth.zarr", mode="r")
    scope = SimulatedMicroscope(own)
    stack = scope.stack(1)
    rows, columns = SIZE
    assert truth["object"].shape == (2, 2 * rows, 2 * columns)
    np.testing.assert_array_equal(truth["object"][1], stack.object)
    np.testing.assert_array_equal(truth["expected_photons"][1].reshape(9, *SIZE), stack.expected)
    for name in ("phases_rad", "intensity"):
        true = [getattr(angle, name) for angle in stack.pattern.angles]
        np.testing.assert_array_equal(truth[name][1].reshape(3, 3), true)
    np.testing.assert_array_equal(
        truth["k_cycles_per_um"][1, :, 2, 0], [a.k_cycles_per_um for a in stack.pattern.angles]
    )
    np.testing.assert_array_equal(truth["modulation"][:], 0.8)
    np.testing.assert_array_equal(truth["frame_number"][1].ravel(), np.arange(9, 18))
    np.testing.assert_allclose(truth["shift_nm"][1, 0, 0], (0.0, 4.5))  # 45 ms a stack
    np.testing.assert_allclose(truth["visibility"][0, 0], 0.7)
    assert read_pattern(tmp_path / "pattern.json").angles[0].phases_rad == pytest.approx(
        scope.instrument.pattern(0).angles[0].phases_rad
    )
    # What the camera counts scatters around what is expected as its noise says.
    counts = counts_in(tmp_path).reshape(2, 3, 3, *SIZE)
    expected = truth["expected_photons"][:]
    off = ((counts - 100.0) / 2.0 - expected) / np.sqrt(expected + 1.0 + 1.0 / 48.0)
    assert off.mean() == pytest.approx(0.0, abs=0.02)
    assert off.var() == pytest.approx(1.0, abs=0.03)


def test_the_truth_of_a_file_with_faults_says_which_frame_is_where(tmp_path):
    own = settings(
        sequence={"dropped_frames": [4], "rotated_by": 1, "repeated_frames": [10]},
        pattern={"order": ["angle", "phase"]},
        true_pattern={"phase_error_deg": 10.0},
    )
    simulate_files(own, tmp_path)
    truth = zarr.open_group(tmp_path / "truth.zarr", mode="r")
    number = truth["frame_number"][:]
    with open_recording(tmp_path / "raw.ome.tif", own.pattern) as recording:
        stacks = np.stack([recording.stack(StackIndex(time=t)).pixels for t in (0, 1)])
    assert number[0].T.ravel().tolist() == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert number[1].T.ravel().tolist() == [10, 10, 11, 12, 13, 14, 15, 16, 17]
    scope = SimulatedMicroscope(own)
    for t, angle, phase in np.ndindex(2, 3, 3):
        stack, taken = divmod(int(number[t, angle, phase]), 9)
        np.testing.assert_array_equal(stacks[t, angle, phase], scope.stack(stack).counts[taken])
        shown = divmod(int(scope.instrument.order[taken]), 3)
        true = scope.instrument.pattern(stack).angles[shown[0]]
        assert truth["phases_rad"][t, angle, phase, 0] == true.phases_rad[shown[1]]


def test_restored_it_is_closer_to_the_truth_than_widefield(tmp_path):
    own = settings(size=[128, 128], peak_photons=1000.0, time_points=1)
    simulate_files(own, tmp_path)
    raw = tmp_path / "raw.ome.tif"
    beside = settings_for(raw, None, ['steps.one="none"', 'steps.two="none"'])
    with open_recording(raw, beside.pattern) as recording:
        stack = recording.stack(StackIndex())
    restored = ReconstructionPipeline(beside, read_pattern(tmp_path / "pattern.json"))(stack)
    truth = torch.from_numpy(zarr.open_group(tmp_path / "truth.zarr", mode="r")["object"][0])
    # What twice the resolution would show of the object, with the objective's fall-off.
    optics = own.optics
    goal = image(truth.double(), Otf(2.0 * optics.cutoff_cycles_per_um), 0.04).numpy()
    inner = slice(16, -16)
    widefield = np.kron(restored.widefield, np.ones((2, 2)))
    near, far = (
        np.corrcoef(one[inner, inner].ravel(), goal[inner, inner].ravel())[0, 1]
        for one in (restored.image, widefield)
    )
    assert near > 0.95
    assert 1.0 - near < 0.5 * (1.0 - far)


def test_nothing_is_left_of_a_run_that_was_interrupted(tmp_path, monkeypatch):
    taken = SimulatedMicroscope.stack

    def second_fails(self, number):
        if number == 1:
            raise KeyboardInterrupt
        return taken(self, number)

    monkeypatch.setattr(SimulatedMicroscope, "stack", second_fails)
    with pytest.raises(KeyboardInterrupt):
        simulate_files(settings(), tmp_path / "new" / "run")
    assert names_in(tmp_path) == []


def test_an_existing_run_is_kept_unless_told(tmp_path):
    simulate_files(settings(time_points=1), tmp_path)
    before = counts_in(tmp_path)
    with pytest.raises(DataError, match=r"raw.ome.tif: expected a new name, found that it exists"):
        simulate_files(settings(time_points=1, seed=9), tmp_path)
    np.testing.assert_array_equal(counts_in(tmp_path), before)
    simulate_files(settings(time_points=1, seed=9), tmp_path, overwrite=True)
    assert not np.array_equal(counts_in(tmp_path), before)
    assert names_in(tmp_path) == NAMES


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_simulation_runs(path, tmp_path):
    small = ["simulation.size=[48, 64]", "simulation.time_points=1"]
    simulate_files(simulation_settings(path, small), tmp_path / "run")
    assert counts_in(tmp_path / "run").std() > 0


def test_there_are_shipped_simulations():
    assert len(SHIPPED) >= 6


def test_shipped_simulations_are_found_by_name_and_a_file_of_ones_own_wins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("er-tirf").mkdir()  # as `--out er-tirf` leaves it
    assert simulation_settings(Path("er-tirf"), []).simulation.specimen[0] == "network"
    Path("er-tirf").rmdir()
    Path("er-tirf").write_text(settings(seed=77).to_toml(), encoding="utf-8")
    assert simulation_settings(Path("er-tirf"), []).simulation.seed == 77


@pytest.mark.parametrize("name", ["er-tirt", "no/er-tirf", "er-tirf.toml"])
def test_a_simulation_that_is_not_there_is_a_sentence_with_those_that_are(name):
    words = rf"^{name}: expected a TOML file, or one of beads-hexagonal, er-tirf, .*, found neither"
    with pytest.raises(SettingsError, match=words):
        simulation_settings(Path(name), [])


def test_simulations_are_listed_with_what_they_are(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["livesim", "simulate", "--list"])
    with pytest.raises(SystemExit) as ended:
        main()
    lines = capsys.readouterr().out.splitlines()
    assert ended.value.code == 0
    assert [line.split()[0] for line in lines] == [path.stem for path in SHIPPED]
    assert "network like the endoplasmic reticulum" in lines[1]


@pytest.fixture
def livesim(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("c.toml").write_text(settings(time_points=1).to_toml(), encoding="utf-8")

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["livesim", "simulate", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().err

    return run


def test_flags_win_over_the_settings(livesim, tmp_path):
    flags = ["--size", "48x32", "--time-points", "3", "--seed", "7"]
    status, said = livesim(
        "-c", "c.toml", "--out", "run", *flags, "--set", "simulation.exposure_ms=9"
    )
    assert status == 0, said
    own = load_settings(tmp_path / "run" / "raw.toml").simulation
    assert (own.size, own.time_points, own.seed, own.exposure_ms) == ((48, 32), 3, 7, 9.0)
    assert counts_in(tmp_path / "run").shape == (3, 9, 48, 32)


def test_a_microscope_without_a_simulation_gets_the_default_one(livesim):
    plain = settings().model_copy(update={"simulation": None})
    Path("real.toml").write_text(plain.to_toml(), encoding="utf-8")
    status, said = livesim("-c", "real.toml", "--out", "run", "--size", "64", "--time-points", "1")
    assert status == 0, said
    assert counts_in(Path("run")).shape[-3:] == (9, 64, 64)


def test_saturated_pixels_are_counted(livesim):
    bright = ["--set", "simulation.peak_photons=1e5", "--set", "simulation.camera.bits=8"]
    status, said = livesim("-c", "c.toml", "--out", "run", *bright)
    assert status == 0
    assert "of the pixels are saturated" in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--out", "run", "--size", "12by4"], "--size: expected rows, or rows x columns"),
        (["--out", "run", "--size", "8"], "simulation.size.0: expected greater than or equal"),
        ([], "expected one of --out FOLDER and --to ENGINE, found both or neither"),
        (["--out", "run", "--set", "simulation.beeds.count=3"], "nearest known key is 'beads'"),
        (["--out", "run", "--set", "simulation.interval_s=0.001"], "expected interval_s of at"),
        (
            [
                *("--out", "run", "--set", "volumes={}"),
                *("--set", "pattern.phases=5", "--set", "pattern.harmonics=2"),
            ],
            "expected [simulation.volume] beside [volumes]",
        ),
        (["--to", "127.0.0.1:1", "--rate", "fast"], "expected a rate of real, max or"),
    ],
)
def test_wrong_use_is_refused_in_a_sentence(livesim, tmp_path, words, sentence):
    status, said = livesim("-c", "c.toml", *words)
    assert status == 2
    assert sentence in said
    assert names_in(tmp_path) == ["c.toml"]


@dataclass
class FakeSender:
    """Takes a stream without an engine."""

    sent_frames: list = field(default_factory=list)
    started: object = None

    def start(self, start):
        self.started = start

    def send(self, frame):
        self.sent_frames.append(frame)

    def finish(self, *, aborted=False):
        return Delivery(len(self.sent_frames), 0, len(self.sent_frames))


def streamed(own, sender, *, paced=True):
    microscope = SimulatedMicroscope(own)
    with prefetch_frames(microscope) as ahead:
        return stream_prefetched(microscope, ahead, sender, paced=paced)


def test_a_stream_is_timed_like_that_of_a_camera():
    own = at_rate(settings(time_points=4, light={"flicker": 0.01}), 300.0)
    sender = FakeSender()
    timing = streamed(own, sender)
    assert [frame.sequence for frame in sender.sent_frames] == list(range(36))
    spacing_ms = np.diff([frame.camera_ns for frame in sender.sent_frames]) / 1e6
    np.testing.assert_allclose(spacing_ms, 1000.0 / 300.0, atol=0.3)
    # Not faster than the camera; how much slower a busy machine is, is no matter of a test.
    assert timing.frames_per_s < 320.0
    assert timing.delivery.received == 36
    assert sender.started.interval_s == pytest.approx(9 / 300.0)
    again = parse_settings(sender.started.settings, "sent")
    assert again.simulation == own.simulation


def test_without_pacing_nothing_waits_and_faults_are_sent_as_they_are():
    own = settings(sequence={"dropped_frames": [2], "late_frames": [4], "late_by": 2})
    sender = FakeSender()
    timing = streamed(own, sender, paced=False)
    numbers = [frame.sequence for frame in sender.sent_frames]
    assert numbers == [0, 1, 3, 5, 6, 4, *range(7, 18)]
    assert timing.behind == 0


@pytest.mark.parametrize(
    ("rate", "exposure_ms", "readout_ms"),
    [(100.0, 5.0, 5.0), (200.0, 5.0, 0.0), (500.0, 2.0, 0.0), (Rate.REAL, 5.0, 1.0)],
)
def test_a_rate_is_exposure_and_readout(rate, exposure_ms, readout_ms):
    own = at_rate(settings(readout_ms=1.0), rate).simulation
    assert own.exposure_ms == pytest.approx(exposure_ms)
    assert own.readout_ms == pytest.approx(readout_ms)


def test_a_rate_needs_a_simulation():
    with pytest.raises(SettingsError, match=r"expected \[simulation\]"):
        at_rate(settings().model_copy(update={"simulation": None}), 10.0)


def test_no_more_frames_are_made_ahead_than_there_is_room_for():
    made = []

    def frames():
        for frame in SimulatedMicroscope(settings()).frames(2):
            made.append(frame.sequence)
            yield frame

    with Prefetch(frames(), room=4) as ahead:
        ahead.wait_for(1e9, 18)  # until the queue is full
        assert ahead.waiting == 4
        assert len(made) <= 5
        assert [frame.sequence for frame in ahead] == list(range(18))


def test_what_goes_wrong_while_frames_are_made_is_raised_where_they_are_taken():
    def frames():
        yield from SimulatedMicroscope(settings()).frames(1)
        raise DataError("no more light")

    with Prefetch(frames(), room=100) as ahead, pytest.raises(DataError, match="no more light"):
        list(ahead)


@pytest.mark.parametrize(
    ("made", "rate", "ready"),
    [
        (100, 10.0, True),  # made four times as fast: what waits can only grow
        (100, 1000.0, False),  # made 25 times too slowly: nearly all must wait
        (980, 1000.0, True),
        (20, 0.1, False),  # two bursts do not tell the speed
    ],
)
def test_sending_begins_when_the_rate_can_be_held_to_the_end(monkeypatch, made, rate, ready):
    ahead = Prefetch(iter(()), room=2000, burst=10)
    clock = "livesim_acquisition.microscope.prefetch.time.monotonic"
    monkeypatch.setattr(clock, lambda: (made - 10) / 100.0)
    ahead._made = made  # 100 frames a second since the first burst
    monkeypatch.setattr(Prefetch, "waiting", made)
    assert ahead.is_ready(rate, 1000) == ready
    ahead._done.set()
    assert ahead.is_ready(rate, 1000)
