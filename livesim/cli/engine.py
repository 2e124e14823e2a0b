"""The arguments of `livesim engine`; what it does is imported when it is run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livesim.cli.shared import ConfigOption, KeysOption, PatternOption, TiedOption
from livesim.wire.endpoints import (
    CONTROL_ADDRESS,
    CONTROL_PORT,
    FRAMES_ADDRESS,
    FRAMES_PORT,
    RESULTS_ADDRESS,
    RESULTS_PORT,
    listening,
)


def engine(
    config: ConfigOption = None,
    frames: Annotated[
        str, typer.Option(help="Address to take raw frames at; port 0 = any free one.")
    ] = FRAMES_ADDRESS,
    results: Annotated[str, typer.Option(help="Address to publish results at.")] = RESULTS_ADDRESS,
    control: Annotated[str, typer.Option(help="Address to be asked at.")] = CONTROL_ADDRESS,
    bind: Annotated[
        str | None,
        typer.Option(help="Address of this machine that others reach; needs `livesim keys`."),
    ] = None,
    keys: KeysOption = None,
    record: Annotated[
        Path | None, typer.Option(help="Folder to record raw stacks and results into.")
    ] = None,
    record_later: Annotated[
        bool, typer.Option("--record-later", help="Record nothing until asked to.")
    ] = False,
    once: Annotated[bool, typer.Option(help="End after the first stream.")] = False,
    lossless: Annotated[
        bool, typer.Option(help="Let the source wait rather than skip a raw stack.")
    ] = False,
    pattern: PatternOption = None,
    tied: TiedOption = False,
) -> None:
    """Run the engine: raw frames in, results and recordings out; the only process with torch."""
    from livesim.commands.engine import run_engine
    from livesim.config.settings import load_settings
    from livesim.engine.options import EngineOptions
    from livesim.io.pattern_file import read_pattern

    options = EngineOptions(
        frames=listening(frames, FRAMES_PORT, bind, keys),
        results=listening(results, RESULTS_PORT, bind, keys),
        control=listening(control, CONTROL_PORT, bind, keys),
        once=once,
        lossless=lossless,
        record_into=None if record is None else str(record.resolve()),
        record_later=record_later,
    )
    settings = None if config is None else load_settings(config)
    known = None if pattern is None else read_pattern(pattern)

    from livesim.io.otf import otf_profile
    from livesim.pipeline.computing import TorchComputing  # torch: only once all else is right

    run_engine(options, TorchComputing(known, otf_profile), settings, record, tied=tied)
