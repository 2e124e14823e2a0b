"""Which TOML file belongs to a recording, and what Windows' editors make of one."""

from pathlib import Path

import pytest

from livesim.commands.restore.command import targets
from livesim.config.settings import SettingsError, load_settings
from livesim.io.recording_files import bare_name
from livesim.io.settings_beside import settings_for

TOML = "[optics]\nnumerical_aperture = 1.4\nemission_nm = {}\n"


def write(path, emission):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TOML.format(emission))


@pytest.mark.parametrize(
    ("raw", "files", "emission"),
    [
        ("cells_0.5.tif", {"cells_0.5.toml": 500, "cells_0.toml": 600}, 500),
        ("cells_0.5.ome.tif", {"cells_0.5.ome.toml": 500, "cells_0.5.toml": 600}, 500),
        ("cells_0.5.ome.tif", {"cells_0.5.toml": 500, "other.toml": 600}, 500),
        ("cells.ome.zarr", {"cells.toml": 500, "other.toml": 600}, 500),
        ("cells_1.25_488.dv", {"only.toml": 500}, 500),
        ("folder", {"folder.toml": 500, "other.toml": 600}, 500),
    ],
)
def test_the_longest_name_wins(raw, files, emission, tmp_path):
    for name, own in files.items():
        write(tmp_path / name, own)
    (tmp_path / raw).touch()
    assert settings_for(tmp_path / raw, None).optics.emission_nm == emission


def test_several_others_are_named(tmp_path):
    for name in ("a.toml", "b.toml"):
        write(tmp_path / name, 500)
    (tmp_path / "cells_0.5.tif").touch()
    with pytest.raises(
        SettingsError, match=r"expected cells_0.5.toml, cells_0.toml or one .* found a.toml, b.toml"
    ):
        settings_for(tmp_path / "cells_0.5.tif", None)


def test_a_link_finds_the_settings_beside_its_target(tmp_path):
    write(tmp_path / "data" / "cells.toml", 500)
    (tmp_path / "data" / "cells.tif").touch()
    link = tmp_path / "today" / "link.tif"
    link.parent.mkdir()
    link.symlink_to(tmp_path / "data" / "cells.tif")
    assert settings_for(link, None).optics.emission_nm == 500
    write(link.with_name("other.toml"), 550)  # of another recording
    assert settings_for(link, None).optics.emission_nm == 500
    write(link.with_suffix(".toml"), 600)
    assert settings_for(link, None).optics.emission_nm == 600


@pytest.mark.parametrize(
    ("raw", "bare"),
    [
        ("cells_0.5.tif", "cells_0.5"),
        ("cells.ome.tif", "cells"),
        ("cells_0.5.OME.TIFF", "cells_0.5"),
        ("raw.zarr.partial", "raw"),
        ("scan_1", "scan_1"),
        ("a.b.dv", "a.b"),
    ],
)
def test_the_name_of_a_recording_keeps_its_dots(raw, bare):
    assert bare_name(Path(raw)) == bare


def test_results_of_names_with_dots_are_different_files():
    both = targets([Path("cells_0.5.tif"), Path("cells_0.6.tif")], None)
    assert [path.name for path in both] == [
        "cells_0.5.restored.ome.tif",
        "cells_0.6.restored.ome.tif",
    ]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_mark_in_front_of_utf_8_is_no_part_of_it(newline, tmp_path):
    path = tmp_path / "microscope.toml"
    path.write_bytes(b"\xef\xbb\xbf" + TOML.format(500).replace("\n", newline).encode())
    assert load_settings(path).optics.emission_nm == 500


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_gets_its_sentence(encoding, tmp_path):
    path = tmp_path / "microscope.toml"
    path.write_bytes(
        ("\ufeff" if encoding.endswith("be") else "").encode(encoding)
        + TOML.format(500).encode(encoding)
    )
    with pytest.raises(SettingsError, match="expected TOML in UTF-8, found UTF-16; save it as"):
        load_settings(path)
