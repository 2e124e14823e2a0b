"""The picture of docs/use/plugins.md: a layer restored in napari, with its standard deviation.

Run as `xvfb-run -a python -m bench.pictures.napari`, with the extra `napari` installed.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
from PIL import Image

from bench import IMAGES
from livesim.commands.simulate.files import simulate_files
from livesim.config.settings import parse_settings

PICTURE = IMAGES / "napari.png"
SIZE = (1300, 720)
LIMIT_S = 900.0
COLOURS = 128
"""Of the saved picture, which is small then."""
MICROSCOPE = {
    "optics": {"numerical_aperture": 1.4, "emission_nm": 520.0, "pixel_nm": 80.0},
    "camera": {"offset": 100.0, "gain": 2.0, "read_noise": 1.0},
    "simulation": {
        "specimen": ["filaments"],
        "size": [160, 160],
        "peak_photons": 50.0,
        "time_points": 4,
        "seed": 5,
    },
}


def main() -> None:
    """Simulate a recording, restore it in napari as a user does, and keep what the window shows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "cells"
        simulate_files(parse_settings(MICROSCOPE, "picture"), folder)
        (folder / "raw.ome.tif").rename(folder / "cells.ome.tif")
        (folder / "raw.toml").rename(folder / "cells.toml")
        viewer = napari.Viewer()
        viewer.window.resize(*SIZE)
        viewer.open(folder / "cells.ome.tif", plugin="livesim")
        _, widget = viewer.window.add_plugin_dock_widget("livesim", "Restore this layer")
        widget["standard_deviation"].value = True
        widget["restore"].changed.emit(True)
        _wait(lambda: "3 of 4" in widget["words"].value or widget["words"].value == "Done")
        viewer.grid.enabled, viewer.grid.shape = True, (1, 3)
        viewer.dims.set_point(2, 0)
        viewer.reset_view()
        _wait_s(2.0)
        _save(viewer)
        widget["stop"].changed.emit(True)
        _wait(lambda: widget["words"].value in ("Done", "Stopped"))
        print(f"after Stop: {widget['words'].value}, {widget['progress'].value} of 4")
        viewer.close()


def _save(viewer: Any) -> None:
    taken = viewer.screenshot(canvas_only=False, flash=False)
    Image.fromarray(taken).convert("RGB").quantize(COLOURS).save(PICTURE, optimize=True)


def _wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"expected it within {LIMIT_S:g} s")
        _wait_s(0.05)


def _wait_s(seconds: float) -> None:
    """Let napari work for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        napari.qt.get_qapp().processEvents()
        time.sleep(0.01)


if __name__ == "__main__":
    main()
