"""Which GPU restores which channel."""

from types import SimpleNamespace

import pytest
import torch

from livesim.commands.restore import channels
from livesim.commands.restore.channels import restored_channels
from livesim.commands.restore.command import RestoreRequest
from livesim.commands.restore.volumes import restore_volumes
from livesim.config.settings import Settings, SettingsError
from livesim.values.frames import StackIndex
from tests.support.scenes import CAMERA, OPTICS, PLAIN

GPUS = (torch.device("cuda", 0), torch.device("cuda", 1))
SETTINGS = Settings(optics=OPTICS, camera=CAMERA, steps=PLAIN)
RECORDING = SimpleNamespace(indices=[StackIndex(channel=number) for number in (0, 1, 3)])


@pytest.fixture
def taken(monkeypatch):
    """The device of each channel, of a machine with two GPUs."""
    taken = {}

    def channel(raw, recording, settings, pattern_file, number, device, known, lanes):
        taken[number] = device

    monkeypatch.setattr(channels, "_channel", channel)
    monkeypatch.setattr(channels, "devices", lambda: GPUS)
    return taken


def test_channels_take_every_gpu_in_turn(taken, tmp_path):
    restored_channels(tmp_path, RECORDING, SETTINGS, None, live=False)
    assert taken == {0: GPUS[0], 1: GPUS[1], 3: GPUS[0]}


def test_a_device_that_is_asked_for_is_that_of_all_channels(taken, tmp_path):
    restored_channels(tmp_path, RECORDING, SETTINGS, None, live=False, device="cpu")
    assert set(taken.values()) == {torch.device("cpu")}
    with pytest.raises(SettingsError, match=r"expected one of [0-9]+ GPU\(s\), found 'cuda:99'"):
        restored_channels(tmp_path, RECORDING, SETTINGS, None, live=False, device="cuda:99")


def test_volumes_are_not_made_on_a_gpu_that_is_not_there(tmp_path):
    asked = RestoreRequest(
        tmp_path / "raw.tif", SETTINGS, None, tmp_path / "out.ome.tif", device="cuda:99"
    )
    with pytest.raises(SettingsError, match=r"expected one of [0-9]+ GPU\(s\), found 'cuda:99'"):
        restore_volumes(asked)
