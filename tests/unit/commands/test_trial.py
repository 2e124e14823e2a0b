"""What a stranger's file may do to the machine that restores it: nothing, in a sentence."""

from __future__ import annotations

import io
import json
import struct
import zipfile

import numpy as np
import pytest
import tifffile

from livesim.commands.trial import answer_of, damage_lines, read_settings
from livesim.config.settings import PatternSettings, SettingsError
from livesim.io.read.open import open_recording
from livesim_gui.browser.upload import RECORDING, SETTINGS

OPTICS = "[optics]\nnumerical_aperture = 1.4\nemission_nm = 520.0\npixel_nm = 80.0\n"
VOLUMES = "[volumes]\nplanes = 5\n[pattern]\nphases = 5\nharmonics = 2\n"
HUGE = 1 << 31


def refused(folder, recording, settings=OPTICS):
    """Return why a recording is refused."""
    (folder / RECORDING).write_bytes(recording)
    (folder / SETTINGS).write_text(settings, encoding="utf-8")
    message = answer_of(folder)
    header = json.loads(message[4 : 4 + struct.unpack("<I", message[:4])[0]])
    assert set(header) == {"refused", "bytes"}, "expected a refusal, found images"
    return header["refused"]


def tiff(height, width):
    """Return a TIFF of one strip that states a size, whatever it holds."""
    pixels = b"\0" * 16
    tags = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 16),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 4, height),
        (279, 4, len(pixels)),
    ]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    start = 8 + len(pixels)
    ifd = struct.pack("<H", len(tags)) + entries + b"\0\0\0\0"
    return b"II*\0" + struct.pack("<I", start) + pixels + ifd


def written(frames, **more):
    file = io.BytesIO()
    tifffile.imwrite(file, frames, photometric="minisblack", **more)
    return file.getvalue()


def zipped():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../frames.tif", b"\0" * (16 << 20))
    return file.getvalue()


