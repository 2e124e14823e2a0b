"""Compare livesim with what ML-SIM was compared with: `python -m bench.quality.seeds`.

Rows are kept one by one in `bench/results/seeds.jsonl`; one that is there is not made again, so the
bench can be stopped at any time and goes on where it was. `--only-report` makes the tables of what
is there. Times are those of the most runs: on a quiet machine `--parts times --side 128`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import torch

from bench.quality.seeds.cases import NOISE, PHASES, Case, Extent, cases
from bench.quality.seeds.fields import DATA, Field, images_folder, kodak, lit
from bench.quality.seeds.methods import (
    NETWORKS,
    OTHERS,
    OWN,
    Method,
    network_methods,
    on_input_grid,
)
from bench.quality.seeds.peer import peer_methods
from bench.quality.seeds.scores import scores
from bench.quality.seeds.tables import write_tables
from bench.quality.seeds.timing import RUNS, timed
from bench.report import RESULTS, Row
from bench.rows import Rows
from livesim_models.data.stacks import EXACT
from livesim_models.shipped import STEPS, shipped_models

TIMES = "times"
PARTS = (*DATA, NOISE, PHASES, TIMES)
DEFAULT_PARTS = ("kodak", "ML-SIM's stacks", "target", NOISE, PHASES, TIMES)


def main() -> None:
    """Measure what is not measured yet, print, write."""
    options = _options()
    torch.set_num_threads(1)
    rows = Rows(RESULTS / "seeds.jsonl")
    if not options.only_report:
        extent = Extent(options.side, options.pictures, options.swept)
        folder = images_folder(options.images)
        own = _own_methods(options.networks)
        with ExitStack() as stack:
            methods = {**own, **peer_methods(options.peer_python, stack)}
            wanted = [part for part in options.parts if part != TIMES]
            for case in cases(wanted, folder, extent):
                _measure(case, methods, options.side, rows)
            if TIMES in options.parts:
                # The peer works in a process of its own, whose time is not known here.
                _time(own, list(_timed(folder, extent)), options.runs, rows)
    write_tables(rows.read())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, help="folder with kodak and mlsim_stacks")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=DEFAULT_PARTS)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), help="names or paths")
    parser.add_argument("--peer-python", help="a Python that has napari-sim-processor")
    parser.add_argument("--side", type=int, default=256, help="pixels of a picture")
    parser.add_argument("--pictures", type=int, default=8, help="of every data set")
    parser.add_argument("--swept", type=int, default=3, help="pictures of each sweep")
    parser.add_argument("--runs", type=int, default=RUNS, help="of every method that is timed")
    parser.add_argument("--only-report", action="store_true", help="measure nothing")
    return parser.parse_args()


def _own_methods(networks: list[str]) -> dict[str, Method]:
    """Return all methods by name; a network that is not there is said and left out."""
    there = []
    for name in networks:
        if Path(name).is_file() or any(name in shipped_models(step) for step in STEPS):
            there.append(name)
        else:
            known = ", ".join(sorted({one for step in STEPS for one in shipped_models(step)}))
            print(f"left out: expected one of {known}, or the path of a model file, found {name!r}")
    return {**OWN, **network_methods(there), **OTHERS}


def _measure(case: Case, methods: Mapping[str, Method], side: int, rows: Rows) -> None:
    """Add the rows of one field."""
    key: Row = {"part": case.part, "value": case.value, "picture": case.field.name, "side": side}
    for name, method in methods.items():
        if not rows.has(**key, method=name):
            row = {**key, "method": name, **_best(method, case.field)}
            rows.add(row)
            print(case.part, case.value, case.field.name, name, f"{row['psnr']:.2f}", flush=True)


def _best(method: Method, field: Field) -> Row:
    """Return the scores of a method's best image."""
    shape = (field.frames.shape[-2], field.frames.shape[-1])
    with torch.inference_mode():
        found = [
            scores(on_input_grid(restore(field.frames), shape), field.truth)
            for restore in method.restores(field)
        ]
    return max(found, key=lambda row: row["fitted psnr"])


def _timed(folder: Path, extent: Extent) -> Iterator[Field]:
    for seed, (name, picture) in enumerate(kodak(folder, extent.side, extent.pictures)):
        yield lit(name, picture, EXACT, seed)


def _time(methods: Mapping[str, Method], fields: list[Field], runs: int, rows: Rows) -> None:
    for name, method in methods.items():
        side = fields[0].frames.shape[-1]
        key: Row = {"part": TIMES, "side": side, "method": name, "runs": runs}
        if not rows.has(**key):
            with torch.inference_mode():
                rows.add(key | timed(method, fields, runs))
            print(TIMES, name, flush=True)


if __name__ == "__main__":
    main()
