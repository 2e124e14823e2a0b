"""`livesim status`: rates, latency by stage, queues and drops of a running engine."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from livesim.commands.doctor.findings import finding_lines, untold_lines
from livesim.wire.control_client import ControlClient
from livesim.wire.doctor_status import DoctorStatus
from livesim.wire.in_use import DeviceStatus, InUse
from livesim.wire.pattern_status import ChannelStatus, TrackingStatus
from livesim.wire.status import EngineStatus, LatencyStatus, PartLatency, RollingStatus
from livesim.wire.trust_status import TrustStatus

SHOWN_CHANGES = 5
"""Of the pattern; `--json` shows more."""


def show_status(engine: str, *, as_json: bool) -> None:
    """Ask the engine at the control endpoint `engine` and print what it says."""
    with ControlClient(engine) as client:
        status = client.status()
    if as_json:
        print(status.model_dump_json(indent=1))
    else:
        _print(status, Console())


def _print(status: EngineStatus, console: Console) -> None:
    stream = f", stream {status.stream} from {status.source}" if status.stream else ""
    console.print(f"{status.state}{stream}", highlight=False)
    console.print(_stage_table(status))
    if status.latency is not None:
        console.print(_latency_table(status.latency))
    if status.in_use is not None:
        console.print(_in_use(status.in_use), soft_wrap=True, highlight=False, markup=False)
    if status.device is not None:
        console.print(f"on {device_words(status.device)}", highlight=False, markup=False)
    if status.rolling is not None:
        _print_rolling(status.rolling, console)
    _print_channels(status.channels, console)
    if status.doctor is not None:
        console.print(_doctor(status.doctor), soft_wrap=True, highlight=False, markup=False)
    if status.trust is not None:
        console.print(_trust(status.trust), soft_wrap=True, highlight=False, markup=False)
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


def _in_use(in_use: InUse) -> str:
    steps = in_use.settings.steps
    wiener = in_use.settings.reconstruction.wiener
    return f"step one {steps.one}, step two {steps.two}, Wiener {wiener}"


def device_words(device: DeviceStatus) -> str:
    """Return the device's name and, of a GPU, how full its memory is."""
    if device.memory_used_bytes is None or device.memory_total_bytes is None:
        return device.name
    used, total = device.memory_used_bytes / 2**30, device.memory_total_bytes / 2**30
    return f"{device.name}, {used:.1f} of {total:.1f} GiB used"


def _print_recording(folder: str, fault: str | None, console: Console) -> None:
    if fault is None:
        console.print(f"recording into {folder}", highlight=False)
    else:
        words = f"recording into {folder} has stopped: {fault}"
        console.print(words, style="red", highlight=False, markup=False)


def _latency_table(latency: LatencyStatus) -> Table:
    title = f"last raw frame to result, {latency.results} results"
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


def _print_rolling(rolling: RollingStatus, console: Console) -> None:
    console.print(
        f"rolling, every {rolling.mode}: update rate {rolling.updates_per_s:.1f} /s, "
        f"time resolution {rolling.resolution_ms:.0f} ms",
        highlight=False,
    )
    if rolling.motion:
        words = f"motion in {rolling.changed:.1%} of the field: expect artefacts there"
        console.print(words, style="yellow", highlight=False)


def _print_channels(channels: Sequence[ChannelStatus], console: Console) -> None:
    for one in channels:
        if one.tracking is not None:
            title = f"channel {one.channel}" if len(channels) > 1 else None
            _print_tracking(one.tracking, title, console)


def _print_tracking(tracking: TrackingStatus, title: str | None, console: Console) -> None:
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
    console.print(table)
    for change in tracking.changes[-SHOWN_CHANGES:]:
        where = "" if change.angle is None else f", angle {change.angle}"
        console.print(
            f"stack {change.time}: {change.kind}{where}: {change.reason}",
            style="yellow" if change.alarm else None,
            highlight=False,
            markup=False,
        )


def _doctor(doctor: DoctorStatus) -> str:
    found = "" if doctor.findings else " no fault found"
    lines = [f"doctor, {doctor.stacks} raw stack(s) from {doctor.time} on:{found}"]
    for finding in doctor.findings:
        lines += finding_lines(finding)
    return "\n".join([*lines, *untold_lines(doctor.undecided)])


def _trust(trust: TrustStatus) -> str:
    lines = [f"networks, stack {trust.index.time}: {trust.word}"]
    lines += [f"  {reason}" for reason in trust.reasons]
    if trust.advice:
        lines.append(f"  {trust.advice}")
    if trust.spread_percent is not None:
        lines.append(f"  flipped, the bright structures differ by {trust.spread_percent:.0f} %")
    return "\n".join(lines)


def _faults(status: EngineStatus) -> list[tuple[str, int]]:
    counts = status.faults.model_dump(exclude={"version"})
    return [(name, count) for name, count in counts.items() if count]