@pytest.mark.parametrize(
    ("recording", "words"),
    [
        (tiff(HUGE, HUGE), "2147483648 x 2147483648"),
        (tiff(HUGE, 1), "found"),
        (tiff(0, 0), "found"),
        (tiff(4096, 4096), "found"),
        (written(np.zeros((9, 8, 1 << 20), np.uint16)), "at most 4194304 pixels on this page"),
        (zipped(), "found a file that begins with b'PK"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 400, "found a file that begins with"),
        (b"#!/bin/sh\nrm -rf /\n", "found a file that begins with"),
        (b"II*\0", "found"),
        (b"II*\0" + b"\xff" * 400, "found"),
        (b"\0" * 2000, "found a file that begins with"),
        (written(np.zeros((9, 64, 64), np.float64)), "found"),
        (written(np.zeros((4, 64, 64), np.uint16)), "expected"),
        (written(np.zeros((9, 64, 64), np.uint16)), "expected"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_files_that_are_refused(tmp_path, recording, words):
    said = refused(tmp_path, recording)
    assert words in said
    assert str(tmp_path) not in said, "nobody learns where it lay"


@pytest.mark.parametrize(
    "settings",
    [
        OPTICS.replace("80.0", "1e-300"),
        OPTICS.replace("80.0", "1e300"),
        OPTICS.replace("520.0", "1e-300"),
        OPTICS + "[pattern]\nexpected_period_nm = 1e-300\n",
        OPTICS + "[camera]\ngain = 1e-300\n",
        OPTICS + "[camera]\noffset = 1e300\n",
    ],
)
def test_numbers_of_no_microscope_are_refused_in_a_sentence(tmp_path, settings):
    pixels = np.random.default_rng(0).integers(0, 1000, (9, 64, 64), np.uint16)
    assert "expected" in refused(tmp_path, written(pixels), settings)


def test_what_is_cut_off_is_said_of_a_recording_that_can_be_restored(tmp_path):
    whole = written(np.ones((18, 64, 64), np.uint16))
    (tmp_path / RECORDING).write_bytes(whole[: len(whole) - 8192 * 3])
    recording = open_recording(tmp_path / RECORDING, PatternSettings())
    (line,) = damage_lines(recording)
    recording.file.close()
    assert "found 15" in line["words"]
    assert str(tmp_path) not in line["words"]


OME = """<?xml version="1.0" encoding="UTF-8"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{own}">{inside}</OME>
"""
PIXELS = """<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16"
 SizeX="64" SizeY="64" SizeZ="1" SizeC="1" SizeT="9"><TiffData IFD="0" PlaneCount="9">
<UUID FileName="{name}">urn:uuid:{of}</UUID></TiffData></Pixels></Image>"""
SECRET, OWN = "1" * 32, "2" * 32


def ome_tiff(xml):
    pixels = np.random.default_rng(0).integers(0, 1000, (9, 64, 64), np.uint16)
    return written(pixels, description=xml.strip(), metadata=None)


@pytest.mark.parametrize("absolute", [True, False])
def test_a_file_that_names_another_one_does_not_show_it(tmp_path, absolute):
    folder = tmp_path / "dropped"
    folder.mkdir()
    secret = tmp_path / "secret.ome.tif"
    named = PIXELS.format(name=secret.name, of=SECRET)
    secret.write_bytes(ome_tiff(OME.format(own=SECRET, inside=named)))
    name = str(secret) if absolute else "../secret.ome.tif"
    elsewhere = OME.format(own=OWN, inside=PIXELS.format(name=name, of=SECRET))
    said = refused(folder, ome_tiff(elsewhere))
    assert "expected one file, found one that names others" in said
    described = OME.format(own=OWN, inside=f'<BinaryOnly MetadataFile="{name}" UUID="x"/>')
    assert "expected one file, found one that names others" in refused(folder, ome_tiff(described))
    assert "found OME-TIFF's companion files" in refused(folder, elsewhere.encode())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            '[optics]\nnumerical_aperture = 1.4\nemission_nm = 520.0\notf_file = "/etc/passwd"',
            "otf",
        ),
        (OPTICS + '[camera]\nmap = "../map.tif"', "camera.map"),
        (OPTICS + '[steps]\none = "/root/model.safetensors"', "steps.one"),
        (OPTICS + '[steps]\ntwo = "../model"', "steps.two"),
        (OPTICS + '[channels.1.optics]\notf_file = "x.tif"', "otf_file"),
        (OPTICS + '[channels.1.steps]\none = "x"', "steps.one"),
        (OPTICS + '[steps]\nall = "/etc/passwd"', "steps.all"),
        (OPTICS + '[steps]\nall = "quick"', "steps.all"),  # ships for step two alone
        (OPTICS + '[channels.1.steps]\nall = "../x"', "steps.all"),
        (VOLUMES + '[optics]\notf_file = "x\\u0000"' + OPTICS.removeprefix("[optics]"), "otf_file"),
        (VOLUMES + OPTICS + '[steps]\nall = "ml-sim"', "expected no network in steps.all"),
        ("", "expected"),
        ("[optics", "expected TOML"),
        ("x = " + "[" * 10_000, "endless brackets"),
        (OPTICS + "apperture = 3", "nearest known key"),
    ],
)
def test_settings_that_are_refused(tmp_path, settings, words):
    file = tmp_path / SETTINGS
    file.write_text(settings, encoding="utf-8")
    with pytest.raises(SettingsError, match=words):
        read_settings(file)


def test_settings_that_are_none(tmp_path):
    with pytest.raises(SettingsError, match="found none"):
        read_settings(tmp_path / SETTINGS)
    (tmp_path / SETTINGS).write_bytes(b"\xff\xfe\0")
    with pytest.raises(SettingsError, match="UTF-8"):
        read_settings(tmp_path / SETTINGS)


def test_what_has_no_part_in_restoring_is_left_out(tmp_path):
    """A file of a microscope names its system files: they are not looked for here."""
    more = '[acquisition]\nsystem_file = "C:/MMConfig.cfg"\n[simulation]\n'
    (tmp_path / SETTINGS).write_text(OPTICS + more, encoding="utf-8")
    assert read_settings(tmp_path / SETTINGS).optics.pixel_nm == 80.0
