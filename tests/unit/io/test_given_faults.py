"""The files with faults that lie beside the real recordings, each with what is right of it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from livesim.commands.calibrate import spread_stacks
from livesim.io.otf import otf_profile
from livesim.io.read.open import open_recording
from livesim.io.settings_beside import settings_for
from livesim.pipeline.calibration import calibrate
from tests.conftest import DATA

FOLDER = Path(os.environ.get(DATA) or ".").parent / "faults"
FIRST, OTHER = 34_079_379, 107_813_210
"""Sums of all counts of the first raw stack, and of that of the second position."""
SECOND, THIRD = 34_085_210, 34_099_503
EARLY = "it was stopped early, or other files of it are not in the folder"
READ = {
    "01-multi-file-ome/multi_p000.ome.tiff": ([FIRST, OTHER], ()),
    "01-multi-file-ome/multi_p001.ome.tiff": ([FIRST, OTHER], ()),
    "02-named-positions.ome.zarr": ([FIRST, OTHER], ()),
    "03-plate.ome.zarr": ([FIRST, OTHER], ()),
    "20-micro-manager/alone/pos_1_MMStack_Pos1.ome.tif": (
        [OTHER],
        (f"expected 18 frames as the acquisition was planned, found 9: {EARLY}",),
    ),
    "20-micro-manager/display_1_MMStack_Pos0.ome.tif": ([FIRST, SECOND, THIRD], ()),
    "20-micro-manager/stopped_1_MMStack_Pos0.ome.tif": (
        [FIRST, SECOND, THIRD],
        (f"expected 900 frames as the acquisition was planned, found 27: {EARLY}",),
    ),
    "30-ndtiff-hole": (
        [FIRST, THIRD],
        (
            "expected 9 frames in each of 3 raw stacks, found 8 at time 1 "
            "(without angle 1, phase 1); the 2 whole ones are used",
        ),
    ),
    "60-stopped.ome.zarr": (
        [FIRST, SECOND],
        (
            "expected 9 frames in each of 10 raw stacks, found 4 at time 2 and none in 7 others; "
            "the 2 whole ones are used",
        ),
    ),
    "lzw.tif": ([FIRST], ()),
}
WARM = {"51-warm-pixel": (332.5, 0.86), "51-twelve-warm": (None, 0.80)}
"""Line spacing in nm of the angle that was lost, where one is known, and its modulation."""

if FOLDER.is_dir():  # they come with the recordings, or not at all

    @pytest.mark.recordings
    @pytest.mark.parametrize("name", READ)
    def test_every_frame_is_where_it_belongs_and_what_is_missing_is_said(name):
        sums, said = READ[name]
        path = FOLDER / name
        with open_recording(path, settings_for(path, FOLDER / "base.toml", []).pattern) as found:
            stacks = [found.stack(index).pixels for index in found.indices]
            assert found.warnings == tuple(f"{path}: {words}" for words in said)
        assert [int(stack.sum(dtype=np.int64)) for stack in stacks] == sums

    @pytest.mark.recordings
    @pytest.mark.parametrize("opened", ["multi_p000.ome.tiff", "multi_p001.ome.tiff"])
    def test_every_position_of_several_files_has_its_own_pixels(opened):
        path = FOLDER / "01-multi-file-ome" / opened
        truth = np.load(path.with_name("truth.npy"))
        with open_recording(path, settings_for(path, FOLDER / "base.toml", []).pattern) as found:
            stacks = np.stack([found.stack(index).pixels for index in found.indices])
        np.testing.assert_array_equal(stacks.reshape(truth.shape), truth)

    @pytest.mark.recordings
    @pytest.mark.parametrize("name", WARM)
    def test_warm_pixels_are_found_and_take_no_angle(name):
        spacing, modulation = WARM[name]
        path = FOLDER / f"{name}.tif"
        settings = settings_for(path, None, [])
        with open_recording(path, settings.pattern) as recording:
            stacks = spread_stacks(recording, None, 0)
            found = calibrate(stacks, settings, otf_profile(settings))
        warm = 12 if "twelve" in name else 1
        brightest = np.argsort(stacks[0].pixels.sum(axis=(0, 1)), axis=None)[-warm:]
        planted = np.unravel_index(brightest, found.shape)
        assert set(zip(*planted, strict=True)) <= set(found.defects)
        assert len(found.defects) <= warm + 1  # real frames have a warm pixel of their own
        assert all(angle.usable for angle in found.angles)
        spacings = [1000 / np.hypot(*angle.k_cycles_per_um) for angle in found.angles]
        suits = [spacing is None or abs(one - spacing) < 0.5 for one in spacings]
        suiting = [one for one, good in zip(found.angles, suits, strict=True) if good]
        assert suiting
        # The stated modulations are those with an assumed OTF; here it is found from the frames.
        assert max(abs(one.modulation[0] - modulation) for one in suiting) < 0.1
