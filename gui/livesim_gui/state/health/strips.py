"""List what a strip chart can show of the history of a pattern."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from livesim_gui.state.health.tracking_history import Curve, TrackingHistory


@dataclass(frozen=True, slots=True)
class Strip:
    """One quantity over time, angle by angle."""

    title: str
    hint: str
    lines: Callable[[TrackingHistory, int], Curve]
    """History, angle -> [line, time]."""
    least_span: float
    """Of the axis, so that small changes look small."""
    limits: tuple[float, float] | None = None
    """Of the axis; None follows the values."""
    expected: Callable[[TrackingHistory, int], float | None] = lambda history, angle: None
    """History, angle -> where its lines should be."""


MODULATION = Strip(
    "Modulation",
    "1: the fringes are black between; below 0.25 a reconstruction is mostly noise",
    lambda history, angle: history.modulation(angle)[None],
    least_span=1.0,
    limits=(0.0, 1.0),
)
DRIFT = Strip(
    "Drift of the phases, degrees",
    "Of all phases of an angle together, since the pattern was first known; livesim follows it",
    lambda history, angle: history.drift_deg(angle)[None],
    least_span=1.0,
)
STEPS = Strip(
    "Phase steps, degrees",
    "From each phase to the next in the pattern in use; dashed: all steps the same",
    lambda history, angle: history.phase_steps_deg(angle),
    least_span=10.0,
    expected=TrackingHistory.equal_step_deg,
)
K_CHANGE = Strip(
    "Change of the wave vector, pixels",
    "Of the field's spectrum, since this window first saw it: by 1, the fringes are off by a whole "
    "period from one side of the field to the other. It changes with a new estimate alone.",
    lambda history, angle: history.k_change_px(angle)[None],
    least_span=0.2,
)
STRIPS = {one.title: one for one in (MODULATION, DRIFT, STEPS, K_CHANGE)}


def one_curve(seconds: Curve, lines: Curve) -> tuple[Curve, Curve]:
    """Return (x, y) of several lines [line, time] as one curve, with gaps between."""
    gap = np.full((len(lines), 1), np.nan)
    x = np.broadcast_to(seconds, lines.shape)
    return np.hstack([x, gap]).ravel(), np.hstack([lines, gap]).ravel()
