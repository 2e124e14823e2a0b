"""Fill what pages show of kept results and of the code: `python -m bench.measured`.

A table stands between two comments. The first says which result it shows, which part of it
("rows" where nothing is said), which of those rows, and which columns under which headings:

    <!-- measured: {"result": "trust", "where": {"photons": 5.0}, "columns": {"fields": "of"}} -->
    <!-- end of measured -->

The formats that are read stand on the page on recordings in the same way, between
`<!-- formats -->` and `<!-- end of formats -->`, and the memory of the engine's queues on that on
services, between `<!-- queues -->` and `<!-- end of queues -->`, that of volumes below it, between
`<!-- volumes -->` and `<!-- end of volumes -->`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from bench import MEASURED, ROOT
from bench.markdown import fill, table
from livesim.engine.channel_processing import calibration_stacks
from livesim.engine.publishing import RESULT_BYTES, RESULT_DEPTH
from livesim.engine.queue import held_at_most
from livesim.engine.record.stream_recording import RECORD_BYTES, RECORD_DEPTH
from livesim.engine.session import PROCESS_BYTES, PROCESS_DEPTH
from livesim.engine.volume_gate import QUEUED_VOLUMES
from livesim.io.read.open import FILES, FOLDERS
from livesim.pipeline.volume.build import OPEN_BYTES
from livesim.pipeline.volume.live import KEPT_RAW
from livesim.reconstruction.volume.memory import volume_bytes
from livesim.wire.sockets import FRAME_DEPTH
from livesim.wire.sockets import RESULT_DEPTH as VIEWER_DEPTH

RESULTS = ROOT / "bench" / "results"
PAGES = MEASURED
RECORDINGS = ROOT / "docs" / "use" / "recordings.md"
SERVICE = ROOT / "docs" / "use" / "service.md"
BLOCK = re.compile(r"(<!-- measured: (\{.*?\}) -->\n).*?(<!-- end of measured -->)", re.DOTALL)
SIDES = (256, 512, 1024, 2048, 4096)
PLANES, FRAMES = 32, 15
"""Of the volumes whose memory is shown; frames of a plane."""

Row = dict[str, Any]


def filled(text: str) -> str:
    """Return a page with all of its tables made from the results that are kept now."""
    for name, words in (("formats", _formats), ("queues", _queues), ("volumes", _volumes)):
        text = fill(text, name, words)
    return BLOCK.sub(lambda found: found[1] + _table(**json.loads(found[2])) + found[3], text)


def pages() -> list[Path]:
    """Return the pages that are filled."""
    measured = [
        page for page in sorted(PAGES.glob("*.md")) if BLOCK.search(page.read_text("utf-8"))
    ]
    return [*measured, RECORDINGS, SERVICE]


def _formats() -> str:
    return "".join(f"- {one.name}\n" for one in (*FILES, *FOLDERS)) + "\n"


def _queues() -> str:
    """Return what the engine's queues hold at most of raw stacks of nine frames of 16 bits."""
    columns = (
        "raw frames",
        "a raw stack",
        "to the disk",
        "to be reconstructed",
        "in search of the pattern",
        "to be published",
        "all, with frames received",
        "each slow viewer",
    )
    rows = []
    for side in SIDES:
        frame = 2 * side * side
        stack, result = 9 * frame, 4 * side * side * 9  # image and plain of 2 x 2, and widefield
        queues = [
            (held_at_most(RECORD_DEPTH, RECORD_BYTES, stack), stack),
            (held_at_most(PROCESS_DEPTH, PROCESS_BYTES, stack), stack),
            (calibration_stacks(stack), stack),
            (held_at_most(RESULT_DEPTH, RESULT_BYTES, result), result),
        ]
        cells = [f"{count}: {_mb(count * size)}" for count, size in queues]
        # Beside them one stack that is being written, one that waits for room, one in work.
        whole = sum(count * size for count, size in queues) + FRAME_DEPTH * frame + 3 * stack
        viewer = f"{VIEWER_DEPTH}: {_mb(VIEWER_DEPTH * result)}"
        rows.append((f"{side} × {side}", _mb(stack), *cells, _mb(whole), viewer))
    return table(columns, rows) + "\n"


def _volumes() -> str:
    """Return what waits of volumes of 32 planes, 15 frames of 16 bits each, in one channel."""
    columns = (
        "raw frames",
        "a raw volume",
        "to be reconstructed",
        "in search of the pattern",
        "raw volumes in all",
        "reconstruction",
        "all",
    )
    rows = []
    for side in SIDES[:4]:
        raw = PLANES * FRAMES * 2 * side * side
        made = volume_bytes((side, side), PLANES, 3) + OPEN_BYTES
        waiting = [f"{count}: {_mb(count * raw)}" for count in (QUEUED_VOLUMES, 2, KEPT_RAW)]
        whole = KEPT_RAW * raw + made
        rows.append((f"{side} × {side}", _mb(raw), *waiting, _mb(made), _mb(whole)))
    return table(columns, rows) + "\n"


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f} MB" if size >= 1e7 else f"{size / 1e6:.1f} MB"


def _table(
    result: str,
    part: str = "rows",
    where: Row | None = None,
    columns: dict[str, str] | None = None,
) -> str:
    found = json.loads((RESULTS / f"{result}.json").read_text(encoding="utf-8"))
    rows = [row for row in _rows(found, part) if (where or {}).items() <= row.items()]
    if not rows:
        raise ValueError(f"expected rows of {result}.json with {where}, found none")
    columns = columns or {name: name for name in rows[0]}
    cells = [[_text(row[name]) for name in columns] for row in rows]
    return f"{table(list(columns.values()), cells)}\n{_machine(found['run'])}\n"


def _rows(found: Row, part: str) -> list[Row]:
    for name in part.split("/"):
        found = found[name]
    return found if isinstance(found, list) else [found]


def _machine(run: Row) -> str:
    """Say on what and when it was measured; the older results do not name a processor."""
    words = (
        f"torch {run['torch']}, livesim {run['livesim']}; {run['date'][:10]}. Load of the machine "
        f"when it began: {run['load_1min']}."
    )
    kinds = (run.get("processor"), f"{run['cores']} cores", run.get("gpu"))
    return ", ".join([kind for kind in kinds if kind] + [words])


def _text(value: Any) -> str:
    if value is None:
        return "–"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def main() -> None:
    """Fill every page in its place."""
    for page in pages():
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
