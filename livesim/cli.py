"""The command line: one sub-command per process or task; each imports what it needs when run."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from livesim.config import SettingsError
from livesim.frames import DataError
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

app = typer.Typer(
    name="livesim",
    help="Live reconstruction for structured illumination microscopy.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

EXIT_DATA = 1
EXIT_USAGE = 2


ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="Settings file of the microscope.")
]
KeysOption = Annotated[
    Path | None,
    typer.Option("--keys", help="Folder of CURVE keys.", show_default="~/.livesim/keys"),
]
EngineOption = Annotated[str, typer.Option("--engine", help="Control address of the engine.")]


@app.command()
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
    from livesim.commands.demo import DemoOptions, run_demo
    from livesim_acquisition.rate import parse_rate

    run_demo(DemoOptions(out, size, stacks, photons, parse_rate(fps)))


@app.command()
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
    pattern: Annotated[
        Path | None, typer.Option(help="Pattern file; otherwise the pattern is estimated.")
    ] = None,
    tied: Annotated[
        bool, typer.Option("--tied", help="Stop when stdin closes: for programs that start it.")
    ] = False,
) -> None:
    """Run the engine: raw frames in, results and recordings out; the only process with torch."""
    from livesim.commands.engine import run_engine
    from livesim.config import load_settings
    from livesim.engine.process import EngineOptions
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

    from livesim.build import (  # torch: only once all else is right
        doctor_for,
        one_thread,
        pipeline_factory,
    )
    from livesim.build_networks import resolved
    from livesim.commands.calibrate import otf_profile
    from livesim.commands.device import device_status

    run_engine(
        options,
        lambda own: pipeline_factory(own, known, otf_profile(own)),
        settings,
        record,
        doctor_for=doctor_for,
        resolve=resolved,
        device=device_status,
        quieten=one_thread,
        tied=tied,
    )


@app.command()
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
    from livesim.commands.replay import replay_files
    from livesim_acquisition.pace import Pace
    from livesim_acquisition.rate import parse_rate

    pace = Pace(parse_rate(rate))
    by_lines = control is not None
    replay_files(raw, config, pace, endpoint(engine), loop=loop, by_lines=by_lines, as_json=as_json)


RawArgument = Annotated[list[Path], typer.Argument(help="Recordings.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="Setting that wins over the file's, such as optics.pixel_nm=65."),
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")]


@app.command("acquire")
def acquire_(
    config: ConfigOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for the frames, as NDTiff.")
    ] = None,
    engine: EngineOption = CONTROL_ADDRESS,
    change: SetOption = None,
) -> None:
    """Acquire with Micro-Manager what the acquisition table says: saved as NDTiff and streamed.

    Without a running engine the frames are saved all the same.
    """
    from livesim.commands.acquire import acquire_time_lapse

    acquire_time_lapse(config, endpoint(engine), out, change or [])


@app.command()
def watch(
    config: ConfigOption = None,
    engine: EngineOption = CONTROL_ADDRESS,
    first: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="The camera's number of the first frame of any raw stack, where it is known.",
            show_default="found from the frames",
        ),
    ] = None,
    change: SetOption = None,
) -> None:
    """Stream Micro-Manager's live mode to an engine until Ctrl-C, taking no image away."""
    from livesim.commands.watch import watch_live_mode

    watch_live_mode(config, endpoint(engine), first, change or [])


@app.command("calibrate")
def calibrate_(
    raw: RawArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="Pattern file to write (JSON).")],
    config: ConfigOption = None,
    stacks: Annotated[
        int | None, typer.Option(min=1, help="Raw stacks to use of each recording.")
    ] = None,
    change: SetOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Estimate the illumination pattern; --config defaults to the TOML file beside the first."""
    from livesim.commands.config_beside import settings_for

    settings = settings_for(raw[0], config, change or [])

    from livesim.commands.calibrate import calibrate_files

    calibrate_files(raw, settings, out, stacks, overwrite)


@app.command()
def restore(
    raw: RawArgument,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Result (.ome.tif or .ome.zarr), or a folder."),
    ] = None,
    config: ConfigOption = None,
    pattern: Annotated[
        Path | None, typer.Option(help="Pattern file; otherwise the pattern is estimated.")
    ] = None,
    steps: Annotated[
        str,
        typer.Option(help="reconstruct, with one before and two behind it, as in one,reconstruct."),
    ] = "",
    preset: Annotated[str, typer.Option(help="Named reconstruction settings: fairsim.")] = "",
    change: SetOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Reconstruct recordings; --config defaults to the TOML file beside each.

    A recording of livesim's own brings its settings and its pattern along.
    """
    from livesim.commands.config_beside import pattern_for, settings_for, settings_log_for

    changes = ([f'reconstruction.preset="{preset}"'] if preset else []) + (change or [])
    settings = [settings_for(path, config, changes) for path in raw]

    from livesim.commands.restore import restore_file, targets, with_steps

    if steps:
        settings = [with_steps(own, steps) for own in settings]
    for path, own, target in zip(raw, settings, targets(raw, out), strict=True):
        log = None if steps else settings_log_for(path, config, changes)
        restore_file(path, own, pattern or pattern_for(path), target, overwrite, log)


