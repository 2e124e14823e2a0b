"""Write docs/measured/network-speed.md from what `bench.speed.network_speed` has measured."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

from bench import MEASURED, ROOT
from bench.markdown import digits, table
from bench.report import Row
from bench.speed.network_speed import AFTER, BEFORE

RESULT = ROOT / "bench" / "results" / "network_speed.json"
PAGE = MEASURED / "network-speed.md"

INTRODUCTION = """\
# What makes the networks fast

A trained [network](../use/networks.md) is frozen before it runs (`livesim_models/rcan/frozen.py`):
for inference alone, in one precision, on one device. Live streams, `livesim restore`, exports and
the reviews of [trust](../use/trust.md) run the same frozen network; training runs the layers it is
made of.

This page is written by `python -m bench.speed.network_speed_page` from the result of
`python -m bench.speed.network_speed`; no number in it was typed.

On a CPU, each of these with what stands above it:

- **As trained, autocast:** how it ran before. At every call autocast converts the weights, oneDNN
  lays them out anew, every layer asks for memory of its own, and the channel attention reads all
  features twice.
- **Weights converted once:** plain torch without autocast. It is also what runs on CUDA, where one
  Triton kernel ends a block if Triton is installed, and on processors that oneDNN has no fast
  convolutions for. On a GPU it was not timed.
- **Kept maps, attention in the weights:** weights are laid out once, too; features stay in five
  maps that are kept from call to call; the convolution itself clips at zero. The attention touches
  no features: the mean of a convolution's output is the weight times the mean of its input under
  each tap, so the sums of what goes in give the attention's weights, and these scale the
  convolution's.
- **In strips:** every convolution takes some rows at a time, so that what it reads and writes is in
  the cache. Without that, the maps of a large field go through memory for every layer.
"""

TIMES = """\
## What each change gave

Milliseconds, the least of the rounds, all forms and the matrix products in turn. One thread: the
time that it spent on its processor. Several: by the clock, so that other programs count. **Of
GEMM**: operations of the direct convolutions a second, over those of the matrix product in the same
rounds.
"""

PROFILE = """\
## Where the time of one call goes

Milliseconds on one thread, by kind of operation (torch's profiler).
"""

BOUNDS = """\
## What still separates them from the limit

A convolution of one strip, alone, and products of matrices, in operations of the direct
convolution. Winograd's convolution F(2 × 2, 3 × 3) (Lavin and Gray, CVPR 2016), which needs 4 / 9
of the multiplications, is not what oneDNN takes on these processors; here are its matrix products,
without and with writing and reading its tiles once, before anything is computed of them.
"""


def page(found: dict[str, Any]) -> str:
    """Return the page as Markdown."""
    rows, bounds = found["rows"], found["bounds"]
    parts = [INTRODUCTION, _machine(found["run"]), TIMES, _times(rows), PROFILE]
    parts += [_table(found["profiles"]), BOUNDS, _table(bounds), _remainder(rows)]
    return "\n".join(parts)


def _machine(run: Row) -> str:
    return (
        f"{run['processor']}, {run['cores']} cores; torch {run['torch']}; {run['date'][:10]}. "
        f"Load of the machine at the end: {run['load_1min']}.\n"
    )


def _times(rows: list[Row]) -> str:
    """Return one line for every network, field and precision, the forms beside each other."""
    keys = ("step", "raw", "precision", "threads")
    lines = []
    for key, group in groupby(rows, key=lambda row: tuple(row[one] for one in keys)):
        by_form = {row["form"]: row for row in group}
        line: Row = dict(zip(keys, key, strict=True))
        line |= {f"{name}, ms": row["ms"] for name, row in by_form.items()}
        line["times faster"] = by_form[AFTER]["times before"]
        for name in (BEFORE, AFTER):
            line[f"{name}: of GEMM"] = f"{by_form[name]['of GEMM']:.0%}"
        lines.append(line)
    return _table(lines)


def _table(rows: list[Row]) -> str:
    return table(list(rows[0]), [[digits(value) for value in row.values()] for row in rows])


def _remainder(rows: list[Row]) -> str:
    """Return what of the bare convolution's rate in the same rounds the networks reach."""
    reached = [
        f"step {row['step']} at {row['raw']} × {row['raw']}, {row['precision']}: "
        f"{row['of convolution']:.0%}"
        for row in rows
        if row["form"] == AFTER and row["threads"] == 1
    ]
    return (
        "Of the bare convolution's rate in the same rounds, on one thread, the networks reach: "
        + "; ".join(reached)
        + ". What lacks is copying strips into their maps, adding the skips, and the sums.\n"
    )


def written_page() -> str:
    """Return the page that the kept result makes."""
    return page(json.loads(RESULT.read_text(encoding="utf-8")))


def main() -> None:
    """Write the page."""
    PAGE.write_text(written_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
