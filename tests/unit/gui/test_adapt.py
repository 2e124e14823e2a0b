"""The viewer's adaptation: what it asks `livesim adapt` for, and what it offers afterwards."""

from __future__ import annotations

import sys

import pytest
from typer.testing import CliRunner

from livesim_gui.state.steering import AdaptWish

CHILD = """
import json, sys
print(json.dumps({"done": 3, "total": 1200, "error": 0.5}), flush=True)
if "universal" in sys.argv:
    print("livesim: nothing was gained in 2.0 min", file=sys.stderr)
    sys.exit(1)
sys.stdin.read()  # until it is stopped: the best so far is taken
print(json.dumps({"wrote": [sys.argv[sys.argv.index("--out") + 1]], "notes": []}), flush=True)
"""
WAIT_MS = 60_000


def test_the_flags_are_those_the_command_knows():
    from livesim.cli import app

    wish = AdaptWish(" /data/s ", "mine.safetensors", "quick")
    assert wish.problem is None
    assert wish.flags == ["/data/s", "--out", "mine.safetensors", "--from", "quick"]
    told = CliRunner().invoke(app, ["adapt", *wish.flags, "--json", "--tied", "--help"])
    assert told.exit_code == 0


def test_what_is_missing_is_said():
    assert "Choose a recording" in (AdaptWish(" ", "a", "quick").problem or "")
    assert "Choose a name" in (AdaptWish("/data/s", "", "quick").problem or "")


@pytest.fixture
def dialog(qtbot, tmp_path):
    pytest.importorskip("qtpy.QtWidgets", reason="Qt's system libraries", exc_type=ImportError)
    from livesim_gui.children.export import ExportChild
    from livesim_gui.dialogs.adapt import AdaptDialog

    script = tmp_path / "child.py"
    script.write_text(CHILD)
    child = ExportChild(command=(sys.executable, str(script)), what="adaptation")
    dialog = AdaptDialog(None, child)
    qtbot.addWidget(dialog)
    dialog.show()
    yield dialog
    dialog.child.close()


def ended(dialog, qtbot):
    with qtbot.waitSignal(dialog.child.ended, timeout=WAIT_MS) as signal:
        pass
    return signal.args


def test_stopped_it_takes_the_best_so_far_and_offers_to_use_it(dialog, qtbot, tmp_path):
    out = tmp_path / "stream-001.safetensors"
    dialog.offer(tmp_path / "stream-001")
    assert dialog.out.text() == str(out)
    with qtbot.waitSignal(dialog.child.progressed, timeout=WAIT_MS):
        dialog.start.click()
    assert (dialog.bar.maximum(), dialog.use.isVisible()) == (1200, False)
    dialog.stop.click()
    assert ended(dialog, qtbot) == [True, f"Wrote {out}"]
    with qtbot.waitSignal(dialog.use_asked, timeout=WAIT_MS) as asked:
        dialog.use.click()
    assert asked.args == [str(out)]


def test_where_nothing_was_gained_that_is_said_and_nothing_is_offered(dialog, qtbot, tmp_path):
    dialog.offer(tmp_path / "stream-001")
    dialog.network.setCurrentIndex(dialog.network.findData("universal"))
    dialog.start.click()
    assert ended(dialog, qtbot) == [False, "nothing was gained in 2.0 min"]
    assert not dialog.use.isVisible()
