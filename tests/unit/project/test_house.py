"""`bench.house` on a small house whose figures are known."""

from __future__ import annotations

import pytest

from bench.house.__main__ import measure
from bench.house.graph import circles, floors, reach
from bench.house.sources import sources

FILES = {
    "livesim/__init__.py": "",
    "livesim/cli.py": "def run():\n    from livesim.engine import process\n    process\n",
    "livesim/engine/__init__.py": "",
    "livesim/engine/process.py": "import livesim.frames\nfrom livesim.engine.queue import put\n",
    "livesim/engine/queue.py": 'def put():\n    """Put.\n\n    It does.\n    """\n',
    "livesim/frames.py": "from dataclasses import dataclass\n",
    "gui/livesim_gui/__init__.py": "from livesim.frames import Frame\n",
    "gui/examples/show.py": "import livesim_gui\n",
    "tests/unit/test_frames.py": "from livesim.frames import Frame\n",
}


@pytest.fixture
def checkout(tmp_path):
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def test_a_small_house(checkout):
    found = measure(checkout)
    assert found["folders"]["product"]["livesim/engine"] == {"files": 3, "lines": 7}
    assert found["folders"]["tests"] == {"tests/unit": {"files": 1, "lines": 1}}
    assert found["livesim"]["imports"] == {
        "livesim.cli": ["livesim.engine"],
        "livesim.engine": ["livesim.frames"],
        "livesim.frames": [],
    }
    assert (found["livesim"]["arrows"], found["livesim"]["floors"]) == (2, 3)
    assert (found["all packages"]["rooms"], found["all packages"]["arrows"]) == (4, 3)
    assert found["circles of files"] == []


def test_sizes(checkout):
    assert measure(checkout)["sizes"] == {
        "largest file": "livesim/engine/queue.py: 5 lines",
        "largest function": "livesim/engine/queue.py: put, 5 lines",
        "functions": 2,
        "median function": 4.0,
        "p95 function": pytest.approx(4.9),
    }


def test_a_circle_is_one_floor():
    arrows = {("top", "a"), ("a", "b"), ("b", "c"), ("c", "a"), ("b", "bottom")}
    reached = reach({"top", "a", "b", "c", "bottom"}, arrows)
    assert circles(reached) == [["a", "b", "c"]]
    assert floors(reached) == {"bottom": 1, "a": 2, "b": 2, "c": 2, "top": 3}


def test_a_relative_import_is_refused(checkout):
    (checkout / "livesim/frames.py").write_text("from . import cli\n")
    with pytest.raises(ValueError, match=r"frames\.py:1: expected no relative import"):
        measure(checkout)


def test_a_folder_without_livesim_is_refused(tmp_path):
    with pytest.raises(ValueError, match="found no Python files"):
        sources(tmp_path)
