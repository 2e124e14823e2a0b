"""Source, engine and viewer started in any order, and each of them stopped and started again."""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import count, permutations
from pathlib import Path

import numpy as np
import pytest

from livesim.values.results import Result
from livesim.wire.sockets import Keep, Subscriber
from livesim_acquisition.hook import make_hook
from livesim_acquisition.hook.background_sender import BackgroundSender
from tests.support.addresses import free_addresses
from tests.support.running_engine import OWN

pytestmark = pytest.mark.slow

LIMIT_S = 150.0
ENGINE = Path(__file__).with_name("engine_with_fake.py")


class Rig:
    """The three at fixed addresses; every one can be started and stopped."""

    def __init__(self, folder):
        self._folder = folder
        self._at = free_addresses(3)
        self._times = count()
        self._running = {}

    def start(self, name):
        self._running[name] = {
            "engine": self._engine,
            "source": lambda: BackgroundSender(self._at[2], OWN),
            "viewer": lambda: Subscriber(self._at[1], Keep.DROP_OLDEST),
        }[name]()

    def stop(self, name):
        one = self._running.pop(name)
        if name == "engine":
            one.kill()
            one.wait(LIMIT_S)
        else:
            one.close()

    def close(self):
        for name in [name for name in ("source", "viewer", "engine") if name in self._running]:
            self.stop(name)

    def _engine(self):
        return subprocess.Popen([sys.executable, ENGINE, self._folder, f"at={','.join(self._at)}"])

    def see(self):
        """Take images until the viewer has the result of one that was taken from now on."""
        first, deadline = next(self._times), time.monotonic() + LIMIT_S
        self._take(first)
        while time.monotonic() < deadline:
            message = self._running["viewer"].receive(0.2)
            if isinstance(message, Result) and message.image[0, 0] >= first:
                return
            if message is None:
                self._take(next(self._times))
        pytest.fail(f"expected a result within {LIMIT_S} s, found none")

    def _take(self, number):
        hook = make_hook(self._running["source"])
        for place in range(9):
            image = np.full((32, 24), number, np.uint16)
            hook(image, {"Axes": {"time": number, "sim": place}, "Exposure": 5.0})


@pytest.fixture
def rig(tmp_path, monkeypatch):
    monkeypatch.setattr("livesim_acquisition.sender.CHECK_EVERY_S", 0.1)
    rig = Rig(tmp_path)
    yield rig
    rig.close()


@pytest.mark.parametrize("order", list(permutations(("engine", "source", "viewer"))), ids="-".join)
def test_results_arrive_whatever_is_started_first_and_again_after_it_was_started_anew(rig, order):
    for name in order:
        rig.start(name)
    rig.see()
    rig.stop(order[0])
    rig.start(order[0])
    rig.see()
