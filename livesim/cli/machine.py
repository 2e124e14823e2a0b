"""Measure this machine and exchange its keys: the arguments of bench and keys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livesim.cli.shared import KeysOption, OverwriteOption


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


def keys(
    server: Annotated[
        bool, typer.Option("--server", help="Make the engine's pair of keys, on its machine.")
    ] = False,
    client: Annotated[
        bool, typer.Option("--client", help="Make this machine's pair, as a source or viewer.")
    ] = False,
    allow: Annotated[
        Path | None, typer.Option(help="Public key of a client that the engine here lets in.")
    ] = None,
    trust: Annotated[
        Path | None, typer.Option(help="Public key of the engine that is reached from here.")
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser", help="Make the token of `livesim serve`, and print it.")
    ] = False,
    folder: KeysOption = None,
) -> None:
    """Make and exchange the keys without which an engine listens to its own machine only."""
    from livesim.commands.keys import manage_keys
    from livesim.wire.endpoints import default_keys

    if browser:
        from livesim.commands.serve import make_token

        return make_token(folder or default_keys())
    manage_keys(folder or default_keys(), server=server, client=client, allow=allow, trust=trust)
