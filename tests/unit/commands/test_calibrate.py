"""Of several channels the first one is calibrated, with its own settings."""

from __future__ import annotations

import numpy as np
import tifffile

from livesim.commands.calibrate import ONE_CHANNEL, calibrate_files
from livesim.config.settings import parse_settings
from tests.support.scenes import CAMERA, OPTICS, simulate


def test_the_first_channel_is_calibrated_with_its_own_settings(tmp_path, capsys):
    frames = simulate(2, (96, 96), 300.0).counts[0].flatten(0, 1).numpy()
    tifffile.imwrite(tmp_path / "one.tif", frames)
    two = np.stack([frames, frames])[None]
    tifffile.imwrite(tmp_path / "two.ome.tif", two, metadata={"axes": "TCZYX"})
    optics = OPTICS.model_dump(exclude_none=True)
    values = {"optics": optics | {"emission_nm": 610.0}, "camera": CAMERA.model_dump()}
    own = values | {"channels": {"0": {"optics": {"emission_nm": OPTICS.emission_nm}}}}
    one, both = (tmp_path / name for name in ("one.json", "both.json"))
    whole = parse_settings(values | {"optics": optics}, "settings")
    calibrate_files([tmp_path / "one.tif"], whole, one, None, overwrite=False)
    assert ONE_CHANNEL[:30] not in capsys.readouterr().err
    settings = parse_settings(own, "settings")
    calibrate_files([tmp_path / "two.ome.tif"], settings, both, None, overwrite=False)
    assert ONE_CHANNEL[:30] in capsys.readouterr().err
    assert both.read_text() == one.read_text()
