"""Engines that do not answer, as seen by who waits for them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from livesim.processes import engine as processes
from livesim.router import member as members
from livesim.router.member import Member
from livesim.values.errors import DataError
from tests.support.processes import LIMIT_S

SLEEPER = "import time; time.sleep(3600)"
ENGINE = """
from livesim.engine.process import Engine
from tests.support.running_engine import anywhere, averaging

with Engine(anywhere(part=True), averaging()) as engine:
    print("listening: control", engine.endpoints.control, flush=True)
    engine.run()
"""


@pytest.fixture
def started(monkeypatch):
    """Return what lets every engine be this program, and returns the processes of them all."""
    popen, processes_of_all = subprocess.Popen, []

    def start(program):
        def started(_command, **how):
            processes_of_all.append(popen([sys.executable, "-c", program], **how))
            return processes_of_all[-1]

        monkeypatch.setattr(processes.subprocess, "Popen", started)
        return processes_of_all

    return start


SPEAKER = """
import threading
from livesim.engine.process import Engine
from livesim.wire.messages import StreamStart
from tests.support.running_engine import anywhere, averaging

def speak():
    for _ in range(6):
        engine._publisher.publish(StreamStart(stream="s"))
    engine.request_stop()

with Engine(anywhere(part=True), averaging()) as engine:
    print("listening: control", engine.endpoints.control, flush=True)
    threading.Thread(target=speak).start()
    engine.run()
"""


def member(left=lambda number: None, deliver=lambda number, message: None):
    return Member(1, (), {}, deliver, left, lambda: False)


def test_an_engine_that_never_listens_is_ended_with_its_router(started):
    asleep, one = started(SLEEPER), member()
    one.start()
    closing = threading.Thread(target=one.close)
    closing.start()
    closing.join(LIMIT_S)
    assert not closing.is_alive()
    assert all(process.poll() is not None for process in asleep)


def test_an_engine_that_never_listens_is_given_up_after_a_while(started, monkeypatch):
    monkeypatch.setattr(members, "START_S", 0.1)
    asleep, one = started(SLEEPER), member()
    one.start()
    with pytest.raises(DataError, match="engine 1: expected it to start, found"):
        one.await_first()
    one.close()
    assert all(process.poll() is not None for process in asleep)


def test_what_an_engine_published_before_its_end_is_taken_before_it_counts_as_gone(started):
    """Or the end of a stream would not wait for it."""
    engines, taken, left = started(SPEAKER), [], threading.Event()

    def deliver(_number, _message):
        engines[0].wait(LIMIT_S)
        taken.append((one.reach is not None, left.is_set()))

    one = member(lambda number: left.set(), deliver)
    one.start()
    try:
        assert left.wait(LIMIT_S)
        assert taken[:6] == 6 * [(True, False)]
    finally:
        one.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot halt a process")
def test_an_engine_that_hangs_is_ended_and_another_takes_its_place(started, monkeypatch):
    for of in (members, processes):
        monkeypatch.setattr(of, "ANSWER_S", 0.5)
        monkeypatch.setattr(of, "STOP_S", 0.5)
    monkeypatch.setattr(members, "UNANSWERED", 3)
    left = threading.Event()
    engines, one = started(ENGINE), member(lambda number: left.set())
    one.start()
    try:
        one.await_first()
        os.kill(engines[0].pid, signal.SIGSTOP)
        assert left.wait(LIMIT_S)
        assert one.fault == "it does not answer"
        deadline = time.monotonic() + LIMIT_S
        while one.reach is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert (engines[0].poll(), one.reach.pid) == (-signal.SIGKILL, engines[1].pid)
    finally:
        one.close()
