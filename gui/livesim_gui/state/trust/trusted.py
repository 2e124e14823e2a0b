"""Put in words, with a mark that differs in shape, whether the networks can be trusted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from livesim.values.figure import Tone
from livesim.values.verdict import TrustNumbers, TrustWord
from livesim.wire.status import EngineState, EngineStatus
from livesim.wire.stream_status import InUse, TrustStatus

_MARKS = {
    TrustWord.TRUSTED: ("✔", Tone.GOOD),
    TrustWord.LOOK: ("▲", Tone.NOTE),
    TrustWord.DO_NOT_TRUST: ("✖", Tone.BAD),
}
"""Shapes that differ also for those who see no colours."""
NOISE_AS_SAID = (0.7, 1.4)
"""Between these the noise is called what the camera's settings say."""
PLAIN_DENIED_PERCENT = 1.0
"""Of the field: from there on it is said that the plain image is contradicted."""
UNJUDGED = "Plain until the photons have judged the networks"
ALL_OVERRULED = "Plain: the photons carry nothing of what the networks changed"
_WORKING = (EngineState.RUNNING, EngineState.DRAINING)


@dataclass(frozen=True, slots=True)
class Trusted:
    """The words of the window on the networks' work."""

    word: str
    """With its mark; empty where there is nothing to say."""
    tone: Tone
    reasons: tuple[str, ...] = ()
    """Plain words, and last what to do."""
    facts: tuple[str, ...] = ()
    carried: float | None = None
    """Per cent of the structure that photons carry; None where nothing is known of it."""
    can_ask: bool = False
    """Whether there is a result that can be reviewed now."""

    @property
    def tip(self) -> str:
        """All reasons together."""
        return "\n".join(self.reasons)


NOTHING = Trusted("", Tone.QUIET, ("No stream: there is nothing to check.",))


def trusted(status: EngineStatus | None) -> Trusted:
    """Say whether the networks can be trusted."""
    if status is None:
        return NOTHING
    if status.trust is not None:
        return _reviewed(status.trust)
    if status.state not in _WORKING or status.in_use is None:
        return NOTHING
    if not status.in_use.models:
        return _without(status.in_use)
    return Trusted("… not judged yet", Tone.QUIET, (f"{UNJUDGED}.",))


def plain_words(status: EngineStatus | None) -> str:
    """Say why the restored image is the plain one, where it is."""
    return UNJUDGED if status is None or status.trust is None else ALL_OVERRULED


def _without(in_use: InUse) -> Trusted:
    """Say why no network is at work."""
    shown = "What is shown is the plain reconstruction."
    why = _why_none(in_use)
    if why:
        return Trusted("▲ no network", Tone.NOTE, (why, shown))
    return Trusted("", Tone.QUIET, ("No network is at work.", shown))


def _why_none(in_use: InUse) -> str:
    """Return the reason why none can work; nothing where the user has switched them off."""
    patterns = in_use.patterns.values()
    if patterns and not any(angle.usable for one in patterns for angle in one.angles):
        return "The pattern has no usable angle, so no network works on it."
    if patterns and not any(in_use.choices.values()):
        return "No network fits this layout of angles and phases."
    return ""


def _reviewed(trust: TrustStatus) -> Trusted:
    verdict, carried = trust.verdict, trust.numbers.carried_percent
    mark, tone = _MARKS[verdict.word]
    reasons = tuple(f"{words[:1].upper()}{words[1:]}." for words in verdict.reasons)
    return Trusted(
        f"{mark} {verdict.word}",
        tone,
        (*reasons, verdict.advice) if verdict.advice else reasons,
        tuple(_facts(trust)),
        carried if math.isfinite(carried) else None,
        can_ask=True,
    )


def _facts(trust: TrustStatus) -> Iterator[str]:
    numbers = trust.numbers
    channel = f" of channel {trust.index.channel + 1}" if trust.index.channel else ""
    yield f"Result {trust.index.time}{channel}; {trust.reviewed} of this stream reviewed so far"
    yield from _of_networks(numbers)
    if not trust.verdict.unlike:
        yield "Training: the images look like those that the networks were trained on"
    yield from _of_instrument(numbers)
    if trust.failures:
        yield f"{trust.failures} reviews failed; the engine has said why"


def _of_networks(numbers: TrustNumbers) -> Iterator[str]:
    yield (
        f"Of what the networks changed, {numbers.shown_percent:.0f} % is shown; of the rest the "
        "photons say too little, or the opposite"
    )
    if numbers.overruled_sigmas:
        y, x = numbers.overruled_yx
        yield (
            f"Overruled most at x = {x:.0f}, y = {y:.0f}: there the networks alone are off by "
            f"{numbers.overruled_sigmas:.0f} times the error of what is shown"
        )
    yield (
        f"The restored image is off by ± {_digits(numbers.error_percent)} % of the light of the "
        "brightest structures; the error map says where"
    )


def _of_instrument(numbers: TrustNumbers) -> Iterator[str]:
    if numbers.plain_denied_percent >= PLAIN_DENIED_PERCENT:
        yield (
            f"In {numbers.plain_denied_percent:.0f} % of the field the photons contradict even the "
            "plain image: pattern, OTF or camera are not what the settings say (residual map)"
        )
    if not NOISE_AS_SAID[0] < numbers.noise_ratio < NOISE_AS_SAID[1]:
        yield (
            f"The noise is {numbers.noise_ratio:.1f} times what the camera's gain and read noise "
            "say: is [camera] right? The check itself goes by the noise that is there"
        )


def _digits(percent: float) -> str:
    """Return a number as exactly as it is known."""
    return f"{percent:.0f}" if percent >= 10.0 else f"{percent:.1f}"
