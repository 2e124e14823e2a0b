"""The viewer's export: what it asks `livesim export` for, and what it shows of the child."""

from __future__ import annotations

import sys

import pytest

from livesim.images.levels import Levels
from livesim_gui.state.picture.export import (
    ExportProgress,
    ExportWish,
    Shown,
    free_name,
    read_progress,
    what_of,
    with_suffix,
)
from livesim_gui.state.stream.feed import Feed
from livesim_gui.state.viewer import Viewer
from tests.doubles.fake_engine import engine_status
from tests.support.shown import result

SHOWN = Shown("result", (Levels(-2.5, 300.0),), ("fire",), 0.5)


def test_a_wish_becomes_the_flags_of_the_command():
    wish = ExportWish(" /data/s ", "a.mp4", "plain", time="10:50", fps=15.0, beside=True)
    assert wish.flags == [
        *("/data/s", "--out", "a.mp4", "--what", "plain", "--time=10:50", "--fps=15"),
        *("--beside", "widefield"),
    ]
    assert wish.problem is None


def test_the_look_goes_along_exactly():
    flags = ExportWish("/data/s", "a.tif", projected=True, shown=SHOWN, overwrite=True).flags
    assert flags[5:] == [
        *("--max-projection", "--overwrite"),
        *("--contrast=-2.5:300.0", "--lut=fire", "--gamma=0.5"),
    ]


@pytest.mark.parametrize(("what", "out"), [("raw", "a.mp4"), ("result", "a.ome.tif")])
def test_nothing_stands_beside_raw_frames_or_in_files_of_values(what, out):
    assert "--beside" not in ExportWish("/data/s", out, what, beside=True).flags


def test_what_is_missing_is_said():
    assert "Choose a recording" in (ExportWish("  ", "a.mp4").problem or "")
    assert "Choose a name" in (ExportWish("/data/s", "").problem or "")


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ('{"done": 3, "total": 60}\n', ExportProgress(3, 60)),
        ('{"wrote": ["a.mp4"]}', ExportProgress(wrote=("a.mp4",))),
        ("a warning of some library", None),
        ("[1, 2]", None),
        ("", None),
    ],
)
def test_lines_of_the_child(line, meant):
    assert read_progress(line) == meant


@pytest.mark.parametrize(
    ("stage", "restored", "what"),
    [
        ("widefield", True, "widefield"),
        ("plain", False, "result"),
        ("plain", True, "plain"),
        ("restored", True, "result"),
    ],
)
def test_the_stage_shown_is_what_is_offered(stage, restored, what):
    assert what_of(stage, restored=restored) == what


def test_names_are_free_and_end_as_the_format_does(tmp_path):
    folder = tmp_path / "stream-001"
    assert free_name(folder, ".mp4") == tmp_path / "stream-001.mp4"
    (tmp_path / "stream-001.mp4").touch()
    assert free_name(folder, ".mp4") == tmp_path / "stream-001-2.mp4"
    assert free_name(folder, ".ome.tif") == tmp_path / "stream-001.ome.tif"
    assert with_suffix("/a/b.ome.tif", ".mp4") == "/a/b.mp4"
    assert with_suffix("/a/b.1", ".tif") == "/a/b.1.tif"


def test_the_viewer_knows_what_it_shows_and_where_it_is_recorded():
    feed = Feed()
    feed.begin("tcp://127.0.0.1:1")
    viewer = Viewer(feed)
    assert viewer.shown() is None
    feed.answer(1, engine_status(recording="/data/stream-007"))
    for channel in (0, 1):
        feed.take(1, result(channel=channel), 0.0)
    viewer.channels.chosen = 1
    viewer.tick(0.0)
    viewer.display.contrast("plain").set(5.0, 50.0)
    viewer.tick(0.1)
    feed.answer(1, engine_status(recording=None))
    viewer.tick(0.2)
    assert viewer.stream.last_folder == "/data/stream-007"
    assert viewer.shown() == Shown("result", (Levels(5.0, 50.0),), ("grey",), 1.0, (1,))


