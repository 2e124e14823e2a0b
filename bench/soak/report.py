"""Report what happened in a soak as tables and JSON, and whether all is well."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np

from bench.report import Row, report, show
from bench.soak.check import Checked
from bench.soak.frames import STACK_FRAMES
from bench.soak.watch import Life

WARM_S = 300.0
"""Of an engine's life, in which it loads and learns what it needs."""
BLOCK_S = 5.0
"""Neighbouring measurements are no independent ones; their means over so long nearly are."""


@dataclass
class Outcome:
    """What the faults did."""

    own_disk: bool
    calm_per_s: float = math.nan
    """Frames that the engine received before the first fault."""
    recoveries: dict[str, list[float | None]] = field(default_factory=dict)
    unrecorded: set[str] = field(default_factory=set)
    """Streams whose recording the disk, then full, has ended."""
    still_acknowledged: list[int] = field(default_factory=list)
    """For every folder that was removed, the stacks that the engine claimed to be there later."""

    def add(self, name: str, took_s: float | None) -> None:
        """Take one fault; None = the engine did not recover."""
        self.recoveries.setdefault(name, []).append(took_s)


def tell(
    outcome: Outcome, checked: Sequence[Checked], lives: Sequence[Life], asked: dict[str, Any]
) -> int:
    """Print and write all; return 1 if anything acknowledged is lost or the engine was."""
    data, memory = recorded(checked, outcome), [_memory(life) for life in lives]
    faults = [_recovery(name, took) for name, took in sorted(outcome.recoveries.items())]
    if not outcome.own_disk:
        faults += [_recovery(f"{one} the disk (not allowed here)", []) for one in ("fill", "stall")]
    show("raw data", [data])
    show("memory of the engine, by life", memory)
    slope = memory_slope(lives)
    show("memory of the engine, all lives", [slope])
    report(
        "soak",
        f"recovery: fault to first new result, {asked['minutes']:g} min of {asked['size']}²",
        faults,
        asked=asked,
        calm_frames_per_s=round(outcome.calm_per_s, 1),
        data=data,
        memory=slope,
        lives=memory,
        memory_mb=[[round(mb, 1) for _, mb in life.memory] for life in lives],
    )
    lost = any(row["not recovered"] for row in faults)
    bad = ("acknowledged missing", "wrong", "never sent", "closed, missing", "acknowledged later")
    return int(lost or any(data[name] for name in bad))


def recorded(checked: Sequence[Checked], outcome: Outcome) -> Row:
    """Add up what the recordings hold, and what was lost of them."""
    to_the_end = [one for one in checked if one.stream not in outcome.unrecorded]
    killed = [one for one in to_the_end if not one.closed]
    return {
        "streams": len(checked),
        "frames sent": sum(one.sent_frames for one in checked),
        "frames received": sum(one.received_frames for one in checked),
        "frames acknowledged": STACK_FRAMES * sum(one.acknowledged for one in checked),
        "frames right": STACK_FRAMES * sum(one.right for one in checked),
        "wrong": STACK_FRAMES * sum(one.wrong for one in checked),
        "acknowledged missing": STACK_FRAMES * sum(one.acknowledged_missing for one in checked),
        "never sent": STACK_FRAMES * sum(one.unasked for one in checked),
        "closed, missing": STACK_FRAMES
        * sum(one.received_missing for one in to_the_end if one.closed),
        "engine killed": len(killed),
        "stacks lost by that": sum(one.received_missing for one in killed),
        "at most": max((one.received_missing for one in killed), default=0),
        "disk full": len(checked) - len(to_the_end),
        "folders removed": len(outcome.still_acknowledged),
        "acknowledged later": STACK_FRAMES * sum(outcome.still_acknowledged),
    }


def _recovery(name: str, took: Sequence[float | None]) -> Row:
    known = [one for one in took if one is not None]
    return {
        "method": name,
        "times": len(took),
        "median s": round(median(known), 2) if known else None,
        "worst s": round(max(known), 2) if known else None,
        "not recovered": len(took) - len(known),
    }


def _memory(life: Life) -> Row:
    warm = [mb for at, mb in life.memory if at > WARM_S]
    status = life.status
    stages = {} if status is None else {stage.name: stage for stage in status.stages}
    return {
        "life s": round(life.memory[-1][0]) if life.memory else 0,
        "first MB": round(warm[0], 1) if warm else None,
        "last MB": round(warm[-1], 1) if warm else None,
        "most MB": round(max(warm), 1) if warm else None,
        "frames": stages["receive"].done if stages else None,
        "raw stacks": stages["record"].done if stages else None,
        "results": stages["publish"].done if stages else None,
        "skipped": stages["process"].dropped if stages else None,
    }


def memory_slope(lives: Sequence[Life]) -> Row:
    """Return the growth that all lives have in common, each with a level of its own."""
    points = [_centred(life) for life in lives]
    hours, mb = (np.concatenate([one[axis] for one in points]) for axis in (0, 1))
    used = sum(one[0].size > 0 for one in points)
    free = hours.size - used - 1
    if free < 1 or not hours.any():
        return {"MB/hour": None, "± (68 %)": None, "lives": used, "warm minutes": 0.0}
    spread = float(np.sum(hours**2))
    slope = float(np.sum(hours * mb)) / spread
    rest = float(np.sum((mb - slope * hours) ** 2)) / free
    return {
        "MB/hour": round(slope, 2),
        "± (68 %)": round(math.sqrt(rest / spread), 2),
        "lives": used,
        "warm minutes": round(hours.size * BLOCK_S / 60.0, 1),
    }


def _centred(life: Life) -> tuple[np.ndarray, np.ndarray]:
    """Return (hours, MB) of the warm blocks of a life, less their means."""
    blocks: dict[int, list[tuple[float, float]]] = {}
    for at, mb in life.memory:
        if at > WARM_S:
            blocks.setdefault(int(at // BLOCK_S), []).append((at / 3600.0, mb))
    means = np.array([np.mean(block, axis=0) for block in blocks.values()]).reshape(-1, 2)
    if len(means):
        means = means - means.mean(axis=0)
    return means[:, 0], means[:, 1]
