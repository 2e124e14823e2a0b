"""Write docs/measured/performance.md and its picture from what `livesim bench` has measured.

`livesim bench --peers --out bench/results/speed.json --overwrite`, then
`python -m bench.speed.performance_page`. What `OTHERS` names stands on the page as well where it
has been measured.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import MEASURED, ROOT
from bench.markdown import table
from bench.speed.page_tables import (
    comparison_sheets,
    frame_path_bounds,
    frame_path_sheet,
    latency_by_spins,
    latency_by_stage,
)
from livesim.speed.curves import draw
from livesim.speed.tables import Sheet, machine_words, sheets

RESULTS = ROOT / "bench" / "results"
PAGE = MEASURED / "performance.md"
PICTURE = "../images/scaling.png"

INTRODUCTION = """\
# How fast it is

`livesim bench` measures this on any machine: one command, tables, a JSON file, and the curves as a
picture. `--quick` takes some seconds, to see that it runs; in a checkout, `--peers` times the
textbook order and, where it is installed, napari-sim-processor in turn with livesim. With a GPU
everything is measured on it as well; without one it says so.

This page is written by `python -m bench.speed.performance_page` from what is kept in
`bench/results`; no number in it was typed.

- Stages are medians over rounds in which every stage runs once. IQR: the distance of the
  quartiles.
- **Of the limit**: for a network, its floating-point operations a second over those of a matrix
  product of the same precision in the same run; for the reconstruction, the time that copying only
  the counts in and the images out would take, over the time it takes.
- **The floor**: the operations over the rate of matrix products of that precision, or the bytes
  that come in and go out over the rate of copies, whichever takes longer; transforms are counted
  where their input is not zero. Beside it the same at an H100's data-sheet rates (989 TFLOP/s in
  bfloat16, 3.35 TB/s), on which nothing was measured.
- **Published figures** were measured by their authors on their machines. Theirs is taken by the
  peak rate of its card in float32, ours by the matrix products of this run in float32, at which
  our networks are timed here as well: beside ML-SIM's one network stand plain reconstruction and
  both of ours. Times ours at equal rates: how much longer than ours theirs would take if its card
  were exactly as fast as this machine.
- Streams run through the real processes. The first result is timed from the start of the engine's
  process, its pattern known and the source waiting; the latency, from the last raw frame received
  to the result published, at 0.7 of the highest rate.
"""


Found = dict[str, Any]


def page(found: Found, others: Mapping[str, Found]) -> str:
    """Return the page as Markdown.

    Parameters
    ----------
    found
        Of `livesim bench`.
    others
        Of other measurements, those of `OTHERS` that there are.
    """
    parts = [INTRODUCTION, machine_words(found) + "\n"]
    parts += [_markdown(sheet) for sheet in sheets(found, comparison_sheets(found))]
    parts.append(f"![Time against size, batch, time points and channels]({PICTURE})\n")
    if "difference_to_textbook_order" in found:
        difference = found["difference_to_textbook_order"]
        parts.append(
            f"Away from the borders livesim's image and that of the textbook order differ by "
            f"{difference:.1e} of it.\n"
        )
    parts += [words(others[name]) for name, words in OTHERS.items() if name in others]
    if found["not_measured"]:
        parts.append("## Not measured\n\n" + "\n".join(f"- {w}" for w in found["not_measured"]))
    return "\n".join(parts).rstrip() + "\n"


def written_page() -> str:
    """Return the page that the kept results make."""
    paths = {name: RESULTS / f"{name}.json" for name in OTHERS}
    others = {name: _read(path) for name, path in paths.items() if path.exists()}
    return page(_read(RESULTS / "speed.json"), others)


def _read(path: Path) -> Found:
    found: Found = json.loads(path.read_text(encoding="utf-8"))
    return found


def _markdown(sheet: Sheet) -> str:
    return f"## {sheet.title}\n\n{table(sheet.columns, sheet.rows)}"


def _frame_path(found: Found) -> str:
    return (
        f"{_markdown(frame_path_sheet(found))}\n`python -m bench.speed.frame_path`: the "
        f"least of up to {found['rounds']} rounds, all in turn. {frame_path_bounds(found)} "
        f"{machine_words(found)}\n"
    )


def _latency(found: Found) -> str:
    return (
        f"{_markdown(latency_by_stage(found))}\n`python -m bench.speed.latency`: "
        f"{found['stacks'] - found['left_out']} raw stacks of 3 x 3, plain, frame by frame at each "
        f"rate. What the stages are: [live](../use/live.md). {machine_words(found)}\n"
    )


def _spins(found: Found) -> str:
    return (
        f"{_markdown(latency_by_spins(found))}\n`python -m bench.speed.latency_spins`: all "
        f"at one rate, half of the highest, {found['rounds']} times {found['stacks']} raw stacks "
        "in turn. "
        f"The second of each is what livesim sets. {machine_words(found)}\n"
    )


def _endurance(found: Found) -> str:
    last = found["rows"][-1]
    size = found["size"]
    return (
        f"## A long stream\n\n{found['frames']} raw frames of {size} x {size} through one engine "
        f"(`python -m bench.speed.endurance`): in the second half its memory grew by "
        f"{found['memory_kb_per_1000_results']:.3g} kB per 1000 results, to "
        f"{last['memory MB']:.0f} MB; a result took {found['ms_per_result']:.3g} ms, and "
        f"{found['ms_per_result_gained_over_this_half']:+.2g} ms more at its end than at its "
        "beginning.\n"
    )


OTHERS = {
    "frame_path": _frame_path,
    "latency": _latency,
    "latency_spins": _spins,
    "endurance": _endurance,
}
"""Files beside that of `livesim bench`, in the order of the page: what each says there."""


def main() -> None:
    """Write the page and draw its picture."""
    PAGE.write_text(written_page(), encoding="utf-8")
    draw(_read(RESULTS / "speed.json")["curves"], PAGE.parent / PICTURE)


if __name__ == "__main__":
    main()
