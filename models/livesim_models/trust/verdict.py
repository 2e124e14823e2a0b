"""Judge maps of contradiction: a word, its reasons and what to do."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from livesim.values.verdict import TrustNumbers, TrustWord, Verdict
from livesim_models.evaluation.residual import DENIED_SIGMAS, inside
from livesim_models.evaluation.similarity import BORDER
from livesim_models.trust.maps import PhotonMaps

SIDE, STRIDE = 32, 16
"""Of the squares that are judged, in pixels of the doubled grid."""
LEAST_SHARE = 0.1
"""A contradiction smaller than this share of the light there does not count: with many photons
no image is exact enough."""
FAINT = 0.3
"""Of the brightest structures: where there is less light, contradictions are held against this."""
LEAST_PIXELS = 12
"""So many contradicted pixels make a square denied: chance and good networks leave up to 7."""
MANY = 0.05
"""Of the squares with light: so many denied ones are no single spots any more."""
VISIBLE_PERCENT = 50.0
"""Where the photons show coarser changes only, they cannot vouch for an image."""
PLAIN_PERCENT = 1.0
"""Where so much of the plain reconstruction is denied, the instrument is another one."""
_BRIGHT = 0.99
_LIT_SHARE = 0.02


def numbers_of(maps: PhotonMaps) -> TrustNumbers:
    """Return the numbers that summarise the maps, their borders left out."""
    residual, denied, light, plain = (
        inside(one, BORDER) for one in (maps.residual, maps.denied, maps.light, maps.plain)
    )
    top = float(torch.quantile(_thinned(light), _BRIGHT).clamp(min=1e-6))
    most = LEAST_SHARE * light.clamp(min=FAINT * top)
    in_square = _mean_in_squares(_beyond(denied, most)) * SIDE**2
    bad = in_square > LEAST_PIXELS - 0.5
    lit = (_mean_in_squares(light > FAINT * top) > _LIT_SHARE) | bad
    worst = int(denied.abs().argmax())
    row, column = divmod(worst, denied.shape[1])
    return TrustNumbers(
        rms_sigmas=float(residual.square().mean().sqrt()),
        places=int(lit.sum()),
        denied=int(bad.sum()),
        worst_sigmas=float(denied.flatten()[worst]),
        worst_yx=((row + BORDER) / 2.0, (column + BORDER) / 2.0),
        visible_percent=100.0 * DENIED_SIGMAS / top,
        noise_ratio=maps.noise_ratio,
        plain_denied_percent=100.0 * float(_beyond(plain, most).double().mean()),
    )


def verdict(numbers: TrustNumbers, unlike: Sequence[str]) -> Verdict:
    """Return the word for an image, with its reasons and what to do.

    Parameters
    ----------
    numbers
        Of the maps.
    unlike
        What the networks' cards say against the images; nothing where they look like the training.
    """
    many = numbers.denied >= MANY * max(numbers.places, 1)
    if numbers.denied and (many or unlike):
        word = TrustWord.DO_NOT_TRUST
        advice = "Use the plain reconstruction, or a network trained on such structures."
    elif numbers.denied:
        word = TrustWord.LOOK
        advice = "Compare that place with the plain reconstruction and the residual map."
    elif unlike:
        word = TrustWord.LOOK
        advice = "Compare with the plain reconstruction; more light lets the photons decide."
    else:
        return _undenied(numbers)
    return Verdict(word, (*_denials(numbers), *unlike), advice, tuple(unlike))


def _denials(numbers: TrustNumbers) -> tuple[str, ...]:
    if not numbers.denied:
        return ()
    y, x = numbers.worst_yx
    return (
        f"the photons contradict what the networks made in {numbers.denied} of {numbers.places} "
        f"places, worst at x = {x:.0f}, y = {y:.0f} by {abs(numbers.worst_sigmas):.0f} sigmas",
    )


def _undenied(numbers: TrustNumbers) -> Verdict:
    """Return the word where nothing speaks against the image."""
    seen = f"changes below {numbers.visible_percent:.0f} % of the light would not show"
    if numbers.visible_percent > VISIBLE_PERCENT:
        return Verdict(
            TrustWord.LOOK,
            (f"too few photons to tell: {seen}",),
            "Take more light once, and compare.",
        )
    if numbers.plain_denied_percent > PLAIN_PERCENT:
        return Verdict(
            TrustWord.LOOK,
            (
                "the photons contradict the plain reconstruction as well, in "
                f"{numbers.plain_denied_percent:.0f} % of the field: pattern, OTF or camera are "
                "not what the settings say, so the residual tells little",
            ),
            "Calibrate again; check the camera's offset and gain, and the OTF.",
        )
    return Verdict(TrustWord.TRUSTED, (f"the photons do not contradict it; {seen}",))


def _beyond(sigmas: Tensor, most: Tensor) -> Tensor:
    """Return where a contradiction is neither noise nor small for the light there."""
    return (sigmas.abs() > DENIED_SIGMAS) & (sigmas.abs() > most)


def _mean_in_squares(values: Tensor) -> Tensor:
    """Return the mean over every square."""
    return avg_pool2d(values.float()[None], SIDE, STRIDE)[0]


def _thinned(values: Tensor) -> Tensor:
    flat = values.flatten()
    return flat[:: max(1, flat.numel() // 2**20)]
