"""Rows of one measurement in, a printed table and a JSON file beside this one out."""

from __future__ import annotations

import datetime
import json
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

import livesim

RESULTS = Path(__file__).parent / "results"
Row = dict[str, Any]


def report(name: str, title: str, rows: list[Row], **more: Any) -> None:
    """Print `rows` as a table and write them with machine, versions and date."""
    show(title, rows)
    RESULTS.mkdir(exist_ok=True)
    document = {"title": title, "rows": rows, **more, "run": conditions()}
    (RESULTS / f"{name}.json").write_text(
        json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8"
    )


def show(title: str, rows: list[Row]) -> None:
    """Print `rows` as a table."""
    table = Table(title=title)
    for column in rows[0]:
        table.add_column(column, justify="left" if column == "method" else "right")
    for row in rows:
        table.add_row(*[_text(value) for value in row.values()])
    Console(width=120).print(table)


def conditions() -> dict[str, Any]:
    """Return what the figures depend on besides the code."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load_1min": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "livesim": livesim.__version__,
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor()
    lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
