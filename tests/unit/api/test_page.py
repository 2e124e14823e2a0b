"""The examples of the page on the API run as they stand there, on a simulated recording."""

from __future__ import annotations

import re
from pathlib import Path
from threading import Thread

import pytest

import livesim
from livesim.commands.simulate.files import simulate_files
from tests.support.running_engine import Mean, running
from tests.support.simulations import settings

PAGE = Path(__file__).parents[3] / "docs" / "use" / "api.md"
ADDRESS = "tcp://127.0.0.1:5603"


def examples():
    """Return the Python blocks of the page, in their order."""
    return re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.S | re.M)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make what the page calls cells.tif and cells.toml."""
    folder = tmp_path_factory.mktemp("cells")
    microscope = settings(size=(96, 112), time_points=4, peak_photons=500.0)
    simulate_files(microscope, folder / "run")
    (folder / "run" / "raw.ome.tif").rename(folder / "cells.tif")
    (folder / "run" / "raw.toml").rename(folder / "cells.toml")
    return folder


def test_the_page_names_the_whole_api():
    text = PAGE.read_text(encoding="utf-8")
    assert not [name for name in livesim.__all__ if f"`{name}`" not in text]


def test_the_examples_run(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    known = {}
    *offline, send, listen = examples()
    assert "livesim.Sender(" in send
    assert "livesim.listen(" in listen
    for code in offline:
        exec(compile(code, str(PAGE), "exec"), known)
    assert known["image"].shape == (192, 224)
    assert known["later"].compute().shape == (4, 1, 1, 192, 224)
    assert (folder / "restored.tif").exists()
    with running(lambda settings: lambda stacks, ended: Mean()) as engine:
        at_work = {**known}
        send, listen = (code.replace(ADDRESS, engine.control) for code in (send, listen))
        while "result" not in at_work:  # it may have come too late for the results of a stream
            listener = Thread(target=exec, args=(compile(listen, str(PAGE), "exec"), at_work))
            listener.start()
            while listener.is_alive():
                exec(compile(send, str(PAGE), "exec"), known)
                listener.join(0.5)
    assert at_work["result"].image.shape == (192, 224)
    said = capsys.readouterr().out
    assert re.search(r"usable: True", said)
    assert re.search(r"^(trusted|look|do not trust)", said, re.M)