CHILD = """
import json, sys
print("a library's own line")
for done in range(1, 4):
    print(json.dumps({"done": done, "total": 3}), flush=True)
if "--time=wait" in sys.argv:
    sys.stdin.read()
    sys.exit(130)
if "--time=bad" in sys.argv:
    print("livesim: /data/s: expected results, found none", file=sys.stderr)
    sys.exit(1)
print(json.dumps({"wrote": [sys.argv[sys.argv.index("--out") + 1]]}), flush=True)
"""
WAIT_MS = 60_000


@pytest.fixture
def dialog(qtbot, tmp_path):
    pytest.importorskip("qtpy.QtWidgets", reason="Qt's system libraries", exc_type=ImportError)
    from livesim_gui.children.export import ExportChild
    from livesim_gui.dialogs.export import ExportDialog

    script = tmp_path / "child.py"
    script.write_text(CHILD)
    dialog = ExportDialog(None, ExportChild(command=(sys.executable, str(script))))
    qtbot.addWidget(dialog)
    dialog.show()
    yield dialog
    dialog.child.close()


def ended(dialog, qtbot):
    with qtbot.waitSignal(dialog.child.ended, timeout=WAIT_MS) as signal:
        pass
    return signal.args


def test_the_dialog_offers_the_running_recording_as_it_is_shown(dialog, tmp_path):
    dialog.offer(tmp_path / "stream-001", SHOWN)
    wish = dialog.form.wish
    assert (wish.recording, wish.shown) == (str(tmp_path / "stream-001"), SHOWN)
    assert wish.out == str(tmp_path / "stream-001.mp4")
    dialog.form.format.setCurrentIndex(dialog.form.format.findData(".tif"))
    assert dialog.form.wish.out == str(tmp_path / "stream-001.tif")
    assert not dialog.form.fps.isEnabled()
    # Levels of the result say nothing of the raw frames.
    dialog.form.what.setCurrentIndex(dialog.form.what.findData("raw"))
    assert dialog.form.wish.shown is None


def test_progress_and_the_last_word_are_shown(dialog, qtbot, tmp_path):
    dialog.offer(tmp_path / "stream-001", SHOWN)
    seen = []
    dialog.child.progressed.connect(lambda *at: seen.append(at))
    dialog.start.click()
    assert not dialog.start.isEnabled()
    there, words = ended(dialog, qtbot)
    assert there
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert words == f"Wrote {tmp_path / 'stream-001.mp4'}"
    assert dialog.words.text() == words
    assert dialog.start.isEnabled()


def test_what_the_export_refuses_is_shown_in_its_words(dialog, qtbot):
    dialog.form.recording.setText("/data/s")
    dialog.form.out.setText("/data/a.mp4")
    dialog.form.time.setText("bad")
    dialog.start.click()
    there, words = ended(dialog, qtbot)
    assert (there, words) == (False, "/data/s: expected results, found none")


def test_cancel_ends_the_child(dialog, qtbot):
    dialog.form.recording.setText("/data/s")
    dialog.form.out.setText("/data/a.ome.tif")
    dialog.form.time.setText("wait")
    with qtbot.waitSignal(dialog.child.progressed, timeout=WAIT_MS):
        dialog.start.click()
    dialog.stop.click()
    assert ended(dialog, qtbot) == [False, "Cancelled; nothing was written."]
    assert not dialog.child.running


def test_nothing_begins_without_a_recording(dialog):
    dialog.start.click()
    assert "Choose a recording" in dialog.words.text()
    assert not dialog.child.running


def test_the_flags_are_those_the_command_knows():
    from typer.testing import CliRunner

    from livesim.cli import app
    from livesim.values.errors import DataError

    wish = ExportWish(
        "/none", "/none/a.mp4", time="1", channel="0", z="0", beside=True, shown=SHOWN
    )
    command = ["export", *wish.flags, "--json", "--tied"]
    with pytest.raises(DataError, match="/none: expected a recording, found nothing there"):
        CliRunner().invoke(app, command, catch_exceptions=False)


def test_the_line_that_is_told_is_the_line_that_is_read(capsys):
    from livesim.commands.progress import print_json

    print_json(done=1, total=2)
    assert read_progress(capsys.readouterr().out) == ExportProgress(1, 2)
