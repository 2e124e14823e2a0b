"""`livesim doctor` on files: what it prints, and its exit status."""

import json
import sys

import numpy as np
import pytest
import tifffile

from livesim.cli import main
from livesim.values.finding import Fault
from tests.support.faults import FAULTS, Light, sequence
from tests.support.scenes import settings_text

LIGHT = Light(100.0, 128)
SOUND, FAULTY, USAGE = 0, 1, 2
TOML = settings_text()


@pytest.fixture
def doctor(monkeypatch, capsys):
    """Run the command; return (status, stdout, stderr)."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["livesim", "doctor", *(str(word) for word in words)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return run


@pytest.fixture
def write(tmp_path):
    """Write frames and settings beside them; return the file."""

    def write(frames, settings=TOML, name="raw"):
        (tmp_path / f"{name}.toml").write_text(settings, encoding="utf-8")
        path = tmp_path / f"{name}.tif"
        tifffile.imwrite(path, frames.clamp(0, 65535).numpy().astype("uint16"))
        return path

    return write


def test_a_sound_file(doctor, write):
    status, out, err = doctor(write(sequence(1, LIGHT, 2)))
    assert (status, err) == (SOUND, "")
    assert "no fault found (checked: order of frames" in out


def test_a_rotated_file_and_its_mending_line(doctor, write):
    frames = sequence(1, LIGHT, 2).roll(-2, 0)
    status, out, _ = doctor(write(frames))
    assert status == FAULTY
    assert "rotated frame order, certain (99.9 %): the first frame is frame 2" in out
    assert "fix: first_frame = 2  (in [pattern])" in out
    status, out, _ = doctor(write(frames, f"{TOML}\n[pattern]\nfirst_frame = 2\n"))
    assert status == SOUND, out


def test_a_file_whose_frames_make_no_stacks(doctor, write):
    status, out, _ = doctor(write(FAULTS["lost frame"](1, LIGHT).frames))
    assert status == FAULTY
    assert "the frames make no whole stacks: expected a multiple of 9 frames" in out
    assert "lost frame, certain" in out
    assert "missing between frames 7 and 8" in out


def test_several_files_for_programs(doctor, write):
    sound = write(sequence(1, LIGHT), name="sound")
    counts = write(FAULTS["wrong counts"](0, LIGHT).frames, name="counts")
    status, out, _ = doctor(sound, counts, "--json")
    assert status == FAULTY
    first, second = json.loads(out)
    assert (first["recording"], first["findings"], first["misfit"]) == (str(sound), [], None)
    (finding,) = second["findings"]
    assert finding["fault"] == "wrong number of phases or angles"
    assert finding["mend"] == "[pattern]\nphases = 5"
    assert "found 15 frames" in second["misfit"]


def test_settings_that_win(doctor, write):
    path = write(FAULTS["wrong counts"](0, LIGHT).frames)
    assert doctor(path, "--set", "pattern.phases=5")[0] == SOUND


def test_bad_input_is_a_sentence(doctor, write, tmp_path):
    status, _, err = doctor(write(sequence(1, LIGHT)[:2]))
    assert status == FAULTY
    assert err.strip().endswith("raw.tif: expected at least 3 frames, found 2")
    assert doctor(tmp_path / "nowhere.tif", "--config", tmp_path / "raw.toml")[0] == FAULTY
    assert doctor(write(sequence(1, LIGHT), "[optics]\n"))[0] == USAGE


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bsim_hela_mito_3x3", []),
        ("dlsim_unc_mt_HE_3x5_upsampled2x", [Fault.SHARED_NOISE]),
        ("hexsim_imperial_20191105_152142_7", [Fault.WRONG_NOISE]),
        ("rdl_microtubule_lowsnr_488_3x3", [Fault.WRONG_NOISE]),
        ("tsim_er1_timelapse_t3_3x3", [Fault.WRONG_NOISE]),
        ("zju_beads100nm_488_3x3", [Fault.WRONG_NOISE]),
        ("zju_microtubule_640_3x3", [Fault.WRONG_NOISE]),
    ],
)
def test_real_recordings_are_sound_but_for_cameras_not_in_their_settings(
    recordings, doctor, name, said
):
    status, out, _ = doctor(recordings / f"{name}.tif", "--json")
    assert status == (FAULTY if said else SOUND), out
    (one,) = json.loads(out)
    assert [finding["fault"] for finding in one["findings"]] == said


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("dlsim_unc_mt_HE_3x5_upsampled2x", ["pattern.phases=3", "pattern.harmonics=1"],
         "phases = 5"),
        ("hexsim_imperial_20191105_152142_7", ['pattern.layout="angle-phase"', "pattern.frames=9"],
         'layout = "hexagonal"'),
        ("zju_beads100nm_488_3x3", ['pattern.order=["angle", "phase"]'],
         'order = ["phase", "angle"]'),
        ("zju_beads100nm_488_3x3", ["pattern.first_frame=1"], "first_frame = 0"),
        ("zju_microtubule_640_3x3", ["optics.pixel_nm=130.0"], "pixel_nm = 8"),
        ("tsim_er1_timelapse_t3_3x3", ["camera.offset=200.0"], "offset = "),
    ],
)  # fmt: skip
def test_wrong_settings_of_real_recordings_are_named(recordings, doctor, name, change, said):
    options = [word for value in change for word in ("--set", value)]
    status, out, _ = doctor(recordings / f"{name}.tif", *options)
    assert status == FAULTY
    assert f"fix: {said}" in out, out


@pytest.fixture
def two_colours(tmp_path):
    """Write a recording of two channels, with settings of each; return the file."""
    channels = [sequence(1, LIGHT, 2), FAULTS["no modulation"](1, LIGHT).frames]
    frames = np.stack([one.clamp(0, 65535).numpy() for one in channels]).astype("uint16")
    path = tmp_path / "two.ome.tif"
    stacks = frames.reshape(2, 2, 9, *frames.shape[-2:]).swapaxes(0, 1)
    tifffile.imwrite(path, stacks, metadata={"axes": "TCZYX"})
    (tmp_path / "two.toml").write_text(TOML + "\n[channels.2]\ncamera.gain = 3.0\n")
    return path


def test_every_channel_is_looked_at_and_settings_of_none_are_said(doctor, two_colours):
    status, out, err = doctor(two_colours)
    assert status == FAULTY
    first, second = out.split("two.ome.tif, channel 1:")
    assert "two.ome.tif, channel 0:" in first
    assert "no fault found" in first
    assert "no modulation" in second
    assert err.count("found [channels.2] too: not used") == 1
    assert "expected settings of channels 0 to 1" in err


def test_a_channel_is_looked_at_with_its_own_settings(doctor, two_colours):
    status, out, _ = doctor(two_colours, "--set", "channels.0.camera.gain=4.0", "--json")
    assert status == FAULTY
    first, second = json.loads(out)
    assert (first["channel"], second["channel"]) == (0, 1)
    assert [one["fault"] for one in first["findings"]] == [Fault.WRONG_NOISE]
    assert Fault.WRONG_NOISE not in [one["fault"] for one in second["findings"]]


def test_planes_that_are_the_frames_of_other_raw_stacks_are_told(doctor, tmp_path):
    frames = sequence(1, LIGHT, 3).clamp(0, 65535).numpy().astype("uint16")
    path = tmp_path / "raw.ome.tif"
    tifffile.imwrite(path, frames.reshape(3, 9, *frames.shape[1:]), metadata={"axes": "TZYX"})
    (tmp_path / "raw.toml").write_text(f"{TOML}\n[pattern]\nphases = 5\n")
    status, out, _ = doctor(path)
    assert status == FAULTY
    assert "expected a multiple of 15 frames (3 angles x 5 phases), found 27 frames" in out
    assert "fix: phases = 3  (in [pattern])" in out
    assert "not to be told" not in out


def test_channels_that_may_be_phases_are_looked_at_once(doctor, tmp_path):
    frames = sequence(1, LIGHT, 3).clamp(0, 65535).numpy().astype("uint16")
    path = tmp_path / "raw.ome.tif"
    stacks = frames.reshape(3, 3, 3, *frames.shape[1:])
    tifffile.imwrite(path, stacks, metadata={"axes": "TCZYX"})
    (tmp_path / "raw.toml").write_text(TOML)
    status, out, _ = doctor(path)
    assert status == FAULTY
    assert out.count("the frames make no whole stacks") == 1
    assert "channel 0:" not in out
