"""What `livesim acquire` asks of the microscope and the disk before it begins."""

from __future__ import annotations

import sys
from collections import namedtuple
from types import SimpleNamespace

import pytest

from livesim.config.settings import SettingsError, parse_settings
from livesim.values.errors import DataError
from livesim_acquisition.hook import acquire as acquire_module
from livesim_acquisition.hook.acquire import acquire
from livesim_acquisition.hook.micromanager import opened_core

OPTICS = {"numerical_aperture": 1.4, "emission_nm": 520.0, "pixel_nm": 80.0}
NOBODY = "tcp://127.0.0.1:9"
Usage = namedtuple("Usage", "total used free")


class Core:
    """As much of a core as is asked before the acquisition."""

    def __init__(self, focus="Z", side=512):
        self._focus, self._side = focus, side

    def is_config_defined(self, group, preset):
        return (group, preset) == ("Channel", "488")

    def get_focus_device(self):
        return self._focus

    def get_image_width(self):
        return self._side

    get_image_height = get_image_width

    def get_bytes_per_pixel(self):
        return 2

    def get_exposure(self):
        return 10.0


def settings(tmp_path, **acquisition):
    own = {"folder": str(tmp_path / "out"), **acquisition}
    return parse_settings({"optics": OPTICS, "acquisition": own}, "test")


@pytest.mark.parametrize(
    ("core", "acquisition", "words"),
    [
        (Core(), {"channels": ["488", "640"]}, "found no preset '640'"),
        (Core(focus=""), {"z_start_um": 0, "z_end_um": 1, "z_step_um": 1}, "a focus drive for z"),
    ],
)
def test_a_microscope_without_what_is_asked_for(tmp_path, core, acquisition, words):
    with pytest.raises(SettingsError, match=words):
        acquire(settings(tmp_path, **acquisition), core, NOBODY)


def test_a_disk_without_room(tmp_path, monkeypatch):
    monkeypatch.setattr(acquire_module.shutil, "disk_usage", lambda folder: Usage(9, 9, 10**9))
    with pytest.raises(DataError, match=r"room for 4.7 GB \(9000 frames.*found 1.0 GB"):
        acquire(settings(tmp_path, time_points=1000), Core(), NOBODY)


@pytest.mark.parametrize(
    ("acquisition", "side", "hook"),
    [
        ({}, 512, "image_process_fn"),
        ({}, 2048, "image_saved_fn"),
        ({"exposure_ms": 100.0}, 2048, "image_process_fn"),
        ({"backend": "simulated"}, 2048, "image_process_fn"),
        ({"stream_from": "disk"}, 64, "image_saved_fn"),
        ({"stream_from": "camera"}, 2048, "image_process_fn"),
    ],
)
def test_frames_too_fast_for_the_bridge_are_taken_from_the_disk(tmp_path, acquisition, side, hook):
    own = settings(tmp_path, **acquisition).acquisition
    sender = SimpleNamespace(offer=None)
    assert list(acquire_module._hooks(own, Core(side=side), sender)) == [hook]


@pytest.mark.parametrize("backend", ["java", "python", "simulated"])
def test_packages_that_are_not_there_are_named(tmp_path, monkeypatch, backend):
    for name in ("mmpycorex", "livesim_acquisition.microscope.camera"):
        monkeypatch.setitem(sys.modules, name, None)
    files = {"system_file": "a.cfg", "adapters": "."} if backend == "python" else {}
    own = settings(tmp_path, backend=backend, **files)
    own = own.model_copy(update={"simulation": None})
    extra = "simulated-camera" if backend == "simulated" else "micromanager"
    words = rf"expected the package .*, found none: .* -m pip install .*\[{extra}\]"
    with pytest.raises(SettingsError, match=words), opened_core(own):
        pass
