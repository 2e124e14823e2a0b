"""List the numbers that say how well the engine and its results are doing.

This is the only list of them: `livesim status`, the page for Prometheus and the viewer's health
panel show what stands here. A new figure is one line here, made of what the status knows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from livesim.values.figure import Figure, Tone, Unit
from livesim.values.frames import Rolling
from livesim.values.illumination import FAST_DEG, WEAK_MODULATION, AngleState, TrackingHealth
from livesim.values.pattern import Pattern
from livesim.values.verdict import TrustWord
from livesim.wire.networks import networks_words
from livesim.wire.status import DeviceStatus, EngineStatus, MemberState, MemberStatus
from livesim.wire.stream_status import DoctorStatus, NetworksStatus, TrustStatus

WORST = "in the worst angle"
FULL = 0.95
"""Share of a GPU's memory from which there may be too little for the next stream."""
TRUST_TONES = {
    TrustWord.TRUSTED: Tone.GOOD,
    TrustWord.LOOK: Tone.NOTE,
    TrustWord.DO_NOT_TRUST: Tone.BAD,
}


def figures_of(status: EngineStatus) -> tuple[Figure, ...]:
    """Return all figures of a status, made once a status and shown everywhere.

    Parameters
    ----------
    status
        Whole but for its figures.
    """
    return tuple(one for one in _all(status) if math.isfinite(one.value))


def _all(status: EngineStatus) -> Iterator[Figure]:
    rates = {stage.name: stage.per_second for stage in status.stages}
    yield Figure("raw frames", rates.get("receive", 0.0), Unit.PER_SECOND)
    yield Figure("reconstructed", rates.get("process", 0.0), Unit.PER_SECOND)
    if status.networks is not None and status.in_use is not None and status.in_use.models:
        yield _of_networks(status.networks)
    if status.rolling is not None:
        yield from _of_rolling(status.rolling.newest)
    patterns = {} if status.in_use is None else status.in_use.patterns
    for channel, pattern in patterns.items():
        yield from _of_pattern(pattern, channel)
    for one in status.channels:
        if one.tracking is not None:
            yield from _of_tracking(one.tracking, one.channel)
    if status.doctor is not None and status.doctor.stream == status.stream:
        yield _of_doctor(status.doctor)
    if status.trust is not None and status.trust.stream == status.stream:
        yield from _of_trust(status.trust)
    if status.device is not None:
        yield from _of_device(status.device)
    if status.engines:
        yield _of_engines(status.engines)


def _of_engines(engines: Sequence[MemberStatus]) -> Figure:
    away = [one for one in engines if one.state is MemberState.AWAY]
    skipped = sum(one.skipped for one in engines)
    remark = f"of {len(engines)}"
    for one in away:
        channels = ", ".join(map(str, one.channels)) or "none"
        remark += f"; engine {one.number} is away, its channels ({channels}) are skipped"
    if skipped:
        remark += f"; {skipped} raw stacks were, restore makes them"
    tone = Tone.BAD if away else Tone.NOTE if skipped else Tone.QUIET
    return Figure("engines at work", len(engines) - len(away), Unit.COUNT, tone, remark=remark)


def _of_networks(networks: NetworksStatus) -> Figure:
    tone = Tone.NOTE if networks.behind else Tone.QUIET
    remark = f"of {networks.of_per_second:.1f}/s, {networks_words(networks.run)}"
    return Figure("networks", networks.per_second, Unit.PER_SECOND, tone, remark=remark)


def _of_rolling(rolling: Rolling) -> Iterator[Figure]:
    tone = Tone.NOTE if rolling.motion else Tone.QUIET
    remark = "(expect artefacts where it moves)" if rolling.motion else ""
    yield Figure("rolling updates", rolling.updates_per_s, Unit.PER_SECOND)
    yield Figure("rolling time resolution", rolling.resolution_ms, Unit.MILLISECONDS)
    yield Figure("rolling changed", 100.0 * rolling.changed, Unit.PERCENT, remark="of the field")
    yield Figure("rolling motion", float(rolling.motion), Unit.YES_OR_NO, tone, remark=remark)


