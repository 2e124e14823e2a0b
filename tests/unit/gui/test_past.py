"""Back in time beyond the viewer's memory: into the recording on the disk."""

from __future__ import annotations

import numpy as np
import pytest

from livesim.commands.view.past import open_past
from livesim.values.errors import DataError
from livesim.values.frames import StackIndex
from livesim_gui.state.stream.feed import Feed
from livesim_gui.state.time.archive import KEPT, PastShot
from livesim_gui.state.time.ring import Ring
from livesim_gui.state.time.timeline import Mode
from livesim_gui.state.viewer import Viewer
from tests.doubles.fake_engine import engine_status
from tests.support.recorded import counts, image, open_results, record, times
from tests.support.recorded import result as recorded_result
from tests.support.shown import result

FOLDER = "/data/stream-001"
IN_MEMORY = 3


class FakePast:
    """As many results as were received, all on the disk."""

    def __init__(self, count, folder=FOLDER, channels=1):
        self.folder = folder
        made = [result(time, channel=c) for time in range(count) for c in range(channels)]
        self.results = [(one.index, one.last_received_ns) for one in made]

    def read(self, index, received_ns):
        return result(index.time, channel=index.channel)


@pytest.fixture
def viewer():
    """Return a viewer that has received ten results and remembers the last three."""
    feed = Feed(Ring(IN_MEMORY * (32 * 32 + 64 * 64) * 4))
    feed.begin("tcp://127.0.0.1:1")
    feed.answer(1, engine_status(recording=FOLDER))
    for time in range(10):
        feed.take(1, result(time), 0.1 * time)
    viewer = Viewer(feed)
    viewer.tick(0.0)
    assert len(viewer.time.shots) == IN_MEMORY
    return viewer


def read_wanted(viewer):
    past, wanted = viewer.time.archive.past, viewer.time.archive.wanted
    viewer.time.archive.keep(past.folder, wanted, past.read(wanted.index, wanted.received_ns))


def shown(viewer):
    return viewer.display.scene.shot.result.index.time


def test_the_disk_comes_before_the_memory_and_nothing_twice(viewer):
    viewer.time.archive.take(FakePast(10))
    assert [shot.moment_s for shot in viewer.time.shots] == pytest.approx(
        [1.0 + 0.1 * time for time in range(10)]
    )
    kinds = [isinstance(shot, PastShot) for shot in viewer.time.shots]
    assert kinds == [True] * 7 + [False] * 3
    numbers = [shot.number for shot in viewer.time.shots]
    assert numbers == sorted(set(numbers))


def test_what_is_on_the_disk_is_shown_once_it_is_read(viewer):
    viewer.time.archive.take(FakePast(10))
    viewer.time.timeline = viewer.time.timeline.hold(viewer.time.shots[2].number)
    assert viewer.tick(1.0) is None
    assert shown(viewer) == 9  # the picture stays until the other is there
    assert viewer.time.archive.wanted.index.time == 2
    read_wanted(viewer)
    assert viewer.tick(1.1) is not None
    assert shown(viewer) == 2
    assert viewer.time.archive.wanted is None


def test_stepping_crosses_from_the_disk_into_the_memory(viewer):
    viewer.time.archive.take(FakePast(10))
    viewer.time.timeline = viewer.time.timeline.hold(viewer.time.shots[6].number)
    viewer.tick(1.0)
    read_wanted(viewer)
    viewer.tick(1.0)
    viewer.time.step(1)
    viewer.tick(1.0)
    assert (shown(viewer), viewer.time.archive.wanted) == (7, None)
    viewer.time.step(-1)
    viewer.tick(1.0)
    assert shown(viewer) == 6  # still kept


def test_what_leaves_the_memory_is_found_on_the_disk(viewer):
    viewer.time.archive.take(FakePast(10))
    held = viewer.time.shots[-1]
    for time in range(10, 20):
        viewer.stream.feed.take(1, result(time), 0.1 * time)
    viewer.time.archive.take(FakePast(20))
    viewer.tick(2.0)
    place = [shot.moment_s for shot in viewer.time.shots].index(held.moment_s)
    assert isinstance(viewer.time.shots[place], PastShot)
    assert len(viewer.time.shots) == 20


def test_the_live_edge_runs_on_while_the_disk_is_looked_at(viewer):
    viewer.time.archive.take(FakePast(10))
    viewer.time.timeline = viewer.time.timeline.hold(viewer.time.shots[0].number)
    viewer.tick(1.0)
    viewer.stream.feed.take(1, result(10), 1.0)
    viewer.time.timeline = viewer.time.timeline.live()
    assert viewer.tick(1.1) is not None
    assert (shown(viewer), viewer.time.archive.wanted) == (10, None)
    assert viewer.time.timeline.mode is Mode.LIVE


def test_what_was_read_of_another_recording_is_dropped(viewer):
    viewer.time.archive.take(FakePast(10))
    viewer.time.timeline = viewer.time.timeline.hold(viewer.time.shots[2].number)
    viewer.tick(1.0)
    wanted = viewer.time.archive.wanted
    viewer.time.archive.take(FakePast(10, folder="/data/stream-002"))
    viewer.time.archive.keep(FOLDER, wanted, result(2))
    assert viewer.tick(1.1) is None
    assert viewer.time.archive.wanted is not None


