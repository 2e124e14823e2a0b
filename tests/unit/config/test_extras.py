"""The line that installs an optional part works where it is read: from a checkout and a wheel."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from livesim.values import extras
from livesim.values.extras import install_command


def test_in_a_checkout_the_line_names_its_folder():
    root = Path(__file__).parents[3]
    expected = [sys.executable, "-m", "pip", "install", "-e", f"{root}[gui]"]
    assert shlex.split(install_command("gui")) == expected


def test_elsewhere_it_names_the_package_and_a_python_with_a_space_is_quoted(monkeypatch, tmp_path):
    monkeypatch.setattr(extras, "_ROOT", tmp_path)
    monkeypatch.setattr(sys, "executable", "/my envs/bin/python")
    words = ["/my envs/bin/python", "-m", "pip", "install", "livesim[movie]"]
    assert shlex.split(install_command("movie")) == words
