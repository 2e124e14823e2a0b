"""What a starting engine loads, and how its threads share the processor."""

import os
import subprocess
import sys
import threading

import pytest

from livesim.engine.beside.worker import BACK, LOWEST, step_back
from livesim.engine.pending import ready
from livesim.engine.process import Engine
from livesim.engine.seams import Reconstructed
from livesim.values.finding import Examination
from livesim_acquisition.sender import Sender
from tests.support.running_engine import (
    FakePipeline,
    Fakes,
    anywhere,
    at_work,
    frames,
    start,
)
from tests.support.waiting import wait_for

ENGINE = """
import sys
sys.argv = ["livesim", "engine", "--once"]
import livesim.commands.engine
livesim.commands.engine.run_engine = lambda *given, **more: None
from livesim.cli import app
app(standalone_mode=False)
print(*sys.modules)
"""
NEEDED = ("torch", "zmq", "livesim.pipeline.build", "livesim.engine.process")
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
    "livesim.io.read.open",
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


@pytest.mark.parametrize("module", ["livesim.cli", "livesim.engine.threads"])
def test_how_long_threads_spin_is_said_before_torch_is_loaded(module):
    check = f"import {module}; import sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], timeout=60).returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no niceness")
@pytest.mark.parametrize("above", [0, LOWEST])
def test_background_work_is_nicer_than_the_frame_path_however_nice_that_is(above):
    nice = []

    def work():
        own = threading.get_native_id()
        before = min(os.getpriority(os.PRIO_PROCESS, own) + above, LOWEST)
        os.setpriority(os.PRIO_PROCESS, own, before)
        step_back()
        nice.extend([before, os.getpriority(os.PRIO_PROCESS, own)])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    before, after = nice
    assert after == min(before + BACK, LOWEST)
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) <= before


class Reviewed(FakePipeline):
    """Can be reviewed, but not to the end."""

    def begin(self, stack):
        def review(tell):
            raise ValueError("expected light, found none")

        return ready(Reconstructed(self(stack), review=review))


class Claims(Fakes):
    """Remembers which threads have said how many cores they use."""

    def __init__(self):
        super().__init__(lambda settings: lambda *_: Reviewed(), lambda settings: self.examine)
        self.all, self.one = [], []

    def examine(self, stacks):
        return Examination(())

    def use_all_cores(self):
        self.all.append(threading.current_thread().name)

    def use_one_core(self):
        self.one.append(threading.current_thread().name)


def test_the_frame_path_claims_all_cores_and_what_runs_beside_it_one_each():
    claims = Claims()
    with Engine(anywhere(lossless=True), claims) as engine, at_work(engine):
        with Sender(engine.endpoints.control) as sender:
            sender.start(start())
            for frame in frames(3):
                sender.send(frame)
            sender.finish()
        wait_for(lambda: claims.one, lambda one: set(one) == {"livesim-doctor", "livesim-trust"})
    assert len(claims.one) == 2
    (frame_path,) = claims.all
    assert frame_path.startswith("livesim_")
