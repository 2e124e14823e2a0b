"""The arguments of `livesim demo`; what it does is imported when it is run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder; every run gets one of its own inside.")
    ] = Path("livesim-demo"),
    size: Annotated[
        int, typer.Option(min=64, max=2048, help="Rows and columns of a raw frame.")
    ] = 256,
    stacks: Annotated[int, typer.Option(min=1, help="Time points, nine raw frames each.")] = 60,
    photons: Annotated[
        float, typer.Option(min=1.0, help="Photo-electrons of the brightest pixel.")
    ] = 50.0,
    fps: Annotated[str, typer.Option(help="Raw frames per second, or max.")] = "200",
) -> None:
    """Show it all on a simulated microscope: stream, reconstruct, record; OME-TIFF and PNG."""
    from livesim.commands.demo.command import DemoOptions, run_demo
    from livesim_acquisition.replay.rate import parse_rate

    run_demo(DemoOptions(out, size, stacks, photons, parse_rate(fps)))
