"""What `livesim restore` says of the networks' work: printed, and in the recipe."""

from pathlib import Path

import pytest
import tifffile

from livesim.commands.restore.command import restore_file
from livesim.commands.restore.trust import spread
from livesim.config.settings import Settings, Steps
from livesim.io.write.results import read_recipe
from livesim.values.frames import StackIndex
from tests.support.scenes import PLAIN, simulate

WRONG = Path(__file__).parents[2] / "weights" / "filaments-two.safetensors"


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    scene = simulate(4, (96, 96), peak=60.0, times=2)
    path = tmp_path_factory.mktemp("raw") / "cells.tif"
    frames = scene.counts.flatten(0, 2).numpy()
    tifffile.imwrite(path, frames, imagej=False)
    return path, scene


def restored(recording, folder, steps):
    path, scene = recording
    settings = Settings(
        optics=scene.optics,
        camera=scene.camera,
        pattern=scene.settings.model_copy(update={"order": ("phase", "angle", "time")}),
        steps=steps,
    )
    out = folder / "out.ome.tif"
    restore_file(path, settings, None, out, overwrite=False)
    return read_recipe(out).trust


def test_the_verdict_is_printed_and_kept(recording, tmp_path, capsys):
    kept = restored(recording, tmp_path, Steps())
    said = capsys.readouterr().err
    assert len(kept) == 2
    assert kept[0].startswith("time 0: trusted: the photons do not contradict it")
    assert kept[1].startswith("time 1: ")
    assert "trusted\n  the photons do not contradict it" in said


def test_without_networks_nothing_is_said(recording, tmp_path, capsys):
    assert restored(recording, tmp_path, PLAIN) == ()
    assert "networks, time" not in capsys.readouterr().err


def test_a_wrong_network_is_named_with_what_to_do(recording, tmp_path, capsys):
    """Filaments it knows, but not when the brightness lies outside of its training."""
    path, scene = recording
    gain = scene.camera.model_copy(update={"gain": 0.01})
    faint = (path, type(scene)(**{**scene.__dict__, "camera": gain}))
    kept = restored(faint, tmp_path, Steps(one="none", two=str(WRONG)))
    assert kept[0].split(": ")[1] in ("look", "do not trust")
    assert "is [camera] gain right?" in kept[0]
    assert "plain reconstruction" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("count", "times"), [(0, []), (1, [0]), (2, [0, 1]), (3, [0, 1, 2]), (101, [0, 50, 100])]
)
def test_raw_stacks_are_spread_over_the_recording(count, times):
    indices = tuple(StackIndex(time=n) for n in range(count))
    assert [one.time for one in spread(indices)] == times
