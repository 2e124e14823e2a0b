"""Find empty, dim and fading frames by their mean brightness."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.doctor.sequence import Order
from livesim.values.finding import MOST_SURE, Fault, Finding
from livesim.values.wording import told_apart

EMPTY = 0.1
"""Of the usual brightness: darker frames count as empty."""
_DIM = 0.06  # missing part of the first frame that is worth a word
_FLICKER = 0.04  # standard deviation of the frames' brightness
_FADING = 0.15  # loss within one stack
_LASTING = 0.5  # what is lost from the first to the last frame
_SCATTER = 0.004  # of frames from a good light source
_NOISY = 4.0  # times the noise's variance: so much of the scatter may be noise
_OVER_FLICKER = 3.0  # times the scatter: a smaller loss may be flicker
_OVER_CONTENT = 2.5
_ENOUGH = 12  # frames more than parameters: from there on a trend shows among flicker


def empty_frames(means: Tensor) -> Tensor:
    """Return which frames are much darker than the others, bool [frame]."""
    usual = float(means.median())
    return means < EMPTY * usual if usual > 0.0 else torch.zeros_like(means, dtype=torch.bool)


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """How bright frames are, and what else than the light changes it."""

    means: Tensor
    """[frame] mean photo-electrons, float64."""
    error: float
    """Standard deviation that photon and read noise give to a frame's mean, photo-electrons."""
    content: float = 0.0
    """Relative standard deviation that fringes over the object's own details give it."""


def brightness_findings(light: Light, order: Order, number: int) -> list[Finding]:
    """Return what is wrong with the frames' brightness.

    Parameters
    ----------
    light
        Of the frames.
    order
        Which angle and phase every frame is.
    number
        Of the first frame.
    """
    means = light.means
    if float(means.median()) <= 0.0:
        return [_empty(torch.ones_like(means, dtype=torch.bool), number)]
    dark = empty_frames(means)
    firsts = _first_of_stack(order)
    every_first = bool(dark[firsts].all()) and int(firsts.sum()) > 1
    findings = []
    if bool(dark.any()) and not (every_first and bool((dark == firsts).all())):
        findings.append(_empty(dark, number))
        every_first = False
    if every_first:
        return [_dim(1.0 - float(means[dark].mean() / means[~dark].mean()), MOST_SURE, "stack")]
    fit = _fit(means, ~dark, order, light.error)
    if fit is None:
        return findings
    least = max(_FLICKER, _OVER_CONTENT * light.content)
    return [*findings, *_dim_first(fit, least), *_flicker(fit, least), *_fading(fit, order, least)]


def _first_of_stack(order: Order) -> Tensor:
    return torch.tensor([place == (0, 0) for place in order.places])


def _empty(dark: Tensor, number: int) -> Finding:
    frames = tuple(number + int(frame) for frame in dark.nonzero().flatten())
    listed = ", ".join(map(str, frames[:8])) + (" and others" if len(frames) > 8 else "")
    return Finding(
        Fault.EMPTY_FRAME,
        f"frame{'s' if len(frames) > 1 else ''} {listed} "
        f"hold{'' if len(frames) > 1 else 's'} no light",
        MOST_SURE,
        None,
        "look at the shutter and at the trigger; leave those stacks out",
        frames,
    )


@dataclass(frozen=True, eq=False)
class Fit:
    """A fit of log brightness = angle + trend + less in first frames, with Student errors."""

    dim: float
    """Logarithm of the first frame's brightness over the others'."""
    dim_score: float
    """The same over its error."""
    which: str
    """"stack" or "angle": of what those frames are the first."""
    slope: float
    """Per frame."""
    slope_error: float
    scatter: float
    """Standard deviation of what is left, less what noise explains."""
    freedom: int
    count: int


