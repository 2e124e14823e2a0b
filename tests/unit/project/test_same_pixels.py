"""`bench.same_pixels` reports what differs between two checkouts, be it one bit."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import tifffile
import zarr

from bench.same_pixels.__main__ import main
from bench.same_pixels.arrays import PARTS, compare, compare_folders
from bench.same_pixels.checkout import Checkout, CheckoutError

IMAGE = np.random.default_rng(3).normal(size=(2, 6, 5)).astype(np.float32)
LIVESIM = """
import shutil, sys
from pathlib import Path

MADE = Path(__file__).parents[1] / "made"
words = sys.argv
if words[1] == "engine":
    print("listening: frames tcp://f results tcp://r control tcp://c", flush=True)
    shutil.copytree(MADE / "live", "live")
elif "--out" in words:
    out = words[words.index("--out") + 1]
    shutil.copy(MADE / out, out)
"""
"""A command line that has made everything before."""
PATTERN = {"format": "f/1", "angles": [{"phases_rad": [0.25, 2.5], "usable": True}]}


def changed(value, place=(1, 2, 3)):
    other = IMAGE.copy()
    other[place] = value
    return other


def written(folder, image=IMAGE, pattern=PATTERN, clock=1):
    """Write what a checkout makes of a recording."""
    stream = folder / "live" / "stream-001"
    stream.mkdir(parents=True)
    for place in (folder, stream):
        (place / "pattern.json").write_text(json.dumps(pattern))
    for name in ("plain.ome.tif", "default.ome.tif"):
        tifffile.imwrite(folder / name, image)
    for name in ("raw.zarr", "results.ome.zarr"):
        group = zarr.create_group(stream / name)
        group.create_array("0", data=image)
        group.create_array("received_ns", data=np.array([clock]))
    return folder


def unequal(before, after):
    return {part for part, row in compare_folders(before, after).items() if not row["equal"]}


def test_the_same_is_equal():
    found = compare({"image": IMAGE}, {"image": IMAGE.copy()})
    assert not found
    assert str(found) == "equal"


def test_one_changed_pixel_is_counted_and_measured():
    found = compare({"image": changed(1.0)}, {"image": changed(1.5)})
    assert (found.values, found.largest) == (1, 0.5)
    assert str(found) == "differs: 1 values by up to 0.5"


@pytest.mark.parametrize(
    ("before", "after", "largest"),
    [
        (1.0, np.nextafter(np.float32(1.0), np.float32(2.0)), 2.0**-23),
        (0.0, -0.0, 0.0),
        (1.0, np.nan, np.inf),
    ],
)
def test_the_last_bit_counts(before, after, largest):
    found = compare({"image": changed(before)}, {"image": changed(after)})
    assert found
    assert (found.values, found.largest) == (1, largest)


def test_a_pixel_that_is_no_number_in_both_is_equal():
    assert not compare({"image": changed(np.nan)}, {"image": changed(np.nan)})


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ({}, "image only before"),
        ({"image": IMAGE, "more": IMAGE}, "more only after"),
        ({"image": IMAGE[:1]}, "image float32[2, 6, 5] became float32[1, 6, 5]"),
        ({"image": IMAGE.astype(float)}, "image float32[2, 6, 5] became float64[2, 6, 5]"),
    ],
)
def test_other_names_shapes_and_types_differ(after, words):
    assert compare({"image": IMAGE}, after).words == words


def test_clock_times_and_text_may_differ(tmp_path):
    before = written(tmp_path / "before")
    after = written(tmp_path / "after", pattern={**PATTERN, "format": "f/2"}, clock=2)
    assert unequal(before, after) == set()


def test_a_changed_pixel_is_found_in_every_image(tmp_path):
    after = written(tmp_path / "after", image=changed(9.0))
    assert unequal(written(tmp_path / "before"), after) == {
        "plain",
        "default steps",
        "live: raw",
        "live: results",
    }


@pytest.mark.parametrize(
    "angle", [{"phases_rad": [0.25, 2.5000000000000004], "usable": True}, {"phases_rad": [0.25]}]
)
def test_a_changed_number_is_found_in_every_pattern(tmp_path, angle):
    after = written(tmp_path / "after", pattern={**PATTERN, "angles": [angle]})
    assert unequal(written(tmp_path / "before"), after) == {"calibrate", "live: pattern"}


def test_what_neither_made_is_not_the_same(tmp_path):
    rows = compare_folders(tmp_path, tmp_path)
    assert {row["said"] for row in rows.values()} == {"differs: nothing was made"}
    assert rows.keys() == PARTS.keys()


def test_a_folder_without_livesim_is_refused(tmp_path):
    with pytest.raises(CheckoutError, match=r"expected the package .*, found "):
        Checkout(tmp_path).check()


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    (folder / "sim3d").mkdir(parents=True)
    (folder / "some.tif").write_bytes(b"frames")
    (folder / "some.toml").write_text("[optics]")
    return folder


def checkout(folder, image=IMAGE, program=LIVESIM):
    """Commit a checkout whose command line makes `image`."""
    written(folder / "made", image)
    (folder / "livesim").mkdir()
    (folder / "livesim" / "__init__.py").touch()
    (folder / "livesim" / "__main__.py").write_text(program)
    (folder / ".gitignore").write_text("__pycache__")
    git = ["git", "-C", folder, "-c", "user.name=A", "-c", "user.email=a@b.c"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "All"]):
        subprocess.run([*git, *words], check=True)
    return folder


@pytest.fixture
def compared(tmp_path, data, monkeypatch):
    """Return a function that compares two checkouts: the exit status and the results."""

    def run(before, after, *flags):
        out = tmp_path / "results.json"
        words = (before, after, data, "--out", out, "--keep", tmp_path / "kept", *flags)
        monkeypatch.setattr(sys, "argv", ["same_pixels", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, json.loads(out.read_text())

    return run


@pytest.mark.slow
def test_two_checkouts_that_make_the_same(tmp_path, compared):
    before, after = checkout(tmp_path / "before"), checkout(tmp_path / "after")
    status, results = compared(before, after)
    assert status == 0
    assert results["equal"]
    assert list(results["skipped"]) == ["sim3d"]
    assert not results["recordings"]["some"]["kept"][0]


@pytest.mark.slow
def test_what_is_kept_is_made_again_only_when_asked(tmp_path, compared):
    one = checkout(tmp_path / "one")
    compared(one, one)
    assert compared(one, one)[1]["recordings"]["some"]["kept"] == [True, True]
    assert compared(one, one, "--again")[1]["recordings"]["some"]["kept"] == [True, False]


@pytest.mark.slow
def test_two_checkouts_that_differ_in_a_pixel(tmp_path, compared):
    after = checkout(tmp_path / "after", changed(IMAGE[1, 2, 3] + np.float32(0.5)))
    status, results = compared(checkout(tmp_path / "before"), after)
    assert status == 1
    assert results["recordings"]["some"]["plain"]["values"] == 1
    assert results["recordings"]["some"]["calibrate"]["equal"]


@pytest.mark.slow
def test_uncommitted_changes_are_not_kept(tmp_path, compared):
    before, after = checkout(tmp_path / "before"), checkout(tmp_path / "after")
    compared(before, after)
    tifffile.imwrite(after / "made" / "plain.ome.tif", changed(9.0))
    status, results = compared(before, after)
    assert status == 1
    assert results["clean"] == [True, False]


@pytest.mark.slow
def test_a_command_that_fails_is_no_success(tmp_path, compared, capsys):
    after = checkout(tmp_path / "after")
    (after / "made" / "plain.ome.tif").unlink()
    status, results = compared(checkout(tmp_path / "before"), after)
    assert status == 1
    assert results["recordings"]["some"]["plain"]["said"] == "differs: image only before"
    error = capsys.readouterr().err
    assert "expected `livesim restore` to end with 0, found 1: FileNotFoundError" in error


@pytest.mark.slow
def test_a_checkout_that_is_edited_meanwhile_is_not_kept(tmp_path, compared):
    edits = "\n(MADE.parent / 'edited').touch()"
    one = checkout(tmp_path / "one", program=LIVESIM + edits)
    compared(one, one, "--again")
    assert not list((tmp_path / "kept").rglob("made.json"))
