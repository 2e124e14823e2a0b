"""Say in plain words what is wrong with the pattern, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from livesim.values.figure import Tone
from livesim.values.finding import Finding
from livesim.values.illumination import (
    FAST_DEG,
    WEAK_MODULATION,
    AngleHealth,
    AngleState,
    ChangeKind,
    TrackingHealth,
)
from livesim.wire.status import EngineState, EngineStatus
from livesim.wire.stream_status import ChangeStatus
from livesim_gui.state.stream.facts import StreamFacts

SURE = 0.99
"""Probability from which a finding is called certain."""
SEEN = 3
"""Of the last changes: those that are looked through for jumps."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to know about the pattern."""

    words: str
    tone: Tone


def advice_on(
    status: EngineStatus | None, facts: StreamFacts, channel: int = 0
) -> tuple[Advice, ...]:
    """Say what is wrong with the pattern and what to do about it, the worst first.

    Parameters
    ----------
    facts
        Of the stream, with the pattern of the channel.
    channel
        Whose pattern it is.

    Returns
    -------
    tuple[Advice, ...]
        At least one; a pattern that is good is called good.
    """
    if status is None and facts.patterns:  # of a file that is looked at
        return _of_file(facts)
    if status is None or status.state in (EngineState.IDLE, EngineState.STOPPED):
        return (Advice("No stream: nothing is known of the pattern.", Tone.QUIET),)
    if status.state is EngineState.CALIBRATING:
        return (_calibrating(status), *_doctor(status))
    own = next((one for one in status.channels if one.channel == channel), None)
    tracking = None if own is None else own.tracking
    changes = () if own is None else own.changes
    found = [*_doctor(status), *_angles(tracking), *_jumps(changes), *_warnings(facts)]
    found.sort(key=lambda one: one.tone is not Tone.BAD)
    return tuple(found) or (_nothing_wrong(tracking),)


def _of_file(facts: StreamFacts) -> tuple[Advice, ...]:
    """Say how the pattern of a file is, which nobody tracks."""
    angles = [one for pattern in facts.patterns.values() for one in pattern.angles]
    lost = sum(not angle.usable for angle in angles)
    if lost:
        words = f"{lost} of {len(angles)} angles show no fringes; their frames count as widefield."
        return (Advice(words, Tone.BAD), *_warnings(facts))
    found = Advice(f"Fringes were found at all {len(angles)} angles.", Tone.GOOD)
    return (*_warnings(facts), found)


def _calibrating(status: EngineStatus) -> Advice:
    why = f" ({status.last_fault})" if status.last_fault else ""
    return Advice(
        f"Looking for the pattern{why}. If this lasts: more light, a sample with fine structure "
        "in focus, and check that the frames come in the order that the settings say.",
        Tone.NOTE,
    )


def _nothing_wrong(tracking: TrackingHealth | None) -> Advice:
    if tracking is None:
        return Advice("The pattern is not watched: [tracking] follow is off.", Tone.QUIET)
    return Advice("The pattern is good at every angle.", Tone.GOOD)


def _angles(tracking: TrackingHealth | None) -> list[Advice]:
    angles = () if tracking is None else tracking.angles
    return [one for n, angle in enumerate(angles) if (one := _angle(n, angle)) is not None]


def _angle(number: int, angle: AngleHealth) -> Advice | None:
    name = f"Angle {number + 1}"
    if angle.state == AngleState.LOST:
        return Advice(
            f"{name} shows no fringes any more; its frames count as widefield. Is its beam "
            "blocked, the polarisation right, the sample in focus?",
            Tone.BAD,
        )
    if angle.state == AngleState.UNTRACKED:
        return Advice(
            f"{name} was never found; its frames count as widefield. Take more light, or give "
            "expected_period_nm and expected_angles_deg.",
            Tone.BAD,
        )
    if angle.state == AngleState.WEAK or angle.modulation < WEAK_MODULATION:
        return Advice(
            f"{name}: modulation only {angle.modulation:.2f}. Check focus, polarisation and the "
            "overlap of the beams.",
            Tone.NOTE,
        )
    if abs(angle.rate_deg) > FAST_DEG:
        return Advice(
            f"{name} drifts by {angle.rate_deg:+.1f}° from stack to stack; livesim follows. Is "
            "the stage or the grating still warming up?",
            Tone.NOTE,
        )
    return None


def _jumps(changes: Sequence[ChangeStatus]) -> list[Advice]:
    return [
        Advice(
            f"The phases of angle {(change.angle or 0) + 1} jumped at stack {change.time}; livesim "
            "follows. Something was knocked, or frames were lost.",
            Tone.NOTE,
        )
        for change in changes[-SEEN:]
        if change.kind is ChangeKind.JUMP
    ]


def _doctor(status: EngineStatus) -> list[Advice]:
    """Say what the doctor has found in the first raw stacks of this stream."""
    doctor = status.doctor
    if doctor is None or doctor.stream != status.stream:
        return []
    return [Advice(_found(one), Tone.BAD) for one in doctor.found.findings]


def _found(finding: Finding) -> str:
    sure = "certain" if finding.sureness >= SURE else f"{finding.sureness:.0%} sure"
    words = f"{_sentence(finding.words)} ({sure})."
    if finding.advice:
        words += f" {_sentence(finding.advice)}."
    if finding.mend is not None:
        words += f" Put into the settings: {'; '.join(finding.mend.splitlines())}."
    return words


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _warnings(facts: StreamFacts) -> list[Advice]:
    warnings = dict.fromkeys(
        words for pattern in facts.patterns.values() for words in pattern.warnings
    )
    return [Advice(f"{_sentence(words)}.", Tone.NOTE) for words in warnings]