def _of_pattern(pattern: Pattern, channel: int) -> Iterator[Figure]:
    usable = sum(angle.usable for angle in pattern.angles)
    lost = usable < len(pattern.angles)
    yield Figure(
        "pattern angles usable",
        usable,
        Unit.COUNT,
        Tone.BAD if lost else Tone.QUIET,
        channel,
        f"of {len(pattern.angles)}",
    )
    yield Figure(
        "pattern attainable resolution",
        pattern.attainable_resolution_nm,
        Unit.NANOMETRES,
        channel=channel,
    )
    defects = len(pattern.defects)
    tone = Tone.NOTE if defects else Tone.QUIET
    yield Figure("camera defects", defects, Unit.COUNT, tone, channel, "pixels, replaced")
    faint = any(angle.faint for angle in pattern.angles)
    contrast = min(angle.mcnr for angle in pattern.angles)
    tone = Tone.NOTE if faint else Tone.QUIET
    yield Figure("pattern contrast to noise", contrast, Unit.NONE, tone, channel, WORST)


def _of_tracking(tracking: TrackingHealth, channel: int) -> Iterator[Figure]:
    seen = [one for one in tracking.angles if one.state is not AngleState.UNTRACKED]
    if seen:
        modulation = min(one.modulation for one in seen)
        weak = modulation < WEAK_MODULATION or any(one.state is AngleState.WEAK for one in seen)
        tone = Tone.NOTE if weak else Tone.QUIET
        yield Figure("pattern modulation", modulation, Unit.NONE, tone, channel, WORST)
        drift = max((one.rate_deg for one in seen), key=abs)
        tone = Tone.NOTE if abs(drift) > FAST_DEG else Tone.QUIET
        yield Figure("pattern drift", drift, Unit.DEGREES, tone, channel, "from stack to stack")
    yield Figure("pattern swaps", tracking.swaps, Unit.TOTAL, channel=channel)
    alarms = Tone.NOTE if tracking.alarms else Tone.QUIET
    yield Figure("pattern alarms", tracking.alarms, Unit.TOTAL, alarms, channel)
    failures = Tone.NOTE if tracking.failures else Tone.QUIET
    yield Figure("pattern check failures", tracking.failures, Unit.TOTAL, failures, channel)
    remark = "pixels of single frames, replaced"
    yield Figure("camera hits", tracking.hits, Unit.TOTAL, channel=channel, remark=remark)


def _of_doctor(doctor: DoctorStatus) -> Figure:
    faults = len(doctor.found.findings)
    tone = Tone.BAD if faults else Tone.QUIET
    remark = f"in {doctor.stacks} raw stack(s)"
    return Figure("doctor faults", faults, Unit.COUNT, tone, remark=remark)


def _of_trust(trust: TrustStatus) -> Iterator[Figure]:
    numbers, tone, channel = trust.numbers, TRUST_TONES[trust.verdict.word], trust.index.channel
    structure = f"of the structure, by photons: {trust.verdict.word}"
    yield Figure(
        "trust carried", numbers.carried_percent, Unit.PERCENT, tone, channel, remark=structure
    )
    change = "of what the networks changed"
    yield Figure("trust shown", numbers.shown_percent, Unit.PERCENT, channel=channel, remark=change)
    light = "of the light"
    yield Figure("trust error", numbers.error_percent, Unit.PERCENT, channel=channel, remark=light)
    y, x = numbers.overruled_yx
    where = f"at x = {x:.0f}, y = {y:.0f}" if numbers.overruled_sigmas else ""
    yield Figure(
        "trust overruled", numbers.overruled_sigmas, Unit.SIGMAS, channel=channel, remark=where
    )
    denied, ratio = numbers.plain_denied_percent, numbers.noise_ratio
    if denied is not None:
        field = "of the field"
        yield Figure("trust plain denied", denied, Unit.PERCENT, channel=channel, remark=field)
    if ratio is not None:
        yield Figure("trust noise ratio", ratio, Unit.NONE, channel=channel)


def _of_device(device: DeviceStatus) -> Iterator[Figure]:
    used, total = device.memory_used_bytes, device.memory_total_bytes
    if used is None or not total:
        return
    tone = Tone.NOTE if used > FULL * total else Tone.QUIET
    remark = f"of {total / 2**30:.1f}"
    yield Figure("GPU memory", used / 2**30, Unit.GIB, tone, remark=remark)
