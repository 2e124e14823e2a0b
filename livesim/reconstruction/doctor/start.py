"""Find which frame of the pattern comes first in frames taken from any moment on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from livesim.config.settings import Settings
from livesim.reconstruction.doctor.directions import angle_peaks, match_expected
from livesim.reconstruction.doctor.evidence import judge
from livesim.reconstruction.doctor.finding import MOST_SURE, Fault, in_words
from livesim.reconstruction.doctor.sequence import Layout, Order, possible_orders
from livesim.reconstruction.doctor.signature import signature

SURE_ENOUGH = 0.95
"""A start of smaller probability is not taken for found."""
_OTHERWISE = 0.1
"""Probability beforehand that the frames come in another order than a rotated one."""
_STARTS = (None, Fault.ROTATED)


@dataclass(frozen=True, slots=True)
class Start:
    """Where in the pattern a sequence of frames begins."""

    place: int
    """Of the first frame in the sequence of a raw stack, from 0."""
    sureness: float
    """Probability that it is so, 0 to 1."""
    fault: Fault | None = None
    """What else the frames look like, where that is likelier than any start."""

    @property
    def is_sure(self) -> bool:
        """Whether the start may be taken for found."""
        return self.fault is None and self.sureness >= SURE_ENOUGH

    @property
    def doubt(self) -> str:
        """Why it is not taken for found."""
        if self.fault is not None:
            return f"{self.fault}, {in_words(self.sureness)}"
        return f"no start is sure, the likeliest to {100.0 * self.sureness:.0f} %"


def find_start(frames: Tensor, settings: Settings) -> Start:
    """Return which frame of the pattern the first of consecutive frames shows.

    All cyclic offsets that make a difference are compared, each as likely as any other beforehand,
    and beside them what the doctor knows: lost and repeated frames, exchanged axes, other counts.
    Where a stack begins with another angle makes none, unless `expected_angles_deg` names them.

    Parameters
    ----------
    frames
        [frame, y, x] camera counts, at least two raw stacks of them.
    """
    camera, pattern = settings.camera, settings.pattern
    layout = Layout.of(pattern)
    read = signature((frames.float() - camera.offset) / camera.gain, layout.frames)
    orders = _weighted(possible_orders(layout, len(frames), layout.frames))
    verdict = judge(read, orders, torch.ones(len(frames), dtype=torch.bool))
    best = verdict.best
    sureness = min(float(verdict.probability.max()), MOST_SURE)
    if best.fault not in _STARTS:
        return Start(0, sureness, best.fault)
    matching = match_expected(angle_peaks(verdict, read), pattern)
    turn = 0 if matching is None else matching.turned_by
    if turn is None:
        return Start(best.start, sureness, Fault.SWAPPED_ANGLES)
    return Start((best.start + turn * layout.phases) % layout.frames, sureness)


def _weighted(orders: list[Order]) -> list[Order]:
    """Return the orders with all starts equally likely."""
    starts = [order for order in orders if order.fault in _STARTS]
    others = [order for order in orders if order.fault not in _STARTS]
    total = sum(order.weight for order in others)
    return [
        *(replace(order, weight=(1.0 - _OTHERWISE) / len(starts)) for order in starts),
        *(replace(order, weight=_OTHERWISE * order.weight / total) for order in others),
    ]