def _fit(means: Tensor, lit: Tensor, order: Order, error: float) -> Fit | None:
    places = torch.tensor(order.places)[lit]
    logs = means[lit].clamp(min=1e-9).log()
    usual = math.hypot(_SCATTER, error / float(means[lit].median()))
    time = torch.arange(len(means), dtype=torch.float64)[lit]
    angles = torch.nn.functional.one_hot(places[:, 0]).double()
    base = [angles[:, angles.sum(dim=0) > 0], (time - time.mean())[:, None]]
    first = {"stack": (places == 0).all(dim=1), "angle": places[:, 1] == 0}
    if not order.layout.phase_first or order.layout.angles == 1:
        del first["angle"]
    fits = [
        _least_squares(torch.cat([*base, mark.double()[:, None]], dim=1), logs, which, usual)
        for which, mark in first.items()
    ]
    possible = [fit for fit in fits if fit is not None]
    return max(possible, key=lambda fit: abs(fit.dim_score)) if possible else None


def _least_squares(design: Tensor, logs: Tensor, which: str, usual: float) -> Fit | None:
    freedom = len(logs) - design.shape[1]
    if freedom < 2 or int(torch.linalg.matrix_rank(design)) < design.shape[1]:
        return None
    inverse = torch.linalg.inv(design.mT @ design)
    found = inverse @ (design.mT @ logs)
    rest = float((logs - design @ found).square().sum())
    # The scatter of good sources counts as two more observations.
    variance = max((rest + 2.0 * usual**2) / (freedom + 2), usual**2)
    errors = (variance * inverse.diagonal()).sqrt()
    return Fit(
        dim=float(found[-1]),
        dim_score=float(found[-1] / errors[-1]),
        which=which,
        slope=float(found[-2]),
        slope_error=float(errors[-2]),
        scatter=math.sqrt(max(rest / freedom - _NOISY * (usual**2 - _SCATTER**2), 0.0)),
        freedom=freedom + 2,
        count=len(logs),
    )


def _beyond(score: float, freedom: int) -> float:
    """Return how sure it is that a Student-distributed value is not zero, by its density."""
    odds = (1.0 + score * score / freedom) ** (0.5 * (freedom + 1))
    return min(1.0 - 1.0 / (1.0 + 0.05 * odds), MOST_SURE)


def _dim_first(fit: Fit, least: float) -> list[Finding]:
    missing = 1.0 - math.exp(fit.dim)
    sureness = _beyond(fit.dim_score, fit.freedom)
    if (
        missing < _DIM / _FLICKER * least
        or sureness < 0.95
        or -fit.dim < _OVER_FLICKER * fit.scatter
    ):
        return []
    return [_dim(missing, sureness, fit.which)]


def _dim(missing: float, sureness: float, which: str) -> Finding:
    return Finding(
        Fault.DIM_FIRST_FRAME,
        f"the first frame of every {which} is {100.0 * missing:.0f} % dimmer than the others",
        sureness,
        None,
        "let the light source settle before the first exposure; the estimate levels the frames, "
        "but that one carries less light",
        (0,),
    )


def _flicker(fit: Fit, least: float) -> list[Finding]:
    if fit.scatter < least:
        return []
    found, expected = told_apart(100.0 * fit.scatter, 100.0 * least)
    # Chance that a scatter at the threshold looks so large: normal approximation of chi.
    score = (fit.scatter / least - 1.0) * math.sqrt(2.0 * fit.freedom)
    sureness = 0.5 * (1.0 + math.erf((score + 2.0) / math.sqrt(2.0)))
    return [
        Finding(
            Fault.FLICKER,
            f"the brightness of the frames scatters by {found} %, expected {expected} % or less",
            min(sureness, MOST_SURE),
            None,
            "look at the light source and at the timing of exposure and pattern",
        )
    ]


def _fading(fit: Fit, order: Order, least: float) -> list[Finding]:
    stack = 1.0 - math.exp(fit.slope * order.layout.frames)
    whole = 1.0 - math.exp(fit.slope * fit.count)
    sure = _beyond(fit.slope / fit.slope_error, fit.freedom)
    unsteady = fit.scatter >= least and fit.freedom < _ENOUGH
    if sure < 0.95 or unsteady or (stack < _FADING and whole < _LASTING):
        return []
    return [
        Finding(
            Fault.BLEACHING,
            f"the light fades by {100.0 * stack:.0f} % from stack to stack, "
            f"{100.0 * whole:.0f} % over the frames examined",
            sure,
            None,
            "use less light or fewer time points",
        )
    ]
