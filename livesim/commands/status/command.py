"""Print what a running engine says of itself: the command `livesim status`.

Its figures are printed as it lists them (`livesim.engine.figures`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from livesim.commands.doctor.findings import finding_lines, undecided_lines
from livesim.values.figure import Figure, Tone, labels
from livesim.values.illumination import TrackingHealth
from livesim.wire.control_client import ControlClient
from livesim.wire.status import EngineStatus, LatencyStatus, PartLatency
from livesim.wire.stream_status import ChangeStatus, ChannelStatus, DoctorStatus, InUse, TrustStatus

SHOWN_CHANGES = 5
"""Of the pattern; `--json` shows more."""
STYLES = {Tone.QUIET: None, Tone.GOOD: None, Tone.NOTE: "yellow", Tone.BAD: "red"}


def show_status(engine: str, *, as_json: bool) -> None:
    """Ask the engine at the control endpoint `engine` and print what it says."""
    with ControlClient(engine) as client:
        status = client.status()
    if as_json:
        print(status.model_dump_json(indent=1))
    else:
        print_status(status, Console())


def print_status(status: EngineStatus, console: Console) -> None:
    """Print a status: tables first, then what is wrong."""
    stream = f", stream {status.stream} from {status.source}" if status.stream else ""
    console.print(f"{status.state}{stream}", highlight=False)
    console.print(_stage_table(status))
    if status.latency is not None:
        console.print(_latency_table(status.latency, "result"))
    if status.network_latency is not None:
        console.print(_latency_table(status.network_latency, "networks' image"))
    for line in _circumstances(status):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    if status.figures:
        console.print(_figure_table(status.figures))
    _print_channels(status.channels, console)
    for line in _verdicts(status):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    _print_faults(status, console)


def _circumstances(status: EngineStatus) -> Iterator[str]:
    if status.in_use is not None:
        yield _in_use(status.in_use)
        patterns = status.in_use.patterns.values()
        warned = (words for pattern in patterns for words in pattern.warnings)
        yield from dict.fromkeys((*status.in_use.notes, *warned))
    if status.device is not None:
        note = status.device.note
        yield f"on {status.device.name}" + (f"; {note}" if note else "")
    for one in status.engines:
        if one.words:
            yield f"engine {one.number} of {len(status.engines)}, {one.state}: {one.words}"
    if status.rolling is not None:
        yield f"rolling: a result with every {status.rolling.mode}"


def _verdicts(status: EngineStatus) -> Iterator[str]:
    if status.doctor is not None:
        yield _doctor(status.doctor)
    if status.trust is not None and status.trust.stream == status.stream:
        yield _trust(status.trust)


def _print_faults(status: EngineStatus, console: Console) -> None:
    if status.recording is not None:
        _print_recording(status.recording, status.recording_fault, console)
    for name, count in _faults(status):
        console.print(f"{count} {name.replace('_', ' ')}", style="yellow", highlight=False)
    if status.last_fault is not None:
        console.print(status.last_fault, style="yellow", highlight=False, markup=False)


def _stage_table(status: EngineStatus) -> Table:
    table = Table("stage", "done", "per second", "queue", "policy", "dropped")
    for stage in status.stages:
        table.add_row(
            stage.name,
            str(stage.done),
            f"{stage.per_second:.1f}",
            f"{stage.queued}/{stage.queue_limit}",
            stage.keep,
            str(stage.dropped),
        )
    return table


def _figure_table(figures: Sequence[Figure]) -> Table:
    table = Table("figure", "value")
    for label, figure in zip(labels(figures), figures, strict=True):
        table.add_row(label, figure.words, style=STYLES[figure.tone])
    return table


def _in_use(in_use: InUse) -> str:
    steps = in_use.settings.steps
    wiener = in_use.settings.reconstruction.wiener
    pair = f"step one {steps.one}, step two {steps.two}"
    networks = pair if steps.all == "none" else f"one network for all {steps.all}"
    return f"{networks}, Wiener {wiener}"


def _print_recording(folder: str, fault: str | None, console: Console) -> None:
    if fault is None:
        console.print(f"recording into {folder}", highlight=False)
    else:
        words = f"recording into {folder} has stopped: {fault}"
        console.print(words, style="red", highlight=False, markup=False)


def _latency_table(latency: LatencyStatus, end: str) -> Table:
    title = f"last raw frame to {end}, {latency.results} of the last seconds"
    table = Table("ms", "median", "95 %", "99 %", title=title, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    inside = [part.model_copy(update={"name": f"  {part.name}"}) for part in latency.steps]
    for part in latency.stages:
        table.add_row(*_latency_cells(part))
        if part.name == "reconstruct":
            for step in inside:
                table.add_row(*_latency_cells(step), style="dim")
    table.add_section()
    whole = latency.model_dump(include={"p50_ms", "p95_ms", "p99_ms"})
    table.add_row(*_latency_cells(PartLatency(name="in all", **whole)))
    return table


def _latency_cells(part: PartLatency) -> list[str]:
    times = (part.p50_ms, part.p95_ms, part.p99_ms)
    return [part.name, *(f"{milliseconds:.2f}" for milliseconds in times)]


def _print_channels(channels: Sequence[ChannelStatus], console: Console) -> None:
    for one in channels:
        if one.tracking is not None:
            title = f"channel {one.channel}" if len(channels) > 1 else None
            console.print(_tracking_table(one.tracking, title))
        _print_changes(one.changes, console)


def _tracking_table(tracking: TrackingHealth, title: str | None) -> Table:
    columns = ("angle", "pattern", "drift deg", "deg per stack", "modulation")
    table = Table(*columns, title=title, title_justify="left")
    for number, angle in enumerate(tracking.angles):
        table.add_row(
            str(number),
            angle.state,
            f"{angle.drift_deg:.1f} ± {angle.error_deg:.1f}",
            f"{angle.rate_deg:+.3f}",
            f"{angle.modulation:.2f}",
        )
    return table


def _print_changes(changes: Sequence[ChangeStatus], console: Console) -> None:
    for change in changes[-SHOWN_CHANGES:]:
        where = "" if change.angle is None else f", angle {change.angle}"
        console.print(
            f"stack {change.time}: {change.kind}{where}: {change.reason}",
            style="yellow" if change.alarm else None,
            highlight=False,
            markup=False,
        )


def _doctor(doctor: DoctorStatus) -> str:
    found = "" if doctor.found.findings else " no fault found"
    lines = [f"doctor, {doctor.stacks} raw stack(s) from {doctor.time} on:{found}"]
    for finding in doctor.found.findings:
        lines += finding_lines(finding)
    return "\n".join([*lines, *undecided_lines(doctor.found.undecided)])


def _trust(trust: TrustStatus) -> str:
    verdict = trust.verdict
    lines = [f"networks, stack {trust.index.time}: {verdict.word}"]
    lines += [f"  {reason}" for reason in verdict.reasons]
    if verdict.advice:
        lines.append(f"  {verdict.advice}")
    return "\n".join(lines)


def _faults(status: EngineStatus) -> list[tuple[str, int]]:
    counts = status.faults.model_dump()
    return [(name, count) for name, count in counts.items() if count]
