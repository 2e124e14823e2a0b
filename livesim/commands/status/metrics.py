"""Serve an engine's status for Prometheus to read, on this machine alone.

The engine is asked whenever the page is read, over the control socket, so the page works for an
engine on another machine as well. Its figures are given out as it lists them
(`livesim.engine.figures`), in Prometheus' base units; text format and server are those of
prometheus-client. Beside the metrics a page says in one line whether all is well, for what
supervises the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import ThreadingHTTPServer

from prometheus_client import CollectorRegistry, MetricsHandler
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from livesim.config.errors import SettingsError
from livesim.values.figure import Figure, Unit
from livesim.values.verdict import TrustWord
from livesim.wire.control_client import ControlClient
from livesim.wire.header import WireError
from livesim.wire.status import EngineState, EngineStatus, LatencyStatus, PartLatency

PATH, HEALTH_PATH = "/metrics", "/health"
ANSWER_S = 2.0
QUANTILES = {"0.5": "p50_ms", "0.95": "p95_ms", "0.99": "p99_ms"}
STAGE_COUNTERS = {"frames_or_stacks": "done", "dropped": "dropped"}
STAGE_GAUGES = ("per_second", "queued", "queue_limit")
BASE_UNITS = {
    Unit.NONE: ("", 1.0),
    Unit.COUNT: ("", 1.0),
    Unit.TOTAL: ("", 1.0),
    Unit.PER_SECOND: ("_per_second", 1.0),
    Unit.MILLISECONDS: ("_seconds", 1e-3),
    Unit.NANOMETRES: ("_nanometres", 1.0),
    Unit.DEGREES: ("_degrees", 1.0),
    Unit.PERCENT: ("_share", 1e-2),
    Unit.GIB: ("_bytes", 2.0**30),
    Unit.SIGMAS: ("_sigmas", 1.0),
    Unit.YES_OR_NO: ("", 1.0),
}
"""Unit of a figure -> how its metric's name ends, and what the value is multiplied by."""


class StatusCollector(Collector):
    """Makes metrics of an engine's status whenever they are asked for.

    Parameters
    ----------
    status
        Asks the engine; None = it does not answer.
    """

    def __init__(self, status: Callable[[], EngineStatus | None]) -> None:
        self._status = status

    def describe(self) -> list[Metric]:
        """Return none: the engine need not run yet when the collector is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Ask the engine and return the metrics."""
        status = self._status()
        up = float(status is not None)
        yield GaugeMetricFamily("livesim_up", "Whether the engine answers.", value=up)
        if status is not None:
            yield from _of_status(status)


def _of_status(status: EngineStatus) -> Iterator[Metric]:
    yield _one_of("livesim_state", "What the engine is at.", "state", status.state, EngineState)
    if status.stream is not None:
        stream = GaugeMetricFamily("livesim_stream", "It runs.", labels=["stream", "source"])
        stream.add_metric([status.stream, status.source or ""], 1.0)
        yield stream
    yield from _of_stages(status)
    faults = CounterMetricFamily("livesim_faults", "What went wrong.", labels=["fault"])
    for name, count in status.faults.model_dump().items():
        faults.add_metric([name], count)
    yield faults
    if status.latency is not None:
        yield from _of_latency(status.latency)
    if status.trust is not None and status.trust.stream == status.stream:
        word = status.trust.verdict.word
        yield _one_of("livesim_trust", "Verdict on the networks' work.", "word", word, TrustWord)
    yield from _of_figures(status)


def _one_of(
    name: str, words: str, label: str, now: str, known: type[EngineState] | type[TrustWord]
) -> Metric:
    """Return a metric that is 1 for one of the known words and 0 for all others."""
    family = GaugeMetricFamily(name, words, labels=[label])
    for one in known:
        family.add_metric([one.value.replace(" ", "-")], float(one == now))
    return family


def _of_stages(status: EngineStatus) -> Iterator[Metric]:
    families: list[tuple[CounterMetricFamily | GaugeMetricFamily, str]] = []
    for name, field in STAGE_COUNTERS.items():
        words = f"{name.replace('_', ' ').capitalize()} by stage."
        family = CounterMetricFamily(f"livesim_stage_{name}", words, labels=["stage"])
        families.append((family, field))
    for name in STAGE_GAUGES:
        words = f"{name.replace('_', ' ').capitalize()} by stage."
        gauge = GaugeMetricFamily(f"livesim_stage_{name}", words, labels=["stage"])
        families.append((gauge, name))
    for each, field in families:
        for stage in status.stages:
            each.add_metric([stage.name], float(getattr(stage, field)))
        yield each


