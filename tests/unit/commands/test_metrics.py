"""The page for Prometheus: what the status says, in a form that a parser reads."""

from __future__ import annotations

import re
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

from livesim.commands.status.metrics import CONTENT_TYPE, MetricsServer, metrics
from livesim.config.settings import SettingsError
from livesim.engine.process import Engine
from tests.support.running_engine import Fakes, anywhere, at_work

LINE = re.compile(r'(# TYPE \w+ (counter|gauge)|\w+(\{\w+="[\w.-]+"(,\w+="[\w.-]+")*\})? \S+)')


@contextmanager
def running():
    with Engine(anywhere(), Fakes(lambda settings: lambda *_: None)) as engine, at_work(engine):
        yield engine


@contextmanager
def serving(engine):
    with MetricsServer(engine, 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(20.0)


def read(address):
    with urllib.request.urlopen(address, timeout=20.0) as page:
        assert page.headers["Content-Type"] == CONTENT_TYPE
        return page.read().decode()


def test_the_page_says_what_the_status_says():
    with running() as engine, serving(engine.endpoints.control) as address:
        page = read(f"{address}/metrics")
        assert page == metrics(engine.status())
        with pytest.raises(urllib.error.HTTPError, match="404"):
            read(address)
    values = dict(line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
    assert values["livesim_up"] == "1"
    assert values['livesim_state{state="idle"}'] == "1"
    assert values['livesim_state{state="running"}'] == "0"
    assert values['livesim_stage_dropped_total{stage="process"}'] == "0"
    assert values['livesim_stage_queue_limit{stage="receive"}'] != ""
    assert values['livesim_faults_total{fault="incomplete_stacks"}'] == "0"
    assert all(LINE.fullmatch(line) for line in page.splitlines())
    types = [line.split()[2] for line in page.splitlines() if line.startswith("#")]
    assert len(set(types)) == len(types), "expected every type once"


def test_an_engine_that_does_not_answer_is_down(monkeypatch):
    monkeypatch.setattr("livesim.commands.status.metrics.ANSWER_S", 0.1)
    with serving("tcp://127.0.0.1:9") as address:
        assert read(f"{address}/metrics").splitlines()[-1] == "livesim_up 0"


def test_a_port_that_is_taken_is_said():
    with serving("tcp://127.0.0.1:9") as address, pytest.raises(SettingsError, match="free port"):
        MetricsServer("tcp://127.0.0.1:9", int(address.rsplit(":", 1)[1]))
