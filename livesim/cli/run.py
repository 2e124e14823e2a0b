"""Run and follow an engine: the arguments of engine, replay, live, view, serve, status, steer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livesim.cli.shared import (
    ConfigOption,
    EngineOption,
    KeysOption,
    MemoryOption,
    PatternOption,
    RememberOption,
    TiedOption,
)
from livesim.config.settings import SettingsError
from livesim.wire.endpoints import (
    CONTROL_ADDRESS,
    CONTROL_PORT,
    FRAMES_ADDRESS,
    FRAMES_PORT,
    RESULTS_ADDRESS,
    RESULTS_PORT,
    endpoint,
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
        bool,
        typer.Option(help="Let the source wait rather than skip a raw stack or its networks."),
    ] = False,
    networks: Annotated[
        str,
        typer.Option(
            help="When networks work: off, held (on what somebody holds), newest, or every Nth.",
            metavar="off|held|newest|N",
        ),
    ] = "newest",
    pattern: PatternOption = None,
    workers: Annotated[
        int,
        typer.Option(
            min=1, help="Engines that share the channels: one for each GPU, or for cores."
        ),
    ] = 1,
    tied: TiedOption = False,
    part: Annotated[bool, typer.Option("--part", hidden=True)] = False,
) -> None:
    """Run the engine: raw frames in, results and recordings out; the only process with torch."""
    from livesim.commands.engine import run_engine
    from livesim.config.settings import load_settings
    from livesim.engine.options import EngineOptions
    from livesim.io.pattern_file import read_pattern
    from livesim.wire.networks import run_of

    options = EngineOptions(
        frames=listening(frames, FRAMES_PORT, bind, keys),
        results=listening(results, RESULTS_PORT, bind, keys),
        control=listening(control, CONTROL_PORT, bind, keys),
        once=once,
        lossless=lossless,
        networks=run_of(networks),
        record_into=None if record is None else str(record.resolve()),
        record_later=record_later,
        part=part,
    )
    settings = None if config is None else load_settings(config)
    known = None if pattern is None else read_pattern(pattern)

    if workers > 1:
        from livesim.commands.engines import run_engines

        return run_engines(options, settings, pattern, record, workers, tied=tied)

    from livesim.io.otf import otf_profile
    from livesim.pipeline.computing import TorchComputing  # torch: only once all else is right
    from livesim.pipeline.lanes import MOST_LANES

    # A live picture is the newest one: others at the same time would make it later.
    computing = TorchComputing(known, otf_profile, lanes=MOST_LANES if lossless else 1)
    return run_engine(options, computing, settings, record, tied=tied)


def replay(
    raw: Annotated[list[Path], typer.Argument(help="Recordings, streamed one after another.")],
    config: ConfigOption = None,
    rate: Annotated[
        str, typer.Option(help="real, max, or raw frames per second.", metavar="real|max|FPS")
    ] = "real",
    engine: EngineOption = CONTROL_ADDRESS,
    loop: Annotated[
        bool, typer.Option("--loop", help="Begin again at the end, until q or Ctrl-C.")
    ] = False,
    control: Annotated[
        str | None,
        typer.Option(
            help="stdin: obey the lines pause, resume, step, rate real|max|FPS and stop.",
            metavar="stdin",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Tell programs on stdout how far it is.")
    ] = False,
) -> None:
    """Stream recordings to an engine; --config defaults to the TOML file beside each.

    At a terminal: space pauses and goes on, . sends one raw stack, + and - change the rate, q ends.
    """
    if control not in (None, "stdin"):
        raise SettingsError(f"--control: expected stdin, found '{control}'")
    from livesim.commands.replay.command import replay_files
    from livesim_acquisition.replay.pace import Pace
    from livesim_acquisition.replay.rate import parse_rate

    pace = Pace(parse_rate(rate))
    by_lines = control is not None
    replay_files(raw, config, pace, endpoint(engine), loop=loop, by_lines=by_lines, as_json=as_json)


def live(
    config: ConfigOption = None,
    record: Annotated[
        Path | None, typer.Option(help="Folder to record into; otherwise that of the last time.")
    ] = None,
    memory: MemoryOption = 1024,
    remember: RememberOption = None,
) -> None:
    """Start an engine and the viewer together; the engine ends when the window is closed."""
    from livesim.commands.view.command import ViewRequest, run_view

    raise typer.Exit(run_view(ViewRequest(None, config, record, remember, memory)))


def view(
    file: Annotated[
        Path | None, typer.Argument(help="Recording to look at; nothing is streamed for that.")
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(
            "--engine", help="Control address of the engine.", show_default="this machine"
        ),
    ] = None,
    config: ConfigOption = None,
    memory: MemoryOption = 1024,
    remember: RememberOption = None,
) -> None:
    """Show what an engine publishes, or a file; --config has the settings where they do not.

    With a file and no --engine no engine is connected to.
    """
    from livesim.commands.view.command import ViewRequest, run_view

    address = CONTROL_ADDRESS if engine is None and file is None else engine
    known = None if address is None else endpoint(address)
    request = ViewRequest(known, config, None, remember, memory, file)
    raise typer.Exit(run_view(request))


def serve(
    engine: EngineOption = CONTROL_ADDRESS,
    listen: Annotated[
        str, typer.Option(help="Where browsers come in; other machines need a token.")
    ] = "127.0.0.1:5680",
    token: Annotated[
        Path | None,
        typer.Option(
            help="File of the token to come in with; `livesim keys --browser` makes one.",
            show_default="none on this machine",
        ),
    ] = None,
    upload: Annotated[
        int, typer.Option(min=1, max=4096, help="MiB of a recording to be tried, at most.")
    ] = 256,
    no_try: Annotated[bool, typer.Option("--no-try", help="Show the live picture alone.")] = False,
) -> None:
    """Show the live picture in browsers, and restore recordings that are dropped there."""
    from livesim.commands.serve import run_serve

    run_serve(endpoint(engine), listen, token, upload_mib=upload, trials=not no_try)


def trial(
    folder: Annotated[Path, typer.Argument(help="Holds the recording, and its settings.")],
) -> None:
    """Restore what was dropped on a page; for `livesim serve`, which starts this."""
    from livesim.commands.trial import run_trial

    run_trial(folder)


def look(
    raw: Annotated[Path, typer.Argument(help="Recording.")], config: ConfigOption = None
) -> None:
    """Restore the raw stacks that are asked for on stdin; for the viewer, which starts this."""
    import sys

    from livesim.io.settings_beside import settings_for

    settings = settings_for(raw, config)

    from livesim.commands.look.command import answer_questions

    answer_questions(raw, settings, sys.stdin.buffer, sys.stdout.buffer)


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


def steer(
    changes: Annotated[
        list[str] | None, typer.Argument(help="Settings, such as reconstruction.wiener=0.1.")
    ] = None,
    recalibrate: Annotated[
        bool, typer.Option("--recalibrate", help="Estimate the pattern again, now.")
    ] = False,
    record: Annotated[str, typer.Option(help="Begin or end a recording.", metavar="on|off")] = "",
    engine: EngineOption = CONTROL_ADDRESS,
) -> None:
    """Change what a running engine does, from the next raw stack on."""
    from livesim.commands.steer import steer_engine

    steer_engine(endpoint(engine), changes or [], recalibrate=recalibrate, record=record)
