"""The version that the command line prints is that of the installed package, and PEP 440's."""

from __future__ import annotations

from importlib.metadata import version

import pytest
from packaging.version import Version

from livesim.cli import main


def test_the_command_line_prints_the_version_of_the_package(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["livesim", "--version"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    name, number = capsys.readouterr().out.split()
    assert (name, number) == ("livesim", version("livesim"))
    assert Version(number) >= Version("0.1.0")
