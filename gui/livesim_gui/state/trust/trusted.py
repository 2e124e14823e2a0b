"""Put in words, with a mark that differs in shape, whether the networks can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

from livesim.values.verdict import TrustWord
from livesim.wire.status import EngineState, EngineStatus
from livesim.wire.trust_status import TrustStatus
from livesim_gui.state.health.tone import Tone

_MARKS = {
    TrustWord.TRUSTED: ("✔", Tone.GOOD),
    TrustWord.LOOK: ("▲", Tone.NOTE),
    TrustWord.DO_NOT_TRUST: ("✖", Tone.BAD),
}
"""Shapes that differ also for those who see no colours."""
NOISE_AS_SAID = (0.7, 1.4)
"""Between these the noise is called what the camera's settings say."""
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
    progress: float | None = None
    """Of the flips that were asked for, 0 to 1."""
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
        words = "No network is at work: what is shown is the reconstruction alone."
        return Trusted("", Tone.QUIET, (words,))
    return Trusted("… not checked yet", Tone.QUIET, ("The first results are being looked at.",))


def _reviewed(trust: TrustStatus) -> Trusted:
    mark, tone = _MARKS[trust.word]
    reasons = tuple(f"{words[:1].upper()}{words[1:]}." for words in trust.reasons)
    return Trusted(
        f"{mark} {trust.word}",
        tone,
        (*reasons, trust.advice) if trust.advice else reasons,
        tuple(_facts(trust)),
        trust.flipping,
        can_ask=trust.flipping is None,
    )


def _facts(trust: TrustStatus) -> list[str]:
    channel = f" of channel {trust.index.channel + 1}" if trust.index.channel else ""
    facts = [
        f"Result {trust.index.time}{channel}; {trust.reviewed} of this stream reviewed so far",
        f"Residual: {trust.rms_sigmas:.2f} sigmas (1 where only noise is left, less where the "
        "result explains noise as well)",
        f"Changes below {trust.visible_percent:.0f} % of the light cannot be seen by the photons, "
        "nor can detail that the microscope does not pass",
    ]
    if not trust.unlike:
        facts.append("Training: the images look like those that the networks were trained on")
    if trust.spread_percent is not None:
        facts.append(
            f"Flipped, the bright structures differ by {trust.spread_percent:.0f} % (median)"
        )
    if not NOISE_AS_SAID[0] < trust.noise_ratio < NOISE_AS_SAID[1]:
        facts.append(
            f"The noise is {trust.noise_ratio:.1f} times what the camera's gain and read noise "
            "say: is [camera] right? The check itself goes by the noise that is there"
        )
    if trust.failures:
        facts.append(f"{trust.failures} reviews failed; the engine has said why")
    return facts
