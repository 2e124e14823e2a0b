"""Put in words, with a mark that differs in shape, whether the networks can be trusted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from livesim.values.figure import Tone
from livesim.values.pattern import Pattern
from livesim.values.verdict import MARKS, TrustNumbers
from livesim.wire.networks import OFF
from livesim.wire.status import EngineState, EngineStatus
from livesim.wire.stream_status import InUse, TrustStatus

NOISE_AS_SAID = (0.7, 1.4)
"""Between these the noise is called what the camera's settings say."""
NO_NETWORK = "no network runs"
"""What the engine begins such a warning with."""
UNJUDGED = "Plain until the photons have judged the networks"
ALL_OVERRULED = "Plain: the photons bear out nothing of what the networks changed"
_PLAIN = "What is shown is the plain reconstruction."
_SOME = 0.5
"""Per cent of the networks' change from which on some of it is shown."""
_WORKING = (EngineState.RUNNING, EngineState.FINISHING)


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
    own = status.trust
    if own is not None and status.stream in (None, own.stream):  # a verdict ends with its stream
        return _reviewed(own)
    if status.state not in _WORKING or status.in_use is None:
        return NOTHING
    why = _why_none(status.in_use)
    if why:
        return Trusted("▲ no network", Tone.NOTE, (*why, _PLAIN))
    if not status.in_use.models:
        return Trusted("", Tone.QUIET, ("No network is at work.", _PLAIN))
    if status.networks is not None and status.networks.run == OFF:
        return Trusted("", Tone.QUIET, ("The networks are switched off.", _PLAIN))
    return Trusted("… not judged yet", Tone.QUIET, (f"{UNJUDGED}.",))


def plain_words(status: EngineStatus | None) -> str:
    """Say why the restored image is the plain one, where it is.

    Results from before the first review and while it went on were published without networks, and
    stay so when one goes back to them.
    """
    if status is None or status.trust is None or status.trust.numbers.shown_percent >= _SOME:
        return UNJUDGED
    return ALL_OVERRULED


def _why_none(in_use: InUse) -> tuple[str, ...]:
    """Return why no network runs; nothing where one does, or where they are switched off."""
    if not in_use.models:
        return tuple(_sentence(note) for note in in_use.notes)
    warned = [_misfits(pattern) for pattern in in_use.patterns.values()]
    if not all(warned):
        return ()  # one of the channels has networks
    return tuple(dict.fromkeys(_sentence(words) for each in warned for words in each))


def _misfits(pattern: Pattern) -> list[str]:
    """Return those of a pattern's warnings that say why no network runs with it."""
    return [words for words in pattern.warnings if words.startswith(NO_NETWORK)]


def _reviewed(trust: TrustStatus) -> Trusted:
    verdict, carried = trust.verdict, trust.numbers.carried_percent
    mark, tone = MARKS[verdict.word]
    reasons = tuple(_sentence(words) for words in verdict.reasons)
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
    yield from _of_camera(numbers)
    if trust.failures:
        yield f"{trust.failures} reviews failed; the engine has said why"


def _of_networks(numbers: TrustNumbers) -> Iterator[str]:
    yield (
        f"Of what the networks changed, {numbers.shown_percent:.0f} % is shown; of the rest the "
        "photons say nothing, or the opposite"
    )
    yield (
        f"What is shown is off by ± {_digits(numbers.error_percent)} % of the light of the "
        "brightest structures; the error map says where"
    )


def _of_camera(numbers: TrustNumbers) -> Iterator[str]:
    ratio = numbers.noise_ratio
    if ratio is not None and not NOISE_AS_SAID[0] < ratio < NOISE_AS_SAID[1]:
        yield (
            f"The noise is {ratio:.1f} times what the camera's gain and read noise "
            "say: look at [camera]. The check itself goes by the noise that is there"
        )


def _sentence(words: str) -> str:
    """Return words as a sentence, with no line break inside "x = 1"."""
    end = "" if words.endswith(("?", "!", ".")) else "."
    return f"{words[:1].upper()}{words[1:]}{end}".replace(
        " = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}"
    )


def _digits(percent: float) -> str:
    """Return a number as exactly as it is known."""
    return f"{percent:.0f}" if percent >= 10.0 else f"{percent:.1f}"
