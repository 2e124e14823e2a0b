"""Measure networks on volumes they never saw: `python -m bench.quality.volumes_networks`.

Small volumes of six kinds, three of which no training saw, are taken in full light; a twentieth of
their photons is restored. Every volume has a pattern of its own, and of every second one the
damping of the transfer function is believed wrong by half. What is restored is compared with the
plain volume in full light, and with the truth, low-passed as a perfect result would be: by step
one, by both steps, and by the network behind the reconstruction that needs no step one.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import product

import numpy as np
import torch

from bench.quality.volumes_networks.measured import (
    BEYOND,
    FIXED,
    NOT_RUN,
    PHOTONS,
    PLAIN,
    PLANES,
    SHOWN,
    SIZE,
    THINNED,
    WIDEFIELD,
    measured,
    networks_named,
    restored,
)
from bench.quality.volumes_networks.specimens import KINDS, UNKNOWN
from bench.report import Row, report, show

ONE, BOTH, TWO = "one", "one, two", "two alone"
NETWORKS = (ONE, BOTH, TWO)
STAGES = (WIDEFIELD, FIXED, PLAIN, *(name + end for name in NETWORKS for end in ("", SHOWN)))
REFERENCES = {"the full light": "full", "the truth": "truth"}
UNITS = ("dB", "SSIM")
_LEAST = 1e-9


def values(rows: Sequence[Row], stage: str, reference: str, unit: str) -> np.ndarray:
    """Return what a stage has against a reference, of every volume."""
    return np.array([row[f"{stage}, {reference}, {unit}"] for row in rows])


def gain(rows: Sequence[Row], stage: str, reference: str, unit: str, over: str) -> np.ndarray:
    """Return what a stage gains over another one, of every volume."""
    return values(rows, stage, reference, unit) - values(rows, over, reference, unit)


def summary(rows: Sequence[Row], reference: str) -> list[Row]:
    """Return a line for every stage against a reference: mean ± standard error, median, worst."""
    return [_line(rows, stage, reference) for stage in STAGES]


def _line(rows: Sequence[Row], stage: str, reference: str) -> Row:
    line: Row = {"stage": stage}
    own = stage.startswith(NETWORKS)
    for unit in UNITS:
        found = values(rows, stage, reference, unit)
        error = found.std(ddof=1) / len(found) ** 0.5
        digits = 2 if unit == "dB" else 3
        line[unit] = f"{found.mean():.{digits}f} ± {error:.{digits}f}"
        line[f"{unit}, median"] = float(np.median(found))
        line[f"{unit}, worst"] = float(found.min())
        gained = gain(rows, stage, reference, unit, PLAIN)
        line[f"{unit}, gain"] = float(gained.mean()) if own else None
        line[f"{unit}, least gain"] = float(gained.min()) if own else None
        line[f"{unit}, below plain"] = _lost(gained) if own else None
    seconds = [row.get(f"{stage.removesuffix(SHOWN)}, s") for row in rows]
    timed = stage == PLAIN or stage.endswith(SHOWN)
    line["s"] = float(np.mean(seconds)) if timed else None
    return line


def _lost(gained: np.ndarray) -> str:
    worst = f", by {-gained.min():.2g} at most" if gained.min() < -_LEAST else ""
    return f"{(gained < -_LEAST).sum()} of {len(gained)}{worst}"


def gains(rows: Sequence[Row]) -> list[Row]:
    """Return mean gains over the plain volume against the truth, by kind and light."""
    groups = {kind: [row for row in rows if row["kind"] == kind] for kind in KINDS}
    groups |= {
        f"{photons / THINNED:g} photons": [row for row in rows if row["photons"] == photons]
        for photons in PHOTONS
    }
    groups["never seen"] = [row for row in rows if row["kind"] in UNKNOWN]
    lines = []
    for name, own in groups.items():
        if not own:
            continue
        line: Row = {"volumes": name, "number": len(own)}
        for stage, unit in product((n + end for n in NETWORKS for end in ("", SHOWN)), UNITS):
            line[f"{stage}, {unit}"] = float(gain(own, stage, "truth", unit, PLAIN).mean())
        line |= {
            f"{name}, share shown": float(np.mean([row[f"{name}, shown"] for row in own]))
            for name in NETWORKS
        }
        lines.append(line)
    return lines


def said(rows: Sequence[Row]) -> list[Row]:
    """Compare what is said of volumes with what they are, by networks and the verdict's word."""
    lines = []
    for name, word in product(NETWORKS, ("trusted", "look", "do not trust")):
        own = [row for row in rows if row[f"{name}, word"] == word]
        if own:
            off = np.array([row[f"{name}, error said / found"] for row in own])
            alike = np.array([row[f"{name}, correlation"] for row in own])
            line: Row = {"networks": name, "word": word, "volumes": len(own)}
            line |= {"least correlation": alike.min(), "mean correlation": alike.mean()}
            line |= {"error, least": off.min(), "error": np.median(off), "error, most": off.max()}
            within = float(np.mean([row[f"{name}, within 2 errors"] for row in own]))
            lines.append(line | {"within 2 errors": within})
    return lines


