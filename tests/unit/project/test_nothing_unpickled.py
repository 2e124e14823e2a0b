"""No module of ours reads what could run code: pickles, and what is built on them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = ("livesim", "acquisition", "gui", "models")
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
CALLS = {"recv_pyobj", "recv_serialized", "eval", "exec", "read_pickle"}
TRAINING = "models/livesim_models/training/run.py"
"""Goes on from the checkpoint that the same run left in its own folder, as Lightning writes it."""
ARGUMENTS = {"allow_pickle": True, "weights_only": False}


def dangers(source):
    """Name what a source does that unpickles or runs what it reads."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            yield from (one.name for one in node.names if not one.name.endswith("Error"))
        elif isinstance(node, ast.Call):
            yield from called(node)


def called(node):
    name = node.func.id if isinstance(node.func, ast.Name) else None
    # torch's networks and Qt's windows have methods eval and exec of their own.
    attribute = node.func.attr if isinstance(node.func, ast.Attribute) else None
    if name in CALLS or (attribute in CALLS and attribute not in ("eval", "exec")):
        yield name or attribute
    given = {word.arg: getattr(word.value, "value", None) for word in node.keywords}
    yield from (word for word, bad in ARGUMENTS.items() if word in given and given[word] is bad)
    if attribute == "load" and getattr(node.func.value, "id", "") == "torch":
        yield from () if given.get("weights_only") is True else ("torch.load",)


def test_nothing_is_unpickled():
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    assert len(files) > 100
    found = {file.relative_to(ROOT).as_posix(): [*dangers(file.read_text())] for file in files}
    assert {file: what for file, what in found.items() if what} == {TRAINING: ["weights_only"]}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "socket.recv_pyobj()",
        "np.load(file, allow_pickle=True)",
        "torch.load(file)",
        "torch.load(file, weights_only=False)",
        "eval(text)",
    ],
)
def test_a_danger_would_be_seen(source):
    assert list(dangers(source))
