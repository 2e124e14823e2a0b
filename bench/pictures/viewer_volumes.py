"""The pictures of volumes in the viewer for docs/use/volumes.md, of a simulated stream.

Run as `xvfb-run -a -s "-screen 0 1920x1080x24" python -m bench.pictures.viewer_volumes`.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from bench import IMAGES
from livesim.commands.simulate.command import SIMULATIONS
from livesim.config.settings import Settings, load_settings
from livesim.engine.seams import Reconstructed
from livesim.pipeline.volume.pipeline import VolumePipeline
from livesim.processes.viewer_children import Children
from livesim.values.clock import steady_ns
from livesim.values.frames import RawStack, StackIndex
from livesim.values.results import Result
from livesim.wire.messages import StreamStart, TrustMaps
from livesim_acquisition.microscope.volume_microscope import VolumeMicroscope
from livesim_gui.backend import make_backend
from livesim_gui.state.picture.cut import Kind
from livesim_gui.state.picture.stages import PLAIN, RESTORED
from livesim_gui.state.stream.feed import Feed
from livesim_gui.state.viewer import Viewer
from livesim_gui.window import Window

SIZE, PLANES = 96, 16
WINDOW = (1000, 640)
DIM_PHOTONS = 60.0
"""Of the volume that a network restores."""
NOW_S = 1.0
KINDS = (Kind.XY, Kind.XZ, Kind.BRIGHTEST)
POINTED = (48.0, 40.0)
FILLED = 10
"""Planes of the second volume that have come in the picture of a preview."""


def main() -> None:
    """Make the pictures into docs/images, or into the folder that is named."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    app = QApplication(["pictures"])
    settings = _settings()
    results = _results(settings)
    with tempfile.TemporaryDirectory() as temporary:
        feed = Feed()
        feed.begin("tcp://127.0.0.1:1")
        backend, remembered = make_backend(feed, Children()), Path(temporary) / "viewer.ini"
        window = Window(Viewer(feed), backend, remembered, clock=lambda: NOW_S)
        window.resize(*WINDOW)
        window.show()
        values = settings.model_dump(mode="json")
        feed.take(1, StreamStart(stream="s", source="a thick cell", settings=values), 0.0)
        for one in results:
            if one.index.time == 0 and not one.is_preview:
                feed.take(1, one, NOW_S)
        for kind in KINDS:
            window.viewer.point_at(*POINTED)
            window.viewer.choose_cut(kind)
            _shot(app, window, folder / f"viewer-volume-{kind.name.lower()}.png")
        window.viewer.choose_cut(Kind.XY)
        window.viewer.choose_place("z", FILLED - 1)
        for one in results:
            if one.index.time == 1 and one.is_preview and one.index.z < FILLED:
                feed.take(1, one, NOW_S)
        _shot(app, window, folder / "viewer-volume-preview.png")
        _shot_network(app, window, feed, folder)
        window.close()


def _shot_network(app: QApplication, window: Window, feed: Feed, folder: Path) -> None:
    """Show a dim volume beside what a network makes of it, then how much of that is shown."""
    settings = _settings(
        f"simulation.peak_photons={DIM_PHOTONS}", 'steps={one="none", two="volumes"}'
    )
    feed.begin("tcp://127.0.0.1:1")
    values = settings.model_dump(mode="json")
    feed.take(2, StreamStart(stream="s", source="a thick cell", settings=values), 0.0)
    planes = _made(settings, 1)
    for one in planes:
        feed.take(2, replace(one.result, network=None), NOW_S)
    display = window.viewer.display
    window.draw()
    display.change(lambda look: replace(look.show(PLAIN).show(RESTORED), split=True, other=PLAIN))
    window.viewer.choose_place("z", PLANES // 2)
    _shot(app, window, folder / "viewer-volume-network.png")
    window.viewer.choose_cut(Kind.XZ)
    _shot(app, window, folder / "viewer-volume-network-xz.png")
    window.viewer.choose_cut(Kind.XY)
    review = planes[-1].review
    assert review is not None
    for index, maps in review(lambda done: None).maps_of(planes[-1].result.index):
        feed.take(2, TrustMaps("s", index, maps), NOW_S)
    display.change(lambda look: replace(look, split=False))
    window.draw()
    window.activateWindow()
    app.processEvents()
    QTest.keyClick(window, Qt.Key.Key_T)
    _shot(app, window, folder / "viewer-volume-network-map.png")


def _settings(*more: str) -> Settings:
    changes = [
        *more,
        f"simulation.size=[{SIZE}, {SIZE}]",
        f"pattern.sizes.z={PLANES}",
        f"volumes={{planes={PLANES}, z_step_nm=125.0}}",
    ]
    return load_settings(SIMULATIONS / "volume-three-beams.toml", changes)


def _results(settings: Settings) -> list[Result]:
    """Return previews and planes of two volumes."""
    return [one.result for one in _made(settings, 2)]


def _made(settings: Settings, times: int) -> list[Reconstructed]:
    """Return previews and planes of volumes, the pattern being known."""
    microscope = VolumeMicroscope(settings)
    pipeline = VolumePipeline(settings, microscope.pattern.pattern)
    made: list[Reconstructed] = []
    for time in range(times):
        counts = microscope.take(time).counts
        for z, pixels in enumerate(counts):
            index = StackIndex(time=time, z=z)
            stack = RawStack("s", index, pixels, last_received_ns=steady_ns())
            made += pipeline.add_plane(stack, preview=True).made
    return made


def _shot(app: QApplication, window: Window, path: Path) -> None:
    """Save what the window shows, once everything is drawn."""
    for _ in range(3):
        window.draw()
        window.presenter.renew()
        app.processEvents()
    window.grab().save(str(path))
    print(path)


if __name__ == "__main__":
    main()
