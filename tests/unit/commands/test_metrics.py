"""The page for Prometheus: what the status says, in a form that Prometheus' own parser reads."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.parser import text_string_to_metric_families

from livesim.commands.status.metrics import BASE_UNITS, MetricsServer, trouble
from livesim.config.settings import SettingsError
from livesim.engine.process import Engine
from livesim.values.figure import Figure, Unit
from livesim.wire.status import EngineState
from tests.doubles.fake_engine import engine_status
from tests.support.prometheus import page_of, samples_of
from tests.support.running_engine import Fakes, anywhere, at_work


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
            yield server
        finally:
            server.shutdown()
            thread.join(20.0)


def read(server):
    host, port = server.server_address
    assert host == "127.0.0.1", "expected no other machine to reach it"
    with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=20.0) as page:
        assert page.headers["Content-Type"].startswith("text/plain; version=")
        return page.read().decode()


def test_the_page_says_what_the_status_says():
    with running() as engine, serving(engine.endpoints.control) as server:
        page = read(server)
        assert page == page_of(engine.status())
    values = samples_of(page)
    assert values["livesim_up",] == 1.0
    assert values["livesim_state", ("state", "idle")] == 1.0
    assert values["livesim_state", ("state", "running")] == 0.0
    assert values["livesim_stage_dropped_total", ("stage", "process")] == 0.0
    assert values["livesim_stage_frames_or_stacks_total", ("stage", "receive")] == 0.0
    assert ("livesim_stage_queue_limit", ("stage", "receive")) in values
    assert values["livesim_faults_total", ("fault", "incomplete_stacks")] == 0.0
    kinds = {one.name: one.type for one in text_string_to_metric_families(page)}
    assert kinds["livesim_stage_dropped"] == "counter"
    assert kinds["livesim_stage_queued"] == "gauge"


def test_prometheus_own_reader_is_sent_its_own_format():
    with serving("tcp://127.0.0.1:9") as server:
        request = urllib.request.Request(
            f"http://127.0.0.1:{server.server_port}/metrics",
            headers={"Accept": "text/plain;version=1.0.0;escaping=allow-utf-8"},
        )
        with urllib.request.urlopen(request, timeout=20.0) as page:
            assert page.headers["Content-Type"].startswith(CONTENT_TYPE_LATEST)


def test_labels_may_hold_anything():
    stream, source = 'a "quoted" name', "C:\\data\nsecond line"
    values = samples_of(page_of(engine_status(stream=stream, source=source)))
    assert values["livesim_stream", ("source", source), ("stream", stream)] == 1.0


@pytest.mark.parametrize("unit", Unit)
def test_a_figure_of_any_unit_is_given_out(unit):
    figures = tuple(Figure("new number", 4.0, unit, channel=channel) for channel in (0, 1))
    status = engine_status().model_copy(update={"figures": figures})
    ending, factor = BASE_UNITS[unit]
    name = f"livesim_new_number{ending}{'_total' if unit is Unit.TOTAL else ''}"
    values = samples_of(page_of(status))
    assert [values[name, ("channel", n)] for n in "01"] == [4.0 * factor] * 2


def test_an_engine_that_does_not_answer_is_down(monkeypatch):
    monkeypatch.setattr("livesim.commands.status.metrics.ANSWER_S", 0.1)
    with serving("tcp://127.0.0.1:9") as server:
        assert samples_of(read(server)) == {("livesim_up",): 0.0}


def test_a_port_that_is_taken_is_said():
    with serving("tcp://127.0.0.1:9") as server, pytest.raises(SettingsError, match="free port"):
        MetricsServer("tcp://127.0.0.1:9", server.server_port)


def health(server):
    """Return the status and the words of the page that says whether all is well."""
    url = f"http://127.0.0.1:{server.server_port}/health"
    try:
        with urllib.request.urlopen(url, timeout=20.0) as page:
            return page.status, page.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_health_page_says_ok_while_the_engine_answers_and_why_it_does_not():
    with running() as engine, serving(engine.endpoints.control) as server:
        assert health(server) == (200, "ok\n")
    with serving("tcp://127.0.0.1:9") as server:
        assert health(server) == (503, "expected an engine that answers, found none\n")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, None),
        ({"recording_fault": "no space left"}, "a stream that is recorded, found: no space left"),
        ({"state": EngineState.STOPPED}, "expected a running engine, found one that has stopped"),
    ],
)
def test_what_an_engine_needs_somebody_for(change, words):
    said = trouble(engine_status().model_copy(update=change))
    assert said == words or words in said