def test_another_stream_has_another_past(viewer):
    viewer.time.archive.take(FakePast(10))
    viewer.stream.feed.take(1, result(0, stream="next"), 5.0)
    viewer.tick(5.0)
    assert viewer.stream.folder is None  # the engine still speaks of the one before
    assert len(viewer.time.shots) == 1
    viewer.stream.feed.answer(1, engine_status(stream="next", recording="/data/stream-002"))
    viewer.tick(5.1)
    assert viewer.stream.folder == "/data/stream-002"


def test_only_the_channel_that_is_shown_is_taken_from_the_disk():
    feed = Feed(Ring(2 * (32 * 32 + 64 * 64) * 4))
    feed.begin("tcp://127.0.0.1:1")
    for time in range(5):
        for channel in (0, 1):
            feed.take(1, result(time, channel=channel), 0.1 * time)
    viewer = Viewer(feed)
    viewer.channels.chosen = 1
    viewer.tick(0.0)
    viewer.time.archive.take(FakePast(5, channels=2))
    assert [shot.channel for shot in viewer.time.shots] == [1] * 5


def test_few_of_those_read_are_kept(viewer):
    viewer.time.archive.take(FakePast(10))
    for shot in viewer.time.shots[:7]:
        viewer.time.archive.keep(FOLDER, shot, result(shot.index.time))
    many = FakePast(40)
    viewer.time.archive.take(many)
    for n in range(10, 10 + KEPT):
        index, received_ns = many.results[n]
        viewer.time.archive.keep(FOLDER, PastShot(n, index, received_ns), result(n))
    assert viewer.time.archive.shot(viewer.time.shots[0]) is None


def test_what_cannot_be_read_is_no_longer_offered(viewer):
    viewer.time.archive.take(FakePast(10))
    viewer.time.timeline = viewer.time.timeline.hold(viewer.time.shots[0].number)
    viewer.tick(1.0)
    viewer.time.archive.give_up()
    viewer.tick(1.1)
    assert len(viewer.time.shots) == IN_MEMORY
    assert viewer.time.archive.wanted is None


@pytest.mark.parametrize("shard", [1, 2])
def test_a_recording_is_read_result_by_result_while_it_grows(tmp_path, shard):
    assert open_past(str(tmp_path / "elsewhere")) is None
    assert open_past(str(tmp_path)) is None
    with open_results(tmp_path, shard=shard) as recorder:
        for index in times(3):
            recorder.write(recorded_result(index))
        past = open_past(str(tmp_path))
    assert [index.time for index, _ in past.results] == [0, 1, 2]
    found = past.read(*past.results[1])  # closed meanwhile
    np.testing.assert_array_equal(found.image, image(StackIndex(time=1)))
    assert found.plain is None
    assert np.isnan(found.widefield).all()
    assert found.last_received_ns == past.results[1][1]


@pytest.mark.parametrize("shard", [1, 2])
def test_the_widefield_comes_from_the_raw_stacks(tmp_path, shard):
    steps = ("one", "reconstruct", "two")
    folder = record(tmp_path / "stream", times(2), steps=steps, shard=shard)
    past = open_past(str(folder))
    found = past.read(*past.results[1])
    expected = (counts(StackIndex(time=1)).mean(axis=(0, 1)) - 100) / 2
    np.testing.assert_allclose(found.widefield, expected, rtol=1e-5)
    # Not recorded: never taken for the restored one.
    assert np.isnan(found.plain).all()
    assert np.isnan(found.step_one).all()
    assert np.isnan(found.network).all()
    file = folder / "results.ome.zarr" / "0" / "c" / str(1 // shard) / "0" / "0" / "0" / "0"
    file.unlink()
    with pytest.raises(DataError, match="expected a result at"):
        past.read(*past.results[1])


def test_the_window_goes_back_into_the_recording(qtbot, tmp_path):
    pytest.importorskip("qtpy.QtWidgets", reason="Qt's system libraries", exc_type=ImportError)
    from livesim.processes.viewer_children import Children
    from livesim_gui.backend import make_backend
    from livesim_gui.window import Window

    feed = Feed(Ring(1))
    feed.begin("tcp://127.0.0.1:1")
    feed.answer(1, engine_status(recording=FOLDER))
    for time in range(10):
        feed.take(1, result(time), 0.1 * time)
    window = Window(
        Viewer(feed),
        make_backend(feed, Children()),
        tmp_path / "viewer.ini",
        open_past=lambda folder: FakePast(10, folder),
    )
    qtbot.addWidget(window)
    window.show()
    window.past.look()
    qtbot.waitUntil(lambda: window.widgets.time_bar.slider.maximum() == 9, timeout=60_000)
    window.widgets.time_bar.slider.setValue(4)
    qtbot.waitUntil(lambda: shown(window.viewer) == 4, timeout=60_000)
    window.draw()
    assert window.widgets.time_bar.words.text().startswith("5 of 10 · time 4, 0.5 s ago")
    assert window.widgets.time_bar.slider.value() == 4
    window.close()
