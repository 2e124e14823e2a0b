"""An engine's status in, the text that Prometheus reads out; served on this machine alone.

The format is Prometheus' text exposition, version 0.0.4. The engine is asked whenever the page is
read, over the control socket, so the page works for an engine on another machine as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from livesim.config.settings import SettingsError
from livesim.values.verdict import TrustWord
from livesim.wire.control_client import ControlClient
from livesim.wire.header import WireError
from livesim.wire.status import EngineState, EngineStatus, LatencyStatus, PartLatency, RollingStatus

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PATH = "/metrics"
ANSWER_S = 2.0
QUANTILES = {"0.5": "p50_ms", "0.95": "p95_ms", "0.99": "p99_ms"}

Sample = tuple[str, dict[str, str], float]
"""(name, labels, value)."""


def metrics(status: EngineStatus | None) -> str:
    """Return a page of metrics; None = the engine does not answer."""
    lines: list[str] = []
    named: set[str] = set()
    for name, labels, value in _samples(status):
        if name not in named:
            lines.append(f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}")
            named.add(name)
        inside = ",".join(f'{key}="{label}"' for key, label in labels.items())
        lines.append(f"{name}{{{inside}}} {value:g}" if inside else f"{name} {value:g}")
    return "\n".join(lines) + "\n"


def _samples(status: EngineStatus | None) -> Iterator[Sample]:
    yield "livesim_up", {}, float(status is not None)
    if status is None:
        return
    for state in EngineState:
        yield "livesim_state", {"state": state.value}, float(status.state is state)
    yield from _of_stages(status, "frames_or_stacks_total", "done")
    yield from _of_stages(status, "per_second", "per_second")
    yield from _of_stages(status, "queued", "queued")
    yield from _of_stages(status, "queue_limit", "queue_limit")
    yield from _of_stages(status, "dropped_total", "dropped")
    for name, count in status.faults.model_dump(exclude={"version"}).items():
        yield "livesim_faults_total", {"fault": name}, float(count)
    if status.latency is not None:
        yield from _of_latencies(status.latency)
    if status.rolling is not None:
        yield from _of_rolling(status.rolling)
    if status.trust is not None:
        for word in TrustWord:
            label = word.value.replace(" ", "-")
            yield "livesim_trust", {"word": label}, float(status.trust.word is word)
        yield "livesim_trust_denied_places", {}, float(status.trust.denied)
    for name in ("swaps", "alarms"):
        yield from _of_channels(status, name)


def _of_rolling(rolling: RollingStatus) -> Iterator[Sample]:
    yield "livesim_rolling_updates_per_second", {}, rolling.updates_per_s
    yield "livesim_rolling_time_resolution_seconds", {}, rolling.resolution_ms / 1000.0
    yield "livesim_rolling_changed_share", {}, rolling.changed
    yield "livesim_rolling_motion", {}, float(rolling.motion)


def _of_channels(status: EngineStatus, name: str) -> Iterator[Sample]:
    for one in status.channels:
        if one.tracking is not None:
            channel = {"channel": str(one.channel)}
            yield f"livesim_pattern_{name}_total", channel, float(getattr(one.tracking, name))


def _of_latencies(latency: LatencyStatus) -> Iterator[Sample]:
    yield from _of_latency("livesim_latency_seconds", latency)
    for part in latency.stages:
        yield from _of_latency("livesim_stage_latency_seconds", part, stage=part.name)
    for part in latency.steps:
        step = part.name.replace(" ", "_")
        yield from _of_latency("livesim_step_latency_seconds", part, step=step)


def _of_latency(name: str, latency: LatencyStatus | PartLatency, **of: str) -> Iterator[Sample]:
    for quantile, field in QUANTILES.items():
        yield name, {**of, "quantile": quantile}, getattr(latency, field) / 1000.0


def _of_stages(status: EngineStatus, name: str, field: str) -> Iterator[Sample]:
    for stage in status.stages:
        yield f"livesim_stage_{name}", {"stage": stage.name}, float(getattr(stage, field))


class MetricsServer(ThreadingHTTPServer):
    """A page at `/metrics` that asks an engine whenever it is read.

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
        try:
            super().__init__(("127.0.0.1", port), partial(_Page, engine))
        except OSError as error:
            raise SettingsError(f"expected a free port, found {port}: {error}") from error


class _Page(BaseHTTPRequestHandler):
    def __init__(self, engine: str, *words: Any) -> None:
        self._engine = engine
        super().__init__(*words)

    def do_GET(self) -> None:
        """Answer with the page; the name is that which http.server calls."""
        if self.path != PATH:
            self.send_error(HTTPStatus.NOT_FOUND, f"expected {PATH}")
            return
        page = metrics(self._status()).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def _status(self) -> EngineStatus | None:
        try:
            with ControlClient(self._engine) as client:
                return client.status(ANSWER_S)
        except WireError:
            return None

    def log_message(self, format: str, *words: Any) -> None:
        """Keep the terminal quiet."""


def serve_metrics(engine: str, port: int) -> None:
    """Serve until Ctrl-C; says on stdout where."""
    with MetricsServer(engine, port) as server:
        print(f"metrics: http://127.0.0.1:{server.server_port}{PATH}", flush=True)
        server.serve_forever()
