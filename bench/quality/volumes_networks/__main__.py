"""Measure a network on volumes it never saw: `python -m bench.quality.volumes_networks`.

Small volumes of six kinds, three of which no training saw, are taken in full light; a twentieth of
their photons is restored. Every volume has a pattern of its own, and of every second one the
damping of the transfer function is believed wrong by half. What is restored is compared with the
plain volume in full light, and with the truth, low-passed as a perfect result would be.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import product

import numpy as np
import torch

from bench.quality.volumes_networks.measured import (
    BEYOND,
    PHOTONS,
    PLANES,
    SIZE,
    STAGES,
    THINNED,
    measured,
    network_named,
    restored,
)
from bench.quality.volumes_networks.specimens import KINDS, UNKNOWN
from bench.report import Row, report, show

_LEAST = 1e-9


def summary(rows: Sequence[Row], reference: str) -> list[Row]:
    """Return a line for every stage against a reference: mean ± standard error, median, worst."""
    return [_line(rows, stage, reference) for stage in STAGES]


def _line(rows: Sequence[Row], stage: str, reference: str) -> Row:
    line: Row = {"stage": stage}
    for unit in ("dB", "SSIM"):
        values = np.array([row[f"{stage}, {reference}, {unit}"] for row in rows])
        plain = np.array([row[f"plain, {reference}, {unit}"] for row in rows])
        error = values.std(ddof=1) / len(values) ** 0.5
        digits = 2 if unit == "dB" else 3
        line[unit] = f"{values.mean():.{digits}f} ± {error:.{digits}f}"
        line[f"{unit}, median"] = float(np.median(values))
        line[f"{unit}, worst"] = float(values.min())
        gain = values - plain
        own = stage in ("network", "arbitrated")
        line[f"{unit}, gain"] = float(gain.mean()) if own else None
        line[f"{unit}, least gain"] = float(gain.min()) if own else None
        line[f"{unit}, below plain"] = f"{(gain < -_LEAST).sum()} of {len(rows)}" if own else None
    return line


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
        for stage, unit in product(("network", "arbitrated"), ("dB", "SSIM")):
            found = [row[f"{stage}, truth, {unit}"] - row[f"plain, truth, {unit}"] for row in own]
            line[f"{stage}, {unit}"] = float(np.mean(found))
        line["shown"] = float(np.mean([row["shown"] for row in own]))
        lines.append(line)
    return lines


def said(rows: Sequence[Row]) -> list[Row]:
    """Compare what is said of arbitrated volumes with what they are, by the word of the verdict."""
    lines = []
    for word in ("trusted", "look", "do not trust"):
        own = [row for row in rows if row["word"] == word]
        if own:
            off = np.array([row["error said / found"] for row in own])
            alike = np.array([row["correlation"] for row in own])
            line: Row = {"word": word, "volumes": len(own)}
            line |= {"least correlation": alike.min(), "mean correlation": alike.mean()}
            line |= {"error, least": off.min(), "error": np.median(off), "error, most": off.max()}
            within = float(np.mean([row["within 2 errors"] for row in own]))
            lines.append(line | {"within 2 errors": within})
    return lines


def asked(rows: Sequence[Row]) -> list[Row]:
    """Compare what was asked for with what was found, of the arbitrated volumes."""
    lines = []
    for name, reference in (("the full light", "full"), ("the truth", "truth")):
        for unit, least, most_below in (("dB", 6.0, 0), ("SSIM", 0.13, 4)):
            gain = np.array(
                [
                    row[f"arbitrated, {reference}, {unit}"] - row[f"plain, {reference}, {unit}"]
                    for row in rows
                ]
            )
            below, worst = int((gain < -_LEAST).sum()), f"{gain.min():.1e}"
            mean = f"{gain.mean():.2f}"
            lines.append(_asked(f"mean gain in {unit}, {name}", least, mean, gain.mean() >= least))
            found = f"{below} of {len(rows)}" + (f", by {worst} at most" if below else "")
            met = below <= most_below
            lines.append(_asked(f"volumes that lose {unit}, {name}", most_below, found, met))
    return lines


def _asked(what: str, bar: float, found: str, met: bool) -> Row:
    return {"what": what, "asked": f"{bar:g}", "found": found, "met": "yes" if met else "no"}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="volumes", help="a shipped one, or a file")
    parser.add_argument("--each", type=int, default=6, help="volumes of every kind")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), help="these alone")
    parser.add_argument("--beyond", type=int, default=BEYOND, help="layers on either side")
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = network_named(options.network)
    rows: list[Row] = []
    for kind, number in product(options.kinds or KINDS, range(options.each)):
        photons = PHOTONS[number % len(PHOTONS)]
        row = measured(restored(network, kind, number, photons, options.beyond))
        rows.append({"kind": kind, "number": number, "photons": photons, **row})
    by_truth, by_full = summary(rows, "truth"), summary(rows, "full")
    show("Against the full light", by_full)
    show("Gain over the plain volume", gains(rows))
    show("What is said of it", said(rows))
    if options.kinds or options.beyond != BEYOND:  # no whole table
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
        network=network.card.name,
    )


if __name__ == "__main__":
    main()
