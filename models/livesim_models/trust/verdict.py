"""Judge a restored image by its measured error: a word, its reasons and what to do."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from livesim.values.verdict import TrustNumbers, TrustWord, Verdict
from livesim_models.evaluation.residual import DENIED_SIGMAS, inside
from livesim_models.evaluation.similarity import BORDER
from livesim_models.trust.maps import HAZE, PlainResidual, Restoration, mean_around

SIDE = 32
"""Pixels of the doubled grid that a field has at least inside its border to be judged."""
CARRIED_PERCENT = 80.0
"""From there on an image is trusted: it correlates with the truth by 0.9 (0.9² = 0.81). Of 49
simulated fields above it the least was 0.94, and the true share 80 % (`bench.quality.trust`)."""
HALF_PERCENT = 50.0
"""Below it more than half of what is seen is noise or was held back; correlation 0.65 to 0.90."""
PLAIN_PERCENT = 1.0
"""Where so much of the plain reconstruction is denied, the instrument is another one."""
LEAST_SHARE = 0.1
"""A residual smaller than this share of the light there does not count: with many photons no
settings are exact enough."""
FAINT = 0.3
"""Of the brightest structures: places with less light do not count."""
OVERRULED_SIGMAS = 5.0
"""Standard deviations from which on it is said where the networks were overruled."""
DOUBTFUL = "the pattern is doubtful"
_BRIGHT, _DARK = 0.99, 0.02
_LEAST_LIGHT = 1e-6


def numbers_of(made: Restoration, residual: PlainResidual | None) -> TrustNumbers:
    """Return the numbers that summarise a restoration, its border left out.

    Parameters
    ----------
    made
        Of one stack, or of a volume, whose images are [z, 2 y, 2 x].
    residual
        None = the plain reconstruction was not held against the frames.
    """
    plain, network, image, overruled = (
        inside(one, BORDER) for one in (made.plain, made.network, made.image, made.overruled)
    )
    squared = inside(made.error.square(), BORDER)
    light = inside(mean_around(made.plain, HAZE // 4 + 1), BORDER)
    dark, top = torch.quantile(_thinned(light), light.new_tensor([_DARK, _BRIGHT])).tolist()
    lit = light - dark >= FAINT * (top - dark)
    structure = inside(made.image - mean_around(made.image, HAZE), BORDER)
    carried = 1.0 - float(squared[lit].mean()) / max(
        float(structure[lit].square().mean()), _LEAST_LIGHT
    )
    # Of points, whose light a mean around them spreads, the image itself knows how bright they are.
    bright = float(torch.quantile(_thinned(image[lit]), _BRIGHT)) - dark
    change = network - plain
    power = max(float(change.square().sum()), _LEAST_LIGHT)
    worst = int(overruled.argmax())
    row, column = divmod(worst % overruled.shape[-2:].numel(), overruled.shape[-1])
    return TrustNumbers(
        carried_percent=100.0 * min(max(carried, 0.0), 1.0),
        shown_percent=100.0 * min(max(float(((image - plain) * change).sum()) / power, 0.0), 1.0),
        error_percent=100.0 * float(squared[lit].mean().sqrt()) / max(bright, _LEAST_LIGHT),
        overruled_sigmas=float(overruled.flatten()[worst]),
        overruled_yx=((row + BORDER) / 2.0, (column + BORDER) / 2.0),
        plain_denied_percent=None if residual is None else _denied_percent(residual),
        noise_ratio=None if residual is None else residual.noise_ratio,
    )


def verdict(
    numbers: TrustNumbers,
    unlike: Sequence[str],
    refusal: str | None = None,
    doubts: Sequence[str] = (),
    *,
    changed: bool = True,
) -> Verdict:
    """Return the word for an image, with its reasons and what to do.

    Parameters
    ----------
    numbers
        Of the restoration.
    unlike
        What the networks' cards say against the images; nothing where they look like the training.
        The error is measured for these images too, so it does not change the word.
    refusal
        Why the photons cannot decide, as where neighbouring pixels share their noise.
    doubts
        What speaks against the pattern, or against the plain image under it: the error knows the
        noise and what was held back, not a pattern that the frames contradict.
    changed
        Whether networks changed anything of which a share can be shown.
    """
    doubted = tuple(f"{DOUBTFUL}: {words}" for words in doubts)
    said = (*doubted, _carried(numbers, changed=changed), *_overruled(numbers), *unlike)
    if refusal is not None:
        outcome = ", so the plain image is shown" if changed else " how large the error is"
        words = f"the photons cannot decide{outcome}: {refusal}"
        advice = "Give livesim the camera's own frames."
        return Verdict(TrustWord.LOOK, (words, *doubted, *unlike), advice, tuple(unlike))
    denied = numbers.plain_denied_percent
    if denied is not None and denied > PLAIN_PERCENT:
        words = (
            "the photons contradict the plain reconstruction in "
            f"{denied:.0f} % of the field: pattern, OTF or camera are not "
            "what the settings say"
        )
        advice = "Calibrate again; check the camera's offset and gain, and the OTF."
        poor = numbers.carried_percent < HALF_PERCENT
        word = TrustWord.DO_NOT_TRUST if poor else TrustWord.LOOK
        return Verdict(word, (words, *said), advice, tuple(unlike))
    return Verdict(
        _word(numbers, doubts), said, _advice(numbers) or _second_look(doubts), tuple(unlike)
    )


def _word(numbers: TrustNumbers, doubts: Sequence[str]) -> TrustWord:
    if numbers.carried_percent >= CARRIED_PERCENT:
        return TrustWord.LOOK if doubts else TrustWord.TRUSTED
    half = numbers.carried_percent >= HALF_PERCENT
    return TrustWord.LOOK if half else TrustWord.DO_NOT_TRUST


def _advice(numbers: TrustNumbers) -> str:
    if numbers.carried_percent >= CARRIED_PERCENT:
        return ""
    if numbers.carried_percent >= HALF_PERCENT:
        return "Look at the error map before you believe a fine structure; more light helps."
    return "Take more light, or believe coarse structures only."


def _second_look(doubts: Sequence[str]) -> str:
    if not doubts:
        return ""
    return (
        "Compare with the widefield: lines beside bright structures and stripes may be no specimen."
    )


def _carried(numbers: TrustNumbers, *, changed: bool) -> str:
    words = (
        f"photons carry {numbers.carried_percent:.0f} % of the structure, "
        f"error {numbers.error_percent:.1f} % of the light"
    )
    if not changed:
        return words
    return f"{words}; {numbers.shown_percent:.0f} % of what the networks changed is shown"


def _overruled(numbers: TrustNumbers) -> tuple[str, ...]:
    if numbers.overruled_sigmas < OVERRULED_SIGMAS:
        return ()
    y, x = numbers.overruled_yx
    return (
        f"the networks were overruled, most at x = {x:.0f}, y = {y:.0f} by "
        f"{numbers.overruled_sigmas:.0f} sigmas",
    )


def _denied_percent(residual: PlainResidual) -> float:
    """Return where the instrument is contradicted, beyond noise and not small for the light."""
    sigmas, light = inside(residual.sigmas, BORDER), inside(residual.light, BORDER)
    top = float(torch.quantile(_thinned(light), _BRIGHT).clamp(min=_LEAST_LIGHT))
    most = LEAST_SHARE * light.clamp(min=FAINT * top)
    beyond = (sigmas.abs() > DENIED_SIGMAS) & (sigmas.abs() > most)
    return 100.0 * float(beyond.double().mean())


def _thinned(values: Tensor) -> Tensor:
    flat = values.flatten()
    return flat[:: max(1, flat.numel() // 2**20)]
