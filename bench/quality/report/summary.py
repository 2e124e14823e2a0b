"""Put what the report states of its figures beside what was measured here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bench.quality.report.pipelines import HALVES, MIXED, SINGLE, STAGES
from bench.quality.report.shots import ER, MICROTUBULES
from bench.report import Row

LOW, ONE, BOTH = STAGES
OVER_ONE = "step two over step one"
CHANGES: Mapping[str, tuple[str, str]] = {
    "step one": (LOW, ONE),
    "both steps": (LOW, BOTH),
    OVER_ONE: (ONE, BOTH),
}
"""Change -> the stages that it is from and to."""
OWN, PLAIN, SHOWN = "livesim", "plain", "arbitrated"
"""What livesim itself makes of the same photons, and its stages."""
FIGURES = (
    ("6", SINGLE, MICROTUBULES),
    ("8", MIXED, MICROTUBULES),
    ("9", MIXED, ER),
    ("", HALVES, MICROTUBULES),
    ("", SINGLE, ER),
)
"""The report's number, what was learned from, and what is restored."""
STATED: Mapping[tuple[str, str], tuple[str, str]] = {
    ("6", "both steps"): ("3.8", "0.09"),
    ("6", OVER_ONE): ("", "-0.05"),
    ("8", "both steps"): ("2.6", "0.03"),
    ("9", "step one"): ("falls", "falls"),
    ("9", "both steps"): ("falls", "falls"),
    ("11", "step one"): ("4.8 ± 0.3", ""),
    ("11", "both steps"): ("9.8 ± 1.1", "0.13 ± 0.02"),
    ("11", OVER_ONE): ("10 of 36 worse", "29 of 36 worse"),
}
"""Figure and change -> mean change of PSNR in dB and of SSIM, as the report's text or plot says."""
_NO_CHANGE = 1e-9


def figure_rows(rows: Sequence[Row]) -> list[Row]:
    """Return a row for each change of each figure in two dimensions, and of livesim's own."""
    lines = []
    for figure, name, kind in FIGURES:
        own = [row for row in rows if (row["trained on"], row["images of"]) == (name, kind)]
        head = {"figure": figure, "trained on": name, "images of": kind}
        lines += [_line(head | {"change": c}, own, *CHANGES[c]) for c in CHANGES]
    for kind in (MICROTUBULES, ER):
        own = [row for row in rows if (row["trained on"], row["images of"]) == (OWN, kind)]
        head = {"figure": "", "trained on": OWN, "images of": kind, "change": SHOWN}
        lines.append(_line(head, own, PLAIN, SHOWN))
    return lines


def volume_rows(volumes: Sequence[Row]) -> list[Row]:
    """Return the rows of figure 11: the report's, and ours of networks on volumes and as shown."""
    stated = [
        {"figure": "11", "change": change, "report dB": dB, "report SSIM": ssim}
        for (figure, change), (dB, ssim) in STATED.items()
        if figure == "11"
    ]
    own = stages_of_volumes(volumes)
    measured = [
        _line({"figure": "", "change": name + words}, own, start + end, stop + end)
        for end, words in (("", ", alone"), (_SHOWN, _SHOWN))
        for name, start, stop in _VOLUME_CHANGES
    ]
    empty = {"report dB": "", "report SSIM": ""}
    blank = dict.fromkeys((key for key in measured[0] if key not in stated[0]), "")
    return [*({**line, **blank} for line in stated), *({**line, **empty} for line in measured)]


def stages_of_volumes(volumes: Sequence[Row]) -> list[Row]:
    """Return what every volume has at each stage, against the plain volume in full light."""
    stages = ["plain", *(name + end for name in ("one", "one, two") for end in ("", _SHOWN))]
    found: list[Row] = []
    for row in volumes:
        line = {f"{at} {unit}": row[f"{at}, full, {unit}"] for at in stages for unit in _UNITS}
        found.append(line | {f"plain{_SHOWN} {unit}": line[f"plain {unit}"] for unit in _UNITS})
    return found


_SHOWN, _UNITS = ", shown", ("dB", "SSIM")
_VOLUME_CHANGES = (
    ("step one", "plain", "one"),
    ("both steps", "plain", "one, two"),
    (OVER_ONE, "one", "one, two"),
)


def changes(rows: Sequence[Row], start: str, end: str, unit: str) -> np.ndarray:
    """Return by how much every image changes from one stage to another."""
    return np.array([row[f"{end} {unit}"] - row[f"{start} {unit}"] for row in rows])


def _line(head: Row, rows: Sequence[Row], start: str, end: str) -> Row:
    stated = STATED.get((head["figure"], head["change"]), ("", ""))
    line = dict(head)
    for unit, digits, said in zip(_UNITS, (2, 3), stated, strict=True):
        found = changes(rows, start, end, unit)
        error = found.std(ddof=1) / len(found) ** 0.5
        line[f"report {unit}"] = said
        line[unit] = f"{found.mean():+.{digits}f} ± {error:.{digits}f}"
        line[f"{unit} worse"] = f"{(found < -_NO_CHANGE).sum()} of {len(found)}"
    return line
