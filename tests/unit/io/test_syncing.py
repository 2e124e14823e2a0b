"""What the settings say is synced is synced, and in an order in which nothing can be torn."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from livesim.config.settings import Settings
from livesim.io.pattern_file import write_pattern
from livesim.io.recipe import Recipe
from livesim.io.write import syncing
from livesim.io.write.output_layout import OutputLayout, RawLayout
from livesim.io.write.recorder import RawRecorder
from livesim.io.write.results import open_writer
from livesim.values.frames import RawStack, StackIndex
from livesim.values.pattern import Pattern

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="follows open files by /proc")

SETTINGS = Settings.model_validate({"optics": {"numerical_aperture": 1.4, "emission_nm": 525}})
RECIPE = Recipe(settings=SETTINGS)
RAW = RawLayout(angles=2, phases=3, y=4, x=5, pixel_nm=80.0)


@pytest.mark.parametrize(("system", "mode"), [("linux", "rb"), ("win32", "r+b")])
def test_a_file_is_synced_as_the_system_wants_it_opened(tmp_path, monkeypatch, system, mode):
    """Windows syncs what is open for writing only; elsewhere a file may be one that is read."""
    modes = []
    opened = Path.open
    monkeypatch.setattr(
        Path, "open", lambda path, mode="r": modes.append(mode) or opened(path, mode)
    )
    monkeypatch.setattr(sys, "platform", system)
    (tmp_path / "file").touch()
    syncing.sync_file(tmp_path / "file")
    assert modes == [mode]


class Disk:
    """A disk that holds what was synced: content by file, and names by folder.

    Files are told by their inodes, since they are renamed.
    """

    def __init__(self, monkeypatch):
        self.contents, self.names, self.times = {}, {}, 0
        monkeypatch.setattr(os, "fsync", self.sync)

    def sync(self, number):
        self.times += 1
        found = os.stat(number)
        path = Path(os.readlink(f"/proc/self/fd/{number}"))
        if path.is_dir():
            self.names[found.st_ino] = {one.name: one.stat().st_ino for one in path.iterdir()}
        else:
            self.contents[found.st_ino] = path.read_bytes()

    def holds(self, path, below):
        """Whether a file would be there after a power cut now, as it is now."""
        chain = [path, *path.parents]
        return self.contents.get(path.stat().st_ino) == path.read_bytes() and all(
            self.names.get(one.parent.stat().st_ino, {}).get(one.name) == one.stat().st_ino
            for one in chain[: chain.index(below)]
        )

    def lacks(self, folder, below):
        """Return the files in a folder that would not be there."""
        return [one for one in folder.rglob("*") if one.is_file() and not self.holds(one, below)]


@pytest.fixture
def disk(monkeypatch):
    return Disk(monkeypatch)


def stack(time):
    pixels = np.random.default_rng(time).integers(0, 65536, RAW.shape, dtype=np.uint16)
    return RawStack("test", StackIndex(time=time), pixels, 5.0, last_received_ns=10**18 + time)


@pytest.mark.parametrize("shard", [1, 4])
def test_every_stack_is_on_the_disk_before_it_counts(tmp_path, disk, shard):
    folder = tmp_path / "stream-001"
    folder.mkdir()
    recorder = RawRecorder(folder / "raw.zarr", RAW, RECIPE, shard=shard, sync="stack")
    for time in (0, 1, 63, 64, 70):  # also where the arrays are lengthened
        recorder.write(stack(time))
        assert disk.lacks(folder, tmp_path) == []


def test_the_pixels_are_on_the_disk_before_the_mark_that_vouches_for_them(tmp_path, disk):
    recorder = RawRecorder(tmp_path / "raw.zarr", RAW, RECIPE, sync="stack")
    real, pixels = recorder._stacks._log["written"].put, tmp_path / "raw.zarr.partial" / "raw"
    seen = []

    def put(*values):
        seen.append(disk.lacks(pixels, tmp_path))
        return real(*values)

    recorder._stacks._log["written"].put = put
    recorder.write(stack(0))
    recorder.write(stack(1))
    assert seen == [[], []]


def test_once_a_second_is_once_a_second_also_when_no_stack_comes(tmp_path, disk, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(syncing.time, "monotonic", lambda: now[0])
    recorder = RawRecorder(tmp_path / "raw.zarr", RAW, RECIPE, sync="second")
    begun = disk.times
    now[0] = 0.9
    recorder.write(stack(0))
    recorder.rest()
    assert disk.times == begun
    now[0] = 1.0
    recorder.write(stack(1))
    assert disk.lacks(tmp_path, tmp_path) == []
    recorder.write(stack(2))
    assert disk.lacks(tmp_path, tmp_path)
    now[0] = 2.0
    recorder.rest()
    assert disk.lacks(tmp_path, tmp_path) == []


@pytest.mark.parametrize("sync", ["stack", "second", "close"])
def test_a_closed_recording_is_on_the_disk_with_what_lies_beside_it(tmp_path, disk, sync):
    folder = tmp_path / "stream-001"
    folder.mkdir()
    (folder / "pattern-log.jsonl").write_text("a change\n")
    with RawRecorder(folder / "raw.zarr", RAW, RECIPE, sync=sync) as recorder:
        begun = disk.times
        recorder.write(stack(0))
        assert sync != "close" or disk.times == begun
    assert disk.lacks(folder, tmp_path) == []


@pytest.mark.parametrize("name", ["result.ome.tif", "result.ome.zarr"])
def test_a_result_is_on_the_disk_before_it_has_its_name(name, tmp_path, disk, monkeypatch):
    before = []
    real = Path.replace

    def replace(self, target):
        if Path(target).name == name:
            before.append(disk.lacks(tmp_path, self) if self.is_dir() else self.stat().st_ino)
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with open_writer(tmp_path / name, OutputLayout(y=8, x=8, pixel_nm=40.0), RECIPE) as writer:
        writer.write(StackIndex(), np.ones((8, 8), np.float32))
    assert before == [[]] or before[0] in disk.contents
    assert disk.lacks(tmp_path, tmp_path) == []


def test_a_pattern_is_on_the_disk_before_it_has_its_name(tmp_path, disk, monkeypatch):
    real = Path.replace

    def replace(self, target):
        assert disk.contents[self.stat().st_ino] == self.read_bytes()
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    write_pattern(tmp_path / "pattern.json", Pattern(65.0, (8, 8), ()))
    assert disk.lacks(tmp_path, tmp_path) == []


def test_files_and_folders_are_synced_at_the_same_time(tmp_path, monkeypatch):
    """A disk takes what many ask for together as one, and a recording has thousands."""
    for name in "abcd":
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    all_there = threading.Barrier(9, timeout=60.0)
    monkeypatch.setattr(os, "fsync", lambda _: all_there.wait())
    syncing.sync_tree(tmp_path)
