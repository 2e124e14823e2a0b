"""Take frames from a microscope, real or simulated: acquire, watch, simulate and demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livesim.cli.shared import ConfigOption, EngineOption, OverwriteOption, SetOption
from livesim.config.settings import SettingsError
from livesim.wire.endpoints import CONTROL_ADDRESS, endpoint

FirstOption = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="The camera's number of the first frame of any raw stack, where it is known.",
        show_default="found from the frames",
    ),
]


def acquire(
    config: ConfigOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for the frames, as NDTiff.")
    ] = None,
    engine: EngineOption = CONTROL_ADDRESS,
    change: SetOption = None,
    live: Annotated[
        bool, typer.Option("--live", help="Follow Micro-Manager's live mode; save nothing.")
    ] = False,
    first: FirstOption = None,
) -> None:
    """Acquire with Micro-Manager what the acquisition table says: saved as NDTiff and streamed.

    Without a running engine the frames are saved all the same. With --live, the frames of live mode
    are streamed until Ctrl-C, and no image is taken away from it.
    """
    if live:
        if out is not None:
            raise SettingsError("--out: expected it without --live, found both")
        return watch(config, engine, first, change)
    if first is not None:
        raise SettingsError("--first: expected --live with it, found it alone")

    from livesim.commands.acquire import acquire_time_lapse

    return acquire_time_lapse(config, endpoint(engine), out, change or [])


def watch(
    config: ConfigOption = None,
    engine: EngineOption = CONTROL_ADDRESS,
    first: FirstOption = None,
    change: SetOption = None,
) -> None:
    """Stream Micro-Manager's live mode to an engine until Ctrl-C, taking no image away."""
    from livesim.commands.live_mode import follow_live_mode

    follow_live_mode(config, endpoint(engine), first, change or [])


def _list_simulations(asked: bool) -> None:
    if asked:
        from livesim.commands.simulate.command import shipped_simulations

        print(shipped_simulations())
        raise typer.Exit


def simulate(
    config: Annotated[
        Path,
        typer.Option(
            "--config",
            "-c",
            help="Settings file, or the name of a simulation that --list shows, such as er-tirf.",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for the raw file and its truth.")
    ] = None,
    to: Annotated[
        str | None, typer.Option(help="Control address of an engine: stream to it instead.")
    ] = None,
    rate: Annotated[
        str,
        typer.Option(
            help="Of a stream: real, max, or raw frames per second.", metavar="real|max|FPS"
        ),
    ] = "real",
    size: Annotated[
        str | None, typer.Option(help="Rows of a raw frame, or rows x columns: 256x384.")
    ] = None,
    time_points: Annotated[int | None, typer.Option(min=1, help="Raw stacks.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of everything random.")] = None,
    change: SetOption = None,
    overwrite: OverwriteOption = False,
    _listed: Annotated[
        bool,
        typer.Option(
            "--list",
            callback=_list_simulations,
            is_eager=True,
            help="List the simulations that come with livesim, and exit.",
        ),
    ] = False,
) -> None:
    """Simulate a microscope: a raw file with its truth and settings, or a live stream."""
    if (out is None) == (to is None):
        raise SettingsError("expected one of --out FOLDER and --to ENGINE, found both or neither")

    from livesim.commands.simulate.command import (
        simulate_stream,
        simulation_changes,
        simulation_settings,
    )
    from livesim.commands.simulate.files import simulate_files
    from livesim_acquisition.replay.rate import parse_rate

    changes = [*(change or []), *simulation_changes(size, time_points, seed)]
    settings = simulation_settings(config, changes)
    volumes = settings.simulation is not None and settings.simulation.volume is not None
    if settings.volumes is not None and not volumes:
        raise SettingsError(
            "expected [simulation.volume] beside [volumes], which says how the focal plane "
            "moves, as volume-three-beams has it, found none"
        )
    if volumes and out is not None:
        from livesim.commands.simulate.volume_files import simulate_volume_files

        simulate_volume_files(settings, out, overwrite=overwrite)
    elif volumes:
        raise SettingsError("--to: expected --out for volumes, which are not streamed, found --to")
    elif out is not None:
        simulate_files(settings, out, overwrite=overwrite)
    elif to is not None:
        simulate_stream(settings, endpoint(to), parse_rate(rate))


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
