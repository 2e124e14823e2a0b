"""What a starting engine loads: the first result waits for every module."""

import subprocess
import sys

import pytest

ENGINE = """
import sys
sys.argv = ["livesim", "engine", "--once"]
import livesim.commands.engine
livesim.commands.engine.run_engine = lambda *given, **more: None
from livesim.cli import app
app(standalone_mode=False)
print(*sys.modules)
"""
NEEDED = ("torch", "zmq", "livesim.build", "livesim.engine.process")
OTHERS = (
    "dask",
    "lightning",
    "matplotlib",
    "ndstorage",
    "numba",
    "pandas",
    "scipy",
    "sympy",
    "tifffile",
    "yaozarrs",
    "zarr",
    "livesim.io.open",
    "livesim_acquisition",
    "livesim_models.training",
)
"""What other commands need, or this one once a recording or an OTF's file is asked for."""


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """Return all modules that `livesim engine` has loaded when it begins to listen."""
    command = [sys.executable, "-c", ENGINE]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return set(done.stdout.split())


def test_the_engine_loads_what_it_computes_with(loaded):
    assert loaded.issuperset(NEEDED)


@pytest.mark.parametrize("module", OTHERS)
def test_the_engine_does_not_load_what_only_others_need(loaded, module):
    assert module not in loaded
