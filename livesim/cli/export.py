"""Write recordings for other programs: the arguments of `livesim export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livesim.cli.shared import OverwriteOption, TiedOption


def export(
    recording: Annotated[
        Path, typer.Argument(help="Folder that an engine recorded into, or a result.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="NAME.ome.tif, NAME.ome.zarr, NAME.tif (for ImageJ) or NAME.mp4."
        ),
    ],
    what: Annotated[str, typer.Option(help="result, plain, widefield or raw.")] = "result",
    beside: Annotated[
        str, typer.Option(help="Of a movie, shown on the left: widefield, plain or result.")
    ] = "",
    time: Annotated[str, typer.Option(help="Time points, from 0: 7, or 10:50 (50 left out).")] = "",
    channel: Annotated[str, typer.Option(help="Channels, likewise; several are merged.")] = "",
    z: Annotated[str, typer.Option(help="Planes in z, likewise.")] = "",
    position: Annotated[str, typer.Option(help="Positions; each has a file of its own.")] = "",
    max_projection: Annotated[
        bool, typer.Option("--max-projection", help="Take the brightest value along z.")
    ] = False,
    interval: Annotated[
        float | None, typer.Option(min=1e-6, help="Seconds between time points; else as recorded.")
    ] = None,
    fps: Annotated[float, typer.Option(min=0.1, max=240, help="Of a movie: images/s.")] = 10.0,
    contrast: Annotated[
        str, typer.Option(help="Black and white, LOW:HIGH, one or one a channel; else automatic.")
    ] = "",
    gamma: Annotated[float, typer.Option(min=0.1, max=10, help="Below 1 shows the dim.")] = 1.0,
    lut: Annotated[str, typer.Option(help="Colour table, one or one a channel.")] = "",
    marks: Annotated[
        bool, typer.Option("--marks/--no-marks", help="Of a movie: scale bar and time stamp.")
    ] = True,
    restore: Annotated[
        bool, typer.Option("--restore", help="Restore first what the live run skipped.")
    ] = False,
    skip_gaps: Annotated[
        bool, typer.Option("--skip-gaps", help="Leave out time points that it skipped.")
    ] = False,
    overwrite: OverwriteOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Tell the progress to programs.")] = False,
    tied: TiedOption = False,
) -> None:
    """Write a recording, or a part of it, for analysis, for Fiji or as a movie.

    One that is still being recorded is exported as far as it is there.
    """
    from livesim.commands.export.command import ExportRequest, export_recording
    from livesim.commands.export.cut import Ranges
    from livesim.commands.export.look import LookRequest
    from livesim.commands.export.movie import MovieRequest

    export_recording(
        ExportRequest(
            recording=recording,
            out=out,
            movie=MovieRequest(LookRequest(contrast, gamma, lut), fps, marks),
            what=what,
            beside=beside,
            ranges=Ranges(time, channel, z, position),
            projected=max_projection,
            interval_s=interval,
            restore=restore,
            skip_gaps=skip_gaps,
            overwrite=overwrite,
            as_json=as_json,
            tied=tied,
        )
    )