@app.command()
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
    overwrite: OverwriteOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Tell the progress to programs.")] = False,
    tied: Annotated[
        bool, typer.Option("--tied", help="Stop when stdin closes: for programs that start it.")
    ] = False,
) -> None:
    """Write a recording, or a part of it, for analysis, for Fiji or as a movie.

    One that is still being recorded is exported as far as it is there.
    """
    from livesim.commands.export import ExportRequest, export_recording
    from livesim.commands.export_cut import Ranges
    from livesim.commands.export_look import LookRequest
    from livesim.commands.export_movie import MovieRequest

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
            overwrite=overwrite,
            as_json=as_json,
            tied=tied,
        )
    )


@app.command()
def doctor(
    raw: RawArgument,
    config: ConfigOption = None,
    change: SetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say what is wrong with recordings, from the frames alone, and how to mend it.

    Exit status 0: no fault found; 1: a fault was found.
    """
    from livesim.commands.config_beside import settings_for

    settings = [settings_for(path, config, change or []) for path in raw]

    from livesim.commands.doctor import examine_files

    if not examine_files(raw, settings, as_json=as_json):
        raise typer.Exit(EXIT_DATA)


@app.command()
def evaluate(
    files: Annotated[list[Path], typer.Argument(help="Recordings, or with --truth images.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the table and the pictures.")
    ],
    truth: Annotated[
        Path | None, typer.Option(help="Hold images against this: truth.zarr, or an image file.")
    ] = None,
    config: ConfigOption = None,
    pattern: Annotated[
        Path | None, typer.Option(help="Pattern file; otherwise the pattern is estimated.")
    ] = None,
    one: Annotated[str, typer.Option(help="Step one: a model's name or path, or none.")] = "",
    two: Annotated[str, typer.Option(help="Step two, likewise.")] = "",
    reference: Annotated[
        Path | None, typer.Option(help="Images of the same recordings with more light.")
    ] = None,
    halves: Annotated[
        bool, typer.Option("--halves", help="Split the photons for a ring correlation.")
    ] = False,
    pixel: Annotated[
        float | None, typer.Option(help="Pixel of the truth in nm, where no file says.")
    ] = None,
    examples: Annotated[int, typer.Option(min=1, max=20, help="Images in the montage.")] = 3,
    change: SetOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Say how good and how true images are: widefield, plain and after each network.

    Recordings are taken through every stage, and held against their truth where `livesim simulate`
    left it, or against --reference. With --truth, images made before are held against it.
    """
    from livesim.commands.evaluate import Request, evaluate_files

    request = Request(truth, config, pattern, one, two, reference, halves, pixel, change or [])
    evaluate_files(files, request, out, examples, overwrite=overwrite)


@app.command()
def simulate(
    config: Annotated[
        Path, typer.Option("--config", "-c", help="Settings, with a simulation table.")
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
) -> None:
    """Simulate a microscope: a raw file with its truth and settings, or a live stream."""
    if (out is None) == (to is None):
        raise SettingsError("expected one of --out FOLDER and --to ENGINE, found both or neither")

    from livesim.commands.simulate import simulate_stream, simulation_changes, simulation_settings
    from livesim.commands.simulate_files import simulate_files
    from livesim_acquisition.rate import parse_rate

    changes = [*(change or []), *simulation_changes(size, time_points, seed)]
    settings = simulation_settings(config, changes)
    if out is not None:
        simulate_files(settings, out, overwrite=overwrite)
    elif to is not None:
        simulate_stream(settings, endpoint(to), parse_rate(rate))


@app.command()
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
    from livesim.commands.bench import BenchOptions, run_bench

    if quick:
        options = BenchOptions.quick(peers=peers, python=peer_python)
    else:
        options = BenchOptions(size, rounds, stacks, peers=peers, python=peer_python)
    run_bench(options, out, overwrite=overwrite)


@app.command()
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
    folder: KeysOption = None,
) -> None:
    """Make and exchange the keys without which an engine listens to its own machine only."""
    from livesim.commands.keys import manage_keys
    from livesim.wire.endpoints import default_keys

    manage_keys(folder or default_keys(), server=server, client=client, allow=allow, trust=trust)


@app.command("train")
def train_(
    recipe: Annotated[
        Path | None, typer.Argument(help="Recipe (TOML); see models/recipes.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for scenes, checkpoints, logs and models.")
    ] = Path("livesim-training"),
    start: Annotated[
        str | None,
        typer.Option("--from", help="Fine-tune this shipped pair of models, or that of a folder."),
    ] = None,
    data: Annotated[
        list[Path] | None, typer.Option(help="Recording with much light; give it for every one.")
    ] = None,
    low: Annotated[
        list[Path] | None,
        typer.Option(help="The same in less light, in the same order; else photons are thinned."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Train networks by a recipe, or fine-tune some on recordings; goes on where it stopped."""
    if (recipe is None) == (start is None) or (start is None) != (not data):
        raise SettingsError(
            "expected a recipe, or --from with --data for every recording, found "
            + (
                "neither or both"
                if (recipe is None) == (start is None)
                else "--from or --data alone"
            )
        )

    from livesim.commands.train import fine_tune, train_networks

    if recipe is not None:
        train_networks(recipe, out)
    elif start is not None and data:
        fine_tune(start, data, low or [], config, out)


@app.command()
def convert(
    checkpoint: Annotated[Path, typer.Argument(help="Weights written by PyTorch (.pth).")],
    card: Annotated[Path, typer.Option(help="What they are (TOML); see docs/networks.md.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Model file (.safetensors).")],
    overwrite: OverwriteOption = False,
) -> None:
    """Make a model file of the weights of an RCAN trained elsewhere; runs nothing that is in it."""
    from livesim.commands.convert import convert_file

    convert_file(checkpoint, card, out, overwrite=overwrite)


@app.command()
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
        from livesim.commands.metrics import serve_metrics

        return serve_metrics(endpoint(engine), prometheus)

    from livesim.commands.status import show_status

    return show_status(endpoint(engine), as_json=as_json)


@app.command()
def steer(
    changes: Annotated[
        list[str] | None, typer.Argument(help="Settings, such as reconstruction.wiener=0.1.")
    ] = None,
    recalibrate: Annotated[
        bool, typer.Option("--recalibrate", help="Estimate the pattern anew, now.")
    ] = False,
    record: Annotated[str, typer.Option(help="Begin or end a recording.", metavar="on|off")] = "",
    engine: EngineOption = CONTROL_ADDRESS,
) -> None:
    """Change what a running engine does, from the next raw stack on."""
    from livesim.commands.steer import steer_engine

    steer_engine(endpoint(engine), changes or [], recalibrate=recalibrate, record=record)


RememberOption = Annotated[
    Path | None, typer.Option("--remember", help="File for the viewer's own choices.")
]
MemoryOption = Annotated[
    int, typer.Option(min=16, help="MiB of results to go back in time through.")
]


@app.command()
def view(
    engine: EngineOption = CONTROL_ADDRESS,
    config: ConfigOption = None,
    memory: MemoryOption = 1024,
    remember: RememberOption = None,
) -> None:
    """Show what an engine publishes; --config tells the scale where the stream does not."""
    from livesim.commands.view import ViewRequest, run_view

    request = ViewRequest(endpoint(engine), config, None, remember, memory)
    raise typer.Exit(run_view(request))


@app.command()
def live(
    config: ConfigOption = None,
    record: Annotated[
        Path | None, typer.Option(help="Folder to record into; otherwise that of the last time.")
    ] = None,
    memory: MemoryOption = 1024,
    remember: RememberOption = None,
) -> None:
    """Start an engine and the viewer together; the engine ends when the window is closed."""
    from livesim.commands.view import ViewRequest, run_view

    raise typer.Exit(run_view(ViewRequest(None, config, record, remember, memory)))


def main() -> None:
    """Run the command line: exit status 0 done, 1 the data could not be used, 2 wrong usage."""
    # Threads of torch that wait for each other spin; with all cores busy (a camera, a viewer) they
    # wait for their own time slices: 370 ms a frame instead of 10. A short spin costs nothing.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    try:
        app()
    except DataError as error:
        _fail(error, EXIT_DATA)
    except SettingsError as error:
        _fail(error, EXIT_USAGE)


def _fail(error: Exception, status: int) -> None:
    print(f"livesim: {error}", file=sys.stderr)
    sys.exit(status)
