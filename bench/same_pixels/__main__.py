"""Show that two checkouts make the same pixels, to the bit.

    python -m bench.same_pixels BEFORE AFTER DATA --out results.json [--keep FOLDER]

BEFORE and AFTER are folders of checkouts. For every recording of DATA (NAME.tif with NAME.toml
beside) both calibrate, restore with that pattern (`--steps reconstruct`, then the default steps)
and stream it into an engine that records. Compared are the numbers of the pattern files and the
pixels of all images; what files say of themselves (recipe, versions, clock times) may differ. Exit
status: 0 if all is equal, 1 if anything differs or a command fails.

With the same commit twice and --again this shows that one checkout repeats itself. A stream repeats
itself while it has fewer raw stacks than the watchdog needs to estimate a pattern anew (four):
when such an estimate is ready is a matter of time. So tracking is not compared here.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.same_pixels.arrays import PARTS, compare_folders
from bench.same_pixels.checkout import REPEATABLE, Checkout, CheckoutError
from bench.same_pixels.outputs import Made, outputs

SKIPPED = {"sim3d": "its planes are restored as volumes, and here single ones are compared"}
"""Folder of DATA -> why it is left out."""
_PROGRESS = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Compared:
    """What two checkouts made of one recording."""

    recording: str
    made: tuple[Made, Made]
    """Before, after."""
    parts: dict[str, dict[str, Any]]
    """What is compared -> how it compares."""

    @property
    def equal(self) -> bool:
        """Whether every part is."""
        return all(part["equal"] for part in self.parts.values())


def main() -> None:
    """Make, compare, print, write."""
    asked = _asked()
    try:
        raws = recordings(asked.data, asked.only)
        with tempfile.TemporaryDirectory() as scratch:
            sides = _sides(asked, Path(scratch))
            found = [_compared(raw, sides) for raw in raws]
    except CheckoutError as error:
        sys.exit(str(error))
    skipped = {name: why for name, why in SKIPPED.items() if (asked.data / name).is_dir()}
    _show(found, skipped)
    asked.out.write_text(_document(sides, found, skipped), encoding="utf-8")
    sys.exit(not all(one.equal for one in found))


def _asked() -> argparse.Namespace:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    for name in ("before", "after", "data"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--keep", type=Path, help="folder for what a clean commit makes, made once")
    parser.add_argument("--again", action="store_true", help="make AFTER's even if it is kept")
    parser.add_argument("--only", default="*", help="recordings by name, such as 'zju_*'")
    return parser.parse_args()


def recordings(data: Path, only: str = "*") -> list[Path]:
    """Return every recording that has its settings beside it.

    Raises
    ------
    CheckoutError
        If there is none: nothing would be shown.
    """
    found = [raw for raw in sorted(data.glob(f"{only}.tif")) if raw.with_suffix(".toml").exists()]
    if not found:
        raise CheckoutError(f"{data}: expected {only}.tif with a .toml beside, found none")
    return found


Side = tuple[Checkout, Path]
"""A checkout, and where what it makes is put."""


def _sides(asked: argparse.Namespace, scratch: Path) -> tuple[Side, Side]:
    before, after = Checkout(asked.before), Checkout(asked.after)
    kept_after = None if asked.again else asked.keep
    return (
        (before, _place(before, asked.keep, scratch / "before")),
        (after, _place(after, kept_after, scratch / "after")),
    )


def _place(checkout: Checkout, keep: Path | None, scratch: Path) -> Path:
    """Return where to put what a checkout makes: kept only if the commit tells what made it."""
    checkout.check()
    if keep is not None and not checkout.clean:
        _PROGRESS.print(f"{checkout.folder}: uncommitted changes, so nothing of it is kept")
        return scratch
    return keep or scratch


def _compared(raw: Path, sides: Sequence[Side]) -> Compared:
    before, after = (outputs(checkout, raw, place) for checkout, place in sides)
    for failure in (*before.failures, *after.failures):
        _PROGRESS.print(failure, markup=False, soft_wrap=True)
    found = Compared(raw.stem, (before, after), compare_folders(before.folder, after.folder))
    _PROGRESS.print(f"{raw.stem}: {'equal' if found.equal else 'differs'}")
    return found


def _show(found: Sequence[Compared], skipped: dict[str, str]) -> None:
    """Print a table, what was left out, and how long each side took."""
    notes = [f"{name}: {why}" for name, why in skipped.items()]
    table = Table(title="The same pixels, to the bit?", caption="\n".join((*notes, _took(found))))
    for column in ("recording", *PARTS):
        table.add_column(column)
    for one in found:
        table.add_row(one.recording, *(part["said"] for part in one.parts.values()))
    for name in skipped:
        table.add_row(name, *("skipped" for _ in PARTS))
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _took(found: Sequence[Compared]) -> str:
    """Return how long both sides took, also when it was kept."""
    words = []
    for name, side in (("before", 0), ("after", 1)):
        seconds = sum(one.made[side].seconds for one in found)
        kept = sum(one.made[side].kept for one in found)
        words.append(f"{name}: {seconds:.0f} s ({kept} of {len(found)} recordings kept)")
    return ", ".join(words)


def _document(sides: Sequence[Side], found: Sequence[Compared], skipped: dict[str, str]) -> str:
    document = {
        "equal": all(one.equal for one in found),
        "commits": [checkout.commit for checkout, _ in sides],
        "clean": [checkout.clean for checkout, _ in sides],
        "environment": REPEATABLE,
        "recordings": {one.recording: _figures(one) for one in found},
        "skipped": skipped,
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _figures(one: Compared) -> dict[str, Any]:
    return {
        "seconds": [made.seconds for made in one.made],
        "kept": [made.kept for made in one.made],
        **one.parts,
    }


if __name__ == "__main__":
    main()