def _of_latency(latency: LatencyStatus) -> Iterator[Metric]:
    words = "From the last raw frame received to the result published."
    whole = GaugeMetricFamily("livesim_latency_seconds", words, labels=["quantile"])
    _add_quantiles(whole, [], latency)
    yield whole
    for kind, parts in (("stage", latency.stages), ("step", latency.steps)):
        if not parts:
            continue
        labels = [kind, "quantile"]
        family = GaugeMetricFamily(f"livesim_{kind}_latency_seconds", f"By {kind}.", labels=labels)
        for part in parts:
            _add_quantiles(family, [part.name.replace(" ", "_")], part)
        yield family


def _add_quantiles(
    family: GaugeMetricFamily, labels: list[str], latency: LatencyStatus | PartLatency
) -> None:
    for quantile, field in QUANTILES.items():
        family.add_metric([*labels, quantile], getattr(latency, field) / 1000.0)


def _of_figures(status: EngineStatus) -> Iterator[Metric]:
    families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
    for figure in status.figures:
        ending, factor = BASE_UNITS[figure.unit]
        name = f"livesim_{figure.name.lower().replace(' ', '_')}{ending}"
        family = families.setdefault(name, _family(name, figure))
        channel = [] if figure.channel is None else [str(figure.channel)]
        family.add_metric(channel, figure.value * factor)
    yield from families.values()


def _family(name: str, figure: Figure) -> CounterMetricFamily | GaugeMetricFamily:
    labels = [] if figure.channel is None else ["channel"]
    kind = CounterMetricFamily if figure.unit is Unit.TOTAL else GaugeMetricFamily
    return kind(name, f"{figure.name[:1].upper()}{figure.name[1:]}.", labels=labels)


def trouble(status: EngineStatus | None) -> str | None:
    """Say why an engine needs somebody; None where it does not, whether a stream runs or not."""
    if status is None:
        return "expected an engine that answers, found none"
    if status.state is EngineState.STOPPED:
        return "expected a running engine, found one that has stopped"
    if status.recording_fault is not None:
        return f"expected a stream that is recorded, found: {status.recording_fault}"
    return None


class _Pages(MetricsHandler):
    """The metrics, and whether all is well: status 200, or 503 with the reason."""

    engine: str

    def do_GET(self) -> None:  # noqa: N802
        if self.path.partition("?")[0] != HEALTH_PATH:
            super().do_GET()
            return
        why = trouble(_ask(self.engine))
        words = f"{why or 'ok'}\n".encode()
        self.send_response(HTTPStatus.OK if why is None else HTTPStatus.SERVICE_UNAVAILABLE)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(words)))
        self.end_headers()
        self.wfile.write(words)


class MetricsServer(ThreadingHTTPServer):
    """Pages that ask an engine whenever they are read.

    Parameters
    ----------
    engine
        The engine's control endpoint.
    port
        On this machine; 0 = any free one, see `server_port`.

    Raises
    ------
    SettingsError
        If the port is not free.
    """

    daemon_threads = True

    def __init__(self, engine: str, port: int) -> None:
        registry = CollectorRegistry()
        registry.register(StatusCollector(lambda: _ask(engine)))
        pages = type("_EnginePages", (_Pages,), {"registry": registry, "engine": engine})
        try:
            super().__init__(("127.0.0.1", port), pages)
        except OSError as error:
            raise SettingsError(f"expected a free port, found {port}: {error}") from error


def _ask(engine: str) -> EngineStatus | None:
    try:
        with ControlClient(engine) as client:
            return client.status(ANSWER_S)
    except WireError:
        return None


def serve_metrics(engine: str, port: int) -> None:
    """Serve until Ctrl-C; says on stdout where."""
    with MetricsServer(engine, port) as server:
        print(f"metrics: http://127.0.0.1:{server.server_port}{PATH}", flush=True)
        print(f"health: http://127.0.0.1:{server.server_port}{HEALTH_PATH}", flush=True)
        server.serve_forever()
