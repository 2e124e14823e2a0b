"""`livesim restore` with bad input: one sentence, the right status, nothing left behind."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from typer.main import get_command

from livesim.cli import app, main
from livesim_models.shipped import model_file
from tests.support.bad_input import CASES, GOOD, good_tiff, toml

DATA, USAGE = 1, 2


@pytest.fixture
def livesim(monkeypatch, capsys, tmp_path):
    """Run the command line in a folder of its own; return (status, what stderr said last)."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["livesim", *(str(word) for word in words)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().err

    return run


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_restore_refuses_bad_input(case, livesim, tmp_path):
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    raw, settings = case.build(inputs)
    status, said = livesim("restore", raw, "--config", settings, "--out", "out.ome.tif")
    assert status == case.status, said
    sentence = said.strip().splitlines()[-1]
    assert sentence.startswith("livesim: ")
    assert re.search(case.sentence, sentence), sentence
    assert left_in(tmp_path / "here") == []


@pytest.mark.parametrize("shape", [(1, 64), (64, 1), (7, 64)])
@pytest.mark.parametrize("steps", ["one,reconstruct,two", "reconstruct"])
def test_frames_too_small_for_fringes_are_refused(shape, steps, livesim, tmp_path):
    raw = tmp_path / "raw.tif"
    tifffile.imwrite(raw, np.full((9, *shape), 300, np.uint16), metadata=None)
    arguments = ("--config", toml(tmp_path), "--out", "out.ome.tif", "--steps", steps)
    status, said = livesim("restore", raw, *arguments)
    assert status == DATA
    assert f"expected frames of at least 8 x 8 pixels, found {shape[0]} x {shape[1]}" in said


def pattern_json(**changes):
    angle = {"k_cycles_per_um": [4.0, 0.0], "phases_rad": [0, 2.1, 4.2], "modulation": [0.8]}
    document = {
        "format": "livesim-pattern/1",
        "pixel_nm": 80.0,
        "shape": [12, 16],
        "angles": [angle] * 3,
        "attainable_resolution_nm": 100.0,
        "warnings": [],
    }
    return json.dumps(document | changes)


WRONG_USE = {
    "unknown steps": (["--steps", "two"], USAGE, "expected steps .*found 'two'"),
    "no such network": (["--set", 'steps.one="best"'], USAGE, "steps.one.*pair.*found 'best'"),
    "a network for another step": (
        ["--set", f'steps.one="{model_file("pair", "two").as_posix()}"'],
        DATA,
        "steps.one: expected a model for step one, found 'pair-two' for step two",
    ),
    "no model file": (["--set", 'steps.two="./raw.toml"'], USAGE, "steps.two.*path of a model"),
    "unknown preset": (["--preset", "opensim"], USAGE, "preset.*expected 'fairsim'.*'opensim'"),
    "unknown key in --set": (["--set", "optics.na=1"], USAGE, "unknown key 'optics.na'"),
    "a bare word in --set": (["--set", "steps.one=best"], USAGE, "steps.one.*pair.*'best'"),
    "micrometres": (["--set", "optics.emission_nm=0.52"], USAGE, "emission_nm: expected .* 1, .*0"),
    "a word for a number": (["--set", "optics.pixel_nm=so"], USAGE, "pixel_nm: .*found 'so'"),
    "no TOML in --set": (["--set", "optics.pixel_nm:80"], USAGE, "--set .*expected key=value"),
    "unknown ending of the result": (["--out", "out.png"], USAGE, "out.png.*expected"),
    "folder of the result missing": (["--out", "no/out.ome.tif"], DATA, "expected.*found"),
    "unknown flag": (["--quality", "9"], USAGE, "No such option"),
    "settings file missing": (["--config", "no.toml"], USAGE, "no.toml.*expected a readable"),
    "pattern file missing": (["--pattern", "no.json"], DATA, "no.json.*expected a readable"),
    "OTF file missing": (["--set", 'optics.otf_file="no.tif"'], DATA, "no.tif: expected a TIFF"),
}


@pytest.mark.parametrize("name", WRONG_USE)
def test_wrong_use_is_refused(name, livesim, tmp_path):
    words, expected, sentence = WRONG_USE[name]
    raw, settings = GOOD.build(tmp_path)
    settings.rename(tmp_path / "raw.toml")
    status, said = livesim("restore", raw, *words)
    assert (status, bool(re.search(sentence, said.replace("\n", " ")))) == (expected, True), said
    assert left_in(tmp_path / "here") == []


@pytest.mark.parametrize(
    ("change", "flags", "found"),
    [
        ("optics.na=1", [], "unknown key 'optics.na'"),
        ("optics.emission_nm=0.5", ["--set", "optics.pixel_nm=70"], "optics.emission_nm: .*0.5"),
        ("pattern.phases=1", ["--set", "reconstruction.notch.strength=0.5"], ".*no notch with 1"),
    ],
)
def test_a_wrong_change_is_reported_as_what_was_asked_for(change, flags, found, livesim, tmp_path):
    raw, settings = GOOD.build(tmp_path)
    status, said = livesim("restore", raw, "--config", settings, "--set", change, *flags)
    asked = "".join(f", {word}" for word in flags[1:] if "notch" in word)
    assert status == USAGE
    assert re.match(rf"livesim: {change}{asked} over {settings}: {found}", said), said


def test_a_wrong_file_is_reported_under_its_own_name_whatever_was_changed(livesim, tmp_path):
    raw, settings = GOOD.build(tmp_path)
    settings.write_text(settings.read_text().replace("[optics]", "[optics]\ncolour = 3"))
    status, said = livesim("restore", raw, "--config", settings, "--set", "optics.pixel_nm=70")
    assert status == USAGE
    assert said.startswith(f"livesim: {settings}: unknown key 'optics.colour'"), said


