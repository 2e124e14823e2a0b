"""The arguments of `livesim status`; what it does is imported when it is run."""

from __future__ import annotations

from typing import Annotated

import typer

from livesim.cli.shared import EngineOption
from livesim.wire.endpoints import CONTROL_ADDRESS, endpoint


def status(
    engine: EngineOption = CONTROL_ADDRESS,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    prometheus: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Serve it at this port, for Prometheus to read."),
    ] = None,
) -> None:
    """Show rates, latency, queues and drops of a running engine."""
    if prometheus is not None:
        from livesim.commands.status.metrics import serve_metrics

        return serve_metrics(endpoint(engine), prometheus)

    from livesim.commands.status.command import show_status

    return show_status(endpoint(engine), as_json=as_json)
