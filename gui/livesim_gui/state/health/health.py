"""Put in words how the engine and the viewer itself are, for the health panel and the alarm bar.

The engine's figures are shown as it lists them (`livesim.engine.figures`): a new one appears here
by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from livesim.values.figure import Tone, labels
from livesim.wire.status import EngineState, EngineStatus, StageStatus
from livesim_gui.state.stream.connection import Connection
from livesim_gui.state.stream.feed import News

NOT_RECORDED = "Raw data are not being recorded: what you see cannot be restored later"
_STATE_WORDS = {
    EngineState.IDLE: ("waiting for a stream", Tone.QUIET),
    EngineState.CALIBRATING: ("looking for the pattern", Tone.NOTE),
    EngineState.RUNNING: ("running", Tone.GOOD),
    EngineState.FINISHING: ("finishing", Tone.NOTE),
    EngineState.STOPPED: ("engine stopped", Tone.NOTE),
}
_PART_WORDS = {
    "assemble": "… to assemble the stack",
    "wait": "… waiting for the processor",
    "reconstruct": "… to reconstruct it",
    "publish": "… to publish the result",
}
_BUSY = (EngineState.CALIBRATING, EngineState.RUNNING, EngineState.FINISHING)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the health panel."""

    label: str
    value: str
    tone: Tone = Tone.QUIET


@dataclass(frozen=True, slots=True)
class Health:
    """What the window shows of the engine."""

    word: str
    """In the corner."""
    tone: Tone
    alarm: str | None
    """In the red bar; None hides it."""
    lines: tuple[Line, ...]


def health_of(news: News, *, replayed: bool = False) -> Health:
    """Put in words how the engine is.

    Parameters
    ----------
    replayed
        Whether the stream is a recording that this viewer replays: nothing is lost then where it
        is not recorded once more.
    """
    status = news.status
    if status is None:
        return Health(*_away(news), None, ())
    word, tone = _STATE_WORDS[status.state]
    own = (*_own(news), *_device(status), *_recording(status))
    lines = (*_figures(status), *_latency(status), *_queues(status), *own, *_faults(status))
    return Health(word, tone, _alarm(status, replayed=replayed), lines)


def _away(news: News) -> tuple[str, Tone]:
    tones = {Connection.LOST: Tone.BAD, Connection.WAITING: Tone.NOTE}
    if news.connection is Connection.LOST and news.ended:
        return "engine has ended", Tone.NOTE
    words = {Connection.LOST: "engine lost", Connection.WAITING: "no engine answers yet"}
    return (
        words.get(news.connection, news.connection.value),
        tones.get(news.connection, Tone.QUIET),
    )


def _alarm(status: EngineStatus, *, replayed: bool) -> str | None:
    """Say what endangers the raw data."""
    unrecorded = status.faults.unrecorded_stacks
    if unrecorded:
        reason = status.recording_fault or status.last_fault
        why = f": {reason}" if reason else ""
        return f"Recording fails: {unrecorded} stacks or results are not on the disk{why}"
    if status.state in _BUSY and status.recording is None and not replayed:
        return NOT_RECORDED
    return None


def _figures(status: EngineStatus) -> list[Line]:
    named = zip(labels(status.figures, first_channel=1), status.figures, strict=True)
    return [Line(label, figure.words, figure.tone) for label, figure in named]


def _latency(status: EngineStatus) -> list[Line]:
    latency = status.latency
    if latency is None:
        return []
    whole = f"{latency.p50_ms:.0f} ms (95 %: {latency.p95_ms:.0f} ms)"
    parts = [
        Line(_PART_WORDS.get(one.name, one.name), f"{one.p50_ms:.1f} ms (95 %: {one.p95_ms:.1f})")
        for one in latency.stages
    ]
    return [Line("Last raw frame to result", whole), *parts, *_networks(status)]


def _networks(status: EngineStatus) -> list[Line]:
    latency = status.network_latency
    if latency is None:
        return []
    whole = f"{latency.p50_ms:.0f} ms (95 %: {latency.p95_ms:.0f} ms)"
    return [Line("… to the networks' image", whole)]


def _queues(status: EngineStatus) -> list[Line]:
    return [_queue(stage) for stage in status.stages if stage.queue_limit]


def _queue(stage: StageStatus) -> Line:
    full = stage.queued >= stage.queue_limit
    dropped = f", {stage.dropped} dropped" if stage.dropped else ""
    tone = Tone.NOTE if full or stage.dropped else Tone.QUIET
    return Line(f"Queue to {stage.name}", f"{stage.queued} of {stage.queue_limit}{dropped}", tone)


def _own(news: News) -> list[Line]:
    lines = [
        Line("Shown here", f"{news.per_second:.1f} /s"),
        Line(
            "Memory of this window", f"{len(news.shots)} results, {news.shot_bytes / 2**20:.0f} MiB"
        ),
    ]
    if news.missed:
        lines.append(Line("Missed by this window", f"{news.missed} (display only)", Tone.NOTE))
    return lines


def _device(status: EngineStatus) -> list[Line]:
    device = status.device
    if device is None:
        return []
    lines = [Line("Computes on", device.name)]
    return [*lines, Line("", device.note, Tone.NOTE)] if device.note else lines


def _recording(status: EngineStatus) -> list[Line]:
    if status.recording_fault is not None:
        return [Line("Recording", f"stopped: {status.recording_fault}", Tone.BAD)]
    if status.recording is not None:
        return [Line("Recording into", status.recording, Tone.GOOD)]
    return [Line("Recording", "off", Tone.BAD if status.state in _BUSY else Tone.QUIET)]


def _faults(status: EngineStatus) -> list[Line]:
    counts = status.faults.model_dump()
    lines = [
        Line(name.replace("_", " ").capitalize(), str(count), Tone.NOTE)
        for name, count in counts.items()
        if count
    ]
    if status.last_fault is not None:
        lines.append(Line("Last fault", status.last_fault, Tone.NOTE))
    return lines
