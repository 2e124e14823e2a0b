"""Every fault of a file that microscopes leave: what is whole is read, the rest is said."""

import re
from pathlib import Path

import numpy as np
import pytest

from livesim.config.settings import PatternSettings
from livesim.io.read.open import open_recording
from livesim.values.errors import DataError
from tests.support.reader_faults import CASES
from tests.support.reader_faults.case import FRAMES, REFUSED, cut, in_frame, read_whole
from tests.support.reader_faults.micromanager import micromanager, positions_together, times
from tests.support.reader_faults.ndtiff import by_time, ndtiff
from tests.support.reader_faults.ome_tiff import POSITION_FILES, described_elsewhere, ome_files
from tests.support.reader_faults.tiff import pages


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.format}: {case.fault}")
def test_what_is_whole_is_read_and_the_rest_is_said(case, tmp_path):
    path = case.build(tmp_path)
    if case.outcome == REFUSED:
        with pytest.raises(DataError, match=case.says):
            open_recording(path, case.pattern)
        return
    found, warnings = read_whole(path, case.pattern)
    assert found.keys() == case.stacks.keys(), warnings
    for key, pixels in case.stacks.items():
        assert np.array_equal(found[key], pixels), key
    assert bool(case.says) == bool(warnings), warnings
    assert re.search(case.says, warnings), warnings
    assert "\n" not in warnings


@pytest.mark.parametrize(
    "build",
    [
        ome_files(POSITION_FILES),
        positions_together,
        described_elsewhere("multi_p000.ome.tiff"),
    ],
)
def test_the_other_files_of_a_recording_are_known(build, tmp_path):
    path = build(tmp_path)
    beside = sorted(one for one in path.parent.iterdir() if one != path)
    with open_recording(path, PatternSettings()) as recording:
        assert recording.source == path
        assert recording.file.others == (*beside,)


@pytest.mark.parametrize("way", ["by a link", "from where it lies"])
def test_a_folder_of_several_files_is_one_recording_by_whatever_name(way, tmp_path, monkeypatch):
    folder = tmp_path / "cells"
    folder.mkdir()
    ome_files(POSITION_FILES)(folder)
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "link" if way == "by a link" else Path("cells")
    with open_recording(path, PatternSettings()) as recording:
        assert recording.sizes.position == len(POSITION_FILES)


@pytest.mark.parametrize(
    ("build", "taken"),
    [
        (ndtiff(by_time(end=22)), True),
        (pages(FRAMES[:22]), True),
        (ndtiff(by_time(end=22, lost=[13])), False),
        (ndtiff(by_time(lost=[0])), False),
        (ndtiff(by_time()), False),
        (cut(pages(), in_frame(22)), False),
        (micromanager(FRAMES[:22], times(0, 22), (1, 1, 900, 1)), False),
    ],
)
def test_only_a_file_that_does_not_count_its_frames_is_taken_for_stopped(build, taken, tmp_path):
    with open_recording(build(tmp_path), PatternSettings()) as recording:
        assert recording.is_taken_for_stopped is taken


def test_names_of_cases_are_unique():
    names = [(case.format, case.fault) for case in CASES]
    assert len(set(names)) == len(names)