@pytest.mark.parametrize("command", ["restore", "calibrate", "doctor", "adapt", "thin", "replay"])
@pytest.mark.parametrize("beside", [False, True])
def test_a_recording_that_is_not_there_is_what_the_sentence_is_about(
    command, beside, livesim, tmp_path
):
    if beside:
        toml(tmp_path)
    out = ["--out", "o.json"] if command in ("calibrate", "thin") else []
    status, said = livesim(command, tmp_path / "no.tif", *out)
    assert status == DATA
    expected = f"livesim: {tmp_path / 'no.tif'}: expected a file or folder, found nothing there"
    assert said.splitlines()[-1] == expected


WRONG_PATTERNS = {
    "not JSON": ("[", "expected"),
    "another format": (pattern_json(format="livesim-pattern/9"), "format.*expected"),
    "another field": (pattern_json(shape=[64, 64]), "expected a pattern for.*12 x 16.*64 x 64"),
    "another pixel": (
        pattern_json(pixel_nm=65.0),
        r"p\.json: expected pixels of 80 nm, found 65 nm",
    ),
    "one angle only": (
        pattern_json(angles=json.loads(pattern_json())["angles"][:1]),
        r"p\.json: .*3 angles",
    ),
    "unknown key": (pattern_json(quality=1), "quality"),
    "no modulation": (
        pattern_json(angles=[{**json.loads(pattern_json())["angles"][0], "modulation": [0.0]}] * 3),
        "modulation other than 0",
    ),
}


@pytest.mark.parametrize("name", WRONG_PATTERNS)
def test_wrong_pattern_file_is_refused(name, livesim, tmp_path):
    text, sentence = WRONG_PATTERNS[name]
    (tmp_path / "p.json").write_text(text)
    raw, settings = good_tiff(tmp_path), toml(tmp_path)
    status, said = livesim(
        "restore", raw, "--config", settings, "--pattern", tmp_path / "p.json", "--out", "o.ome.tif"
    )
    assert status == DATA, said
    assert re.search(sentence, said), said
    assert left_in(tmp_path / "here") == []


def test_an_existing_result_is_kept(livesim, tmp_path):
    raw, settings = good_tiff(tmp_path), toml(tmp_path)
    kept = tmp_path / "here" / "out.ome.tif"
    kept.write_bytes(b"precious")
    status, said = livesim("restore", raw, "--config", settings, "--out", kept)
    assert status == DATA
    assert "out.ome.tif" in said
    assert kept.read_bytes() == b"precious"


@pytest.mark.parametrize("command", ["calibrate", "restore", "adapt"])
def test_a_recording_is_not_written_over(command, livesim, tmp_path):
    raw, settings = good_tiff(tmp_path), toml(tmp_path)
    before = raw.read_bytes()
    status, said = livesim(command, raw, "--config", settings, "--out", raw, "--overwrite")
    assert status == USAGE
    assert "expected another name than the recording's own" in said
    assert raw.read_bytes() == before


@pytest.mark.parametrize(("command", "out"), [("calibrate", "p.json"), ("restore", "out.ome.tif")])
def test_without_fringes_the_first_line_says_so_and_strict_writes_nothing(
    livesim, tmp_path, command, out
):
    noise = np.random.default_rng(0).poisson(100, (9, 64, 64)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "noise.tif", noise, metadata=None)
    words = [command, tmp_path / "noise.tif", "--config", toml(tmp_path), "--out", out]
    status, said = livesim(*words, "--strict")
    assert status == DATA
    assert "expected fringes in at least one angle, found none; doctor: too little light" in said
    assert left_in(tmp_path / "here") == []
    status, said = livesim(*words)
    assert status == 0
    assert re.match(
        r"noise\.tif: widefield only: no angle shows fringes.*; doctor: too little light", said
    )
    assert left_in(tmp_path / "here") == [out]


@pytest.mark.parametrize("words", [["restore"], ["calibrate", "raw.tif"], ["reconstruct"]])
def test_wrong_words_are_wrong_usage(words, livesim):
    status, said = livesim(*words)
    assert status == USAGE
    assert said


def test_no_help_text_has_brackets_that_rich_would_take_for_markup():
    commands = get_command(app).commands
    texts = [(name, one.help or "") for name, one in commands.items()]
    texts += [(name, own.help or "") for name, one in commands.items() for own in one.params]
    assert len(texts) > 3 * len(commands) > 0
    assert [words for words in texts if "[" in words[1]] == []


def test_what_the_commands_take_is_known_without_what_runs_them():
    code = "import livesim.cli, sys; sys.exit(bool({'torch', 'zmq', 'zarr'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["acquire", "--first", "3"], "--first: expected --live with it, found it alone"),
        (["acquire", "--live", "--out", "o"], "--out: expected it without --live, found both"),
        (["acquire", "--live"], "expected --config or one TOML file in this folder, found none"),
        (["watch", "--first", "3"], "expected --config or one TOML file in this folder, found"),
    ],
)
def test_options_of_live_mode(words, sentence, livesim):
    status, said = livesim(*words)
    assert status == USAGE
    assert said.startswith(f"livesim: {sentence}")


def test_old_names_run_but_are_not_listed(capsys):
    group = get_command(app)
    assert group.commands["watch"].hidden
    with pytest.raises(SystemExit):
        group.main(["--help"])
    listed = capsys.readouterr().out
    assert "acquire" in listed
    assert "watch" not in listed
