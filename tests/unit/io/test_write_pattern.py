import json
import math

import pytest

from livesim.io.pattern_file import pattern_from_json, pattern_to_json, read_pattern, write_pattern
from livesim.values.errors import DataError
from livesim.values.pattern import OtfDamping, Pattern, PatternAngle

ANGLE = PatternAngle((3.0, -4.0), (0.0, 2.1, 4.2), (0.8,), peak_to_noise=31.0, mcnr=7.2)
PATTERN = Pattern(86.7, (512, 256), (ANGLE, ANGLE), 97.0, ("one angle is weak",))


def document(**changes):
    return pattern_to_json(PATTERN) | changes


def angle_document(**changes):
    return document(angles=[pattern_to_json(PATTERN)["angles"][0] | changes])


def test_the_json_is_the_contract():
    assert json.loads(json.dumps(pattern_to_json(PATTERN))) == {
        "format": "livesim-pattern/1",
        "pixel_nm": 86.7,
        "shape": [512, 256],
        "angles": 2
        * [
            {
                "k_cycles_per_um": [3.0, -4.0],
                "phases_rad": [0.0, 2.1, 4.2],
                "modulation": [0.8],
                "peak_to_noise": 31.0,
                "mcnr": 7.2,
                "usable": True,
            }
        ],
        "attainable_resolution_nm": 97.0,
        "warnings": ["one angle is weak"],
    }


@pytest.mark.parametrize(
    "pattern",
    [
        PATTERN,
        Pattern(65.0, (8, 9), (PatternAngle((0.0, 5.0), (0.0, 1.0, 2.0), (0.5, 0.2)),), 90.0),
        Pattern(
            65.0,
            (8, 9),
            (PatternAngle((1.0, 5.0), (0.1,) * 7, (0.5,), 3.0, 2.0, False, (1.1,) * 7),) * 3,
            90.0,
            layout="hexagonal",
        ),
        Pattern(65.0, (8, 9), (ANGLE,), 90.0, otf_damping=OtfDamping(0.17, 0.01)),
    ],
    ids=["3 phases", "3D, of unknown quality", "hexagonal, with intensities", "with its OTF"],
)
def test_what_is_written_is_read(tmp_path, pattern):
    path = tmp_path / "pattern.json"
    write_pattern(path, pattern)
    assert read_pattern(path) == pattern
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_what_is_not_finite_is_null(value):
    angle = PatternAngle((3.0, 4.0), (0.0, 2.0, 4.0), (0.8,), peak_to_noise=value, mcnr=value)
    written = pattern_to_json(Pattern(86.7, (8, 8), (angle,)))
    assert written["angles"][0]["peak_to_noise"] is None
    assert written["angles"][0]["mcnr"] is None
    assert written["attainable_resolution_nm"] is None
    read = pattern_from_json(written)
    assert read.angles[0].peak_to_noise == math.inf
    assert math.isnan(read.attainable_resolution_nm)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (document(pixel=3), "unknown key 'pixel'; the nearest known key is 'pixel_nm'"),
        (
            angle_document(phase=[0.0]),
            r"key 'angles\.0\.phase'; .* is 'phases_rad'",
        ),
        (document(format="livesim-pattern/2"), "livesim-pattern/1"),
        (document(pixel_nm=-86.7), "pixel_nm: .*greater than 0, found -86.7"),
        (document(pixel_nm="86.7"), "pixel_nm: .*number, found '86.7'"),
        (document(shape=[512]), "shape"),
        (document(angles=[]), "angles: .*at least 1 item"),
        (angle_document(modulation=[math.nan]), r"modulation\.0: .*finite number"),
        (angle_document(k_cycles_per_um=[-3.0, 4.0]), "expected k to point to x >= 0"),
        (angle_document(k_cycles_per_um=[0.0, 0.0]), r"expected .*other than \(0, 0\)"),
        (angle_document(intensity=[1.0]), "expected 3 intensities"),
        (
            document(angles=[*document()["angles"], angle_document(phases_rad=[0.0])["angles"][0]]),
            "as many phases and harmonics in every angle",
        ),
    ],
)
def test_a_wrong_pattern_is_one_sentence(values, expected):
    with pytest.raises(DataError, match=f"^P.json: (.|\\n)*{expected}"):
        pattern_from_json(values, "P.json")


def test_a_missing_key_is_named():
    values = document()
    del values["shape"]
    with pytest.raises(DataError, match="expected the key 'shape', found none"):
        pattern_from_json(values)


@pytest.mark.parametrize("content", [b"not json", b"\xff\xfe", None])
def test_an_unreadable_file_is_named(tmp_path, content):
    path = tmp_path / "pattern.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"pattern\.json: expected"):
        read_pattern(path)


def test_an_existing_file_is_kept(tmp_path):
    path = tmp_path / "pattern.json"
    path.write_text("mine")
    with pytest.raises(DataError, match="exists already"):
        write_pattern(path, PATTERN)
    assert path.read_text() == "mine"
    write_pattern(path, PATTERN, overwrite=True)
    assert read_pattern(path) == PATTERN


@pytest.mark.parametrize("damping", [{"value": 1.2, "error": 0.1}, {"value": 0.2, "error": 0.0}])
def test_a_damping_that_no_otf_has_is_refused(damping):
    with pytest.raises(DataError, match="otf_damping"):
        pattern_from_json(document(otf_damping=damping))
