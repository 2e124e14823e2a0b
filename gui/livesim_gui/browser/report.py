"""Put into words for the page how engine, networks and pattern are, as the viewer says it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from livesim.values.figure import labels
from livesim.values.illumination import AngleHealth
from livesim.values.pattern import PatternAngle
from livesim.values.wording import count
from livesim.wire.status import EngineStatus
from livesim_gui.state.health.advice import advice_on
from livesim_gui.state.health.health import health_of
from livesim_gui.state.stream.connection import Connection
from livesim_gui.state.stream.facts import StreamFacts
from livesim_gui.state.stream.feed import News
from livesim_gui.state.stream.rolling import rolling_words
from livesim_gui.state.trust.trusted import trusted


def report_of(news: News, channel: int, took_ms: int | None, watchers: int) -> dict[str, Any]:
    """Return all that the page says in words.

    Parameters
    ----------
    channel
        Whose pattern it is about.
    took_ms
        From the last raw frame to this watcher's screen; None where nothing has been drawn yet.
    watchers
        How many look.
    """
    status, facts = news.status, news.facts.of_channel(channel)
    health, trust = health_of(news), trusted(status)
    return {
        "kind": "report",
        "engine": {"word": health.word, "tone": health.tone},
        "alarm": health.alarm or "",
        "hint": "" if news.shots else _hint(news),
        "stream": {"name": news.stream or "", "source": news.facts.source or ""},
        "channels": sorted({shot.channel for shot in news.shots}),
        "trust": {"word": trust.word, "tone": trust.tone, "reasons": [*trust.reasons]},
        "advice": [
            {"words": one.words, "tone": one.tone} for one in advice_on(status, facts, channel)
        ],
        "angles": _angles(status, facts, channel),
        "resolution": _resolution(facts),
        "microscope": _microscope(facts),
        "figures": [*_rates(news, took_ms, watchers), *_figures(status)],
    }


def _hint(news: News) -> str:
    """Say why there is no picture."""
    if news.connection is Connection.LOST:
        return "The engine does not answer any more."
    if news.status is None:
        return news.words or "No engine answers yet."
    if news.status.stream is None:
        return "The engine waits for a stream."
    return "The engine is looking for the pattern…"


def _rates(news: News, took_ms: int | None, watchers: int) -> Iterator[dict[str, str]]:
    if took_ms is not None:
        yield _line("Last raw frame to this screen", f"{took_ms} ms")
    latency = None if news.status is None else news.status.latency
    if latency is not None:
        value = f"{latency.p50_ms:.0f} ms (95 %: {latency.p95_ms:.0f} ms)"
        yield _line("Last raw frame to result", value)
    yield _line("Results", f"{news.per_second:.1f} /s")
    yield _line("Watching", count(watchers, "page"))
    rolling = None if news.status is None else news.status.rolling
    if rolling is not None:
        yield _line("Rolling", rolling_words(rolling.newest))


def _figures(status: EngineStatus | None) -> list[dict[str, str]]:
    if status is None:
        return []
    named = zip(labels(status.figures, first_channel=1), status.figures, strict=True)
    return [_line(label, figure.words, figure.tone) for label, figure in named]


def _line(label: str, value: str, tone: str = "quiet") -> dict[str, str]:
    return {"label": label, "value": value, "tone": tone}


def _microscope(facts: StreamFacts) -> dict[str, float]:
    """Return the numbers of the stream's settings that a recording of it needs as well."""
    known = facts.settings
    if known is None or known.optics.pixel_nm is None:
        return {}
    angles, phases = known.pattern.stack_shape
    return {
        "na": known.optics.numerical_aperture,
        "emission": known.optics.emission_nm,
        "pixel": known.optics.pixel_nm,
        "angles-count": angles,
        "phases-count": phases,
        "offset": known.camera.offset,
        "gain": known.camera.gain,
    }


def _resolution(facts: StreamFacts) -> str:
    words = []
    if facts.attainable_nm is not None:
        words.append(f"attainable {facts.attainable_nm:.0f} nm")
    if facts.widefield_nm is not None:
        words.append(f"widefield {facts.widefield_nm:.0f} nm")
    return ", ".join(words)


def _angles(status: EngineStatus | None, facts: StreamFacts, channel: int) -> list[dict[str, str]]:
    """Return one row for each angle, with its units in the values."""
    pattern = facts.patterns.get(channel)
    channels = () if status is None else status.channels
    own = next((one.tracking for one in channels if one.channel == channel), None)
    found = () if pattern is None else pattern.angles
    tracked = () if own is None else own.angles
    count = max(len(found), len(tracked))
    return [
        {
            "angle": str(number + 1),
            **_found(found[number] if number < len(found) else None),
            **_tracked(tracked[number] if number < len(tracked) else None),
        }
        for number in range(count)
    ]


def _found(angle: PatternAngle | None) -> dict[str, str]:
    if angle is None:
        return {"period": "", "peak": "", "modulation": ""}
    return {
        "period": f"{angle.period_nm:.0f} nm",
        "peak": f"{angle.peak_to_noise:.0f} σ" if math.isfinite(angle.peak_to_noise) else "",
        "modulation": f"{angle.modulation[0]:.2f}",
    }


def _tracked(angle: AngleHealth | None) -> dict[str, str]:
    if angle is None:
        return {"state": "", "drift": ""}
    words = {"state": str(angle.state), "drift": f"{angle.drift_deg:+.1f}°".replace("-", "−")}
    if math.isfinite(angle.modulation):
        words["modulation"] = f"{angle.modulation:.2f}"
    return words
