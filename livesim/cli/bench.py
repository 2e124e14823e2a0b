"""The arguments of `livesim bench`; what it does is imported when it is run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livesim.cli.shared import OverwriteOption


def bench(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="JSON file; the curves go beside it as a PNG.")
    ] = Path("livesim-bench.json"),
    size: Annotated[
        int, typer.Option(min=64, max=4096, help="Rows and columns of a raw frame.")
    ] = 512,
    rounds: Annotated[int, typer.Option(min=2, help="How often each stage is timed.")] = 20,
    stacks: Annotated[
        int, typer.Option(min=3, help="Raw stacks streamed through the processes.")
    ] = 200,
    quick: Annotated[
        bool, typer.Option("--quick", help="Some seconds, to see that it runs.")
    ] = False,
    peers: Annotated[
        bool, typer.Option("--peers", help="Time other programs in turn with this one.")
    ] = False,
    peer_python: Annotated[
        str | None,
        typer.Option(help="Python that has napari-sim-processor.", show_default="this one"),
    ] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Measure how fast this machine reconstructs: stages, streams, limits, growth."""
    from livesim.speed.command import BenchOptions, run_bench

    if quick:
        options = BenchOptions.quick(peers=peers, python=peer_python)
    else:
        options = BenchOptions(size, rounds, stacks, peers=peers, python=peer_python)
    run_bench(options, out, overwrite=overwrite)