def asked(rows: Sequence[Row]) -> list[Row]:
    """Compare what was asked for with what was found, of what is shown and of networks alone."""
    lines = []
    for (said_of, reference), (name, dB) in product(REFERENCES.items(), ((ONE, 4.0), (BOTH, 6.0))):
        for unit, least in (("dB", dB), *((("SSIM", 0.13),) if name == BOTH else ())):
            what = f"{name}: mean gain in {unit}, {said_of}"
            shown, alone = (
                float(gain(rows, name + end, reference, unit, PLAIN).mean()) for end in (SHOWN, "")
            )
            found = [f"{one:.2f}" if unit == "dB" else f"{one:.3f}" for one in (shown, alone)]
            lines.append(_asked(what, f"{least:g}", *found, met=shown >= least))
        for unit in UNITS:
            what = f"{name}: volumes below plain in {unit}, {said_of}"
            both = [gain(rows, name + end, reference, unit, PLAIN) for end in (SHOWN, "")]
            met = not bool((both[0] < -_LEAST).any())
            lines.append(_asked(what, "0", *map(_lost, both), met=met))
    for said_of, reference in REFERENCES.items():
        both = [gain(rows, BOTH + end, reference, "SSIM", ONE + end) for end in (SHOWN, "")]
        what = f"SSIM lowered by step two, {said_of}"
        lines.append(_asked(what, "4", *map(_lost, both), met=(both[0] < -_LEAST).sum() <= 4))
    plain = sum(row[f"{BOTH}, word"] == NOT_RUN for row in rows)
    print(f"{plain} of {len(rows)} volumes show too few fringes: plain ones count as shown")
    return lines


def _asked(what: str, bar: str, shown: str, alone: str, *, met: bool) -> Row:
    return {
        "what": what,
        "asked": bar,
        "shown": shown,
        "alone": alone,
        "met": "yes" if met else "no",
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", default="volumes-pair", help="step one, shipped or a file")
    parser.add_argument("--two", default="volumes-pair", help="step two behind it, likewise")
    parser.add_argument("--alone", default="volumes", help="step two without a step one, likewise")
    parser.add_argument("--each", type=int, default=6, help="volumes of every kind")
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first volume of each kind"
    )
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), help="these alone")
    parser.add_argument("--beyond", type=int, default=BEYOND, help="layers on either side")
    options = parser.parse_args()
    torch.set_num_threads(1)
    networks = {
        ONE: networks_named(options.one, "none"),
        BOTH: networks_named(options.one, options.two),
        TWO: networks_named("none", options.alone),
    }
    rows: list[Row] = []
    numbers = range(options.first, options.first + options.each)
    for kind, number in product(options.kinds or KINDS, numbers):
        photons = PHOTONS[number % len(PHOTONS)]
        row = measured(restored(networks, kind, number, photons, options.beyond))
        rows.append({"kind": kind, "number": number, "photons": photons, **row})
    by_truth, by_full = (summary(rows, reference) for reference in ("truth", "full"))
    show("Against the full light", by_full)
    show("Against the truth", by_truth)
    show("Gain over the plain volume", gains(rows))
    show("What is said of it", said(rows))
    show("Asked", asked(rows))
    if options.first or options.kinds or options.beyond != BEYOND:  # not the table's volumes
        return
    report(
        "volumes_networks",
        "Against the truth",
        by_truth,
        full=by_full,
        asked=asked(rows),
        gains=gains(rows),
        said=said(rows),
        each=rows,
        size=SIZE,
        planes=PLANES,
        thinned=THINNED,
        networks={name: [card.name for card in own.cards] for name, own in networks.items()},
    )


if __name__ == "__main__":
    main()
