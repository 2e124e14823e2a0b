"""The logs of pattern and weights: what is written is read, and replayed where it held."""

from __future__ import annotations

import base64
import json
import sys
import zlib
from dataclasses import replace

import pytest

from livesim.io.logs import (
    append_pattern_changes,
    append_weights_change,
    read_pattern_log,
    read_weights_log,
)
from livesim.values.errors import DataError
from livesim.values.frames import StackIndex
from livesim.values.illumination import (
    ChangeKind,
    Illumination,
    PatternChange,
    illuminations,
    unturned,
)
from livesim.values.pattern import Pattern, PatternAngle
from livesim.values.weights import BandWeights, WeightGrid, WeightsChange

ANGLE = PatternAngle((5.0, 1.0), (0.0, 2.0, 4.0), (0.8,), 20.0, 2.0)
FIRST = Pattern(80.0, (16, 12), (ANGLE, replace(ANGLE, k_cycles_per_um=(1.0, 5.0))), 110.0)
SECOND = replace(FIRST, angles=(ANGLE, replace(FIRST.angles[1], usable=False)))


def history():
    first = unturned(FIRST)
    turned = Illumination(FIRST, (0.1 + 0.2, 0.0))
    other = Illumination(SECOND, (1e-17, -3.0))
    return (
        PatternChange(StackIndex(time=3), 30, ChangeKind.DRIFT, 0, "drifted", first, turned),
        PatternChange(StackIndex(time=3), 30, ChangeKind.LOST, 1, "no fringes", turned, turned),
        PatternChange(StackIndex(time=7), 70, ChangeKind.LOST, 1, "no fringes", turned, other),
    )


def test_what_is_written_is_read_to_the_last_bit(tmp_path):
    path = tmp_path / "pattern-log.jsonl"
    append_pattern_changes(path, history()[:1])
    append_pattern_changes(path, history()[1:])
    assert read_pattern_log(path, FIRST) == history()
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert lines[0] == {"format": "livesim-pattern-log/1"}
    assert [line["kind"] for line in lines[1:]] == ["drift", "lost", "lost"]
    assert lines[1]["old"] == {"turns_rad": [0.0, 0.0]}
    assert lines[3]["new"]["pattern"]["angles"][1]["usable"] is False
    assert lines[3]["when"] == "1970-01-01T00:00:00.000+00:00"


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files, as a full disk does")
@pytest.mark.parametrize("room", [0, 20, 100, 900])
def test_what_does_not_fit_on_the_disk_leaves_no_part_of_a_line(tmp_path, room):
    import resource  # not there on Windows

    path = tmp_path / "pattern-log.jsonl"
    if room > 100:
        append_pattern_changes(path, history()[:1])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            append_pattern_changes(path, history())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.exists() == (room > 100)
    kept = read_pattern_log(path, FIRST) if path.exists() else ()
    append_pattern_changes(path, history()[len(kept) :])
    assert read_pattern_log(path, FIRST) == history()


def test_a_pattern_that_did_not_change_stays_the_same_object(tmp_path):
    path = tmp_path / "log.jsonl"
    append_pattern_changes(path, history())
    changes = read_pattern_log(path, FIRST)
    assert changes[1].new.pattern is FIRST
    assert changes[2].old.pattern is FIRST


def test_a_line_that_a_crash_cut_off_is_passed_over(tmp_path):
    path = tmp_path / "log.jsonl"
    append_pattern_changes(path, history())
    path.write_text(path.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    assert read_pattern_log(path, FIRST) == history()[:2]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (0, "line 1: format: expected 'livesim-pattern-log/1', found 'other'"),
        (1, "line 2: expected the key 'stack', found none"),
        (2, "line 3: expected JSON"),
        (3, "line 4: expected 2 turns_rad, one per angle, found 1"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, line, words):
    path = tmp_path / "log.jsonl"
    append_pattern_changes(path, history())
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[line] = _spoiled(lines[line], line)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_pattern_log(path, FIRST)
    assert f"{path}, {words}" in str(caught.value)


def _spoiled(text, line):
    if line == 2:
        return "{"
    document = json.loads(text)
    if line == 0:
        document["format"] = "other"
    elif line == 1:
        del document["stack"]
    else:
        document["new"]["turns_rad"] = [0.0]
    return json.dumps(document)


@pytest.mark.parametrize("text", ["", "no newline"])
def test_an_empty_log_is_no_log(tmp_path, text):
    path = tmp_path / "log.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="expected JSON"):
        read_pattern_log(path, FIRST)


def test_a_log_that_is_missing_is_said(tmp_path):
    with pytest.raises(DataError, match="expected a readable log"):
        read_pattern_log(tmp_path / "none.jsonl", FIRST)


def test_a_change_holds_from_its_stack_on():
    indices = [StackIndex(time=number) for number in (0, 3, 4, 7, 8)]
    lights = [light for _, light in illuminations(indices, FIRST, history())]
    first, turned, other = unturned(FIRST), history()[0].new, history()[2].new
    assert lights == [first, turned, turned, other, other]


def test_a_change_whose_stack_is_missing_holds_with_the_next():
    indices = [StackIndex(time=number) for number in (2, 4, 7)]
    lights = [light for _, light in illuminations(indices, FIRST, history())]
    assert lights == [unturned(FIRST), unturned(FIRST), history()[2].new]


WEIGHTS = BandWeights((WeightGrid((2, 3), bytes(range(250, 256))), WeightGrid((1, 1), b"\x07")))


def weights_history():
    return (
        WeightsChange(StackIndex(time=0), 10, None),
        WeightsChange(StackIndex(time=4, channel=1), 40, WEIGHTS),
        WeightsChange(StackIndex(time=9, channel=1), 90, None),
    )


def test_weights_are_read_number_by_number(tmp_path):
    path = tmp_path / "weights-log.jsonl"
    for change in weights_history():
        append_weights_change(path, change)
    assert read_weights_log(path) == weights_history()
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert lines[0] == {"format": "livesim-weights-log/1"}
    assert lines[1]["weights"] is None
    assert lines[2]["weights"][0]["shape"] == [2, 3]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"shape": [2, 3], "deflated": "!"}, "expected deflated numbers in base64"),
        ({"shape": [2, 3], "deflated": "QUJD"}, "expected deflated numbers in base64"),
        ({"shape": [2, 0], "deflated": "eJwDAAAAAAE="}, "greater than or equal to 1"),
        ({"shape": [2, 3], "deflated": "eJwDAAAAAAE="}, "expected 2 x 3 weights, found 0"),
        (
            {"shape": [1, 1], "deflated": base64.b64encode(zlib.compress(bytes(10**6))).decode()},
            "expected 1 x 1 weights, found 2",
        ),
        ({"shape": [2, 3]}, "deflated"),
        (7, "expected keys with values"),
    ],
)
def test_weights_that_are_none_are_said_with_their_line(tmp_path, value, words):
    path = tmp_path / "weights-log.jsonl"
    append_weights_change(path, weights_history()[0])
    line = {"stack": {"time": 1}, "received_ns": 1, "weights": [value]}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    with pytest.raises(DataError) as found:
        read_weights_log(path)
    assert "line 3" in str(found.value)
    assert words in str(found.value)
