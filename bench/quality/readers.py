"""Write the table of the readers: `python -m bench.quality.readers` fills docs/measured/files.md.

The cases are those that the tests check; what a reader says of each is taken from a run.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench import MEASURED
from bench.markdown import fill, table
from livesim.values.errors import DataError
from tests.support.reader_faults import CASES
from tests.support.reader_faults.case import Case, read_whole

PAGE = MEASURED / "files.md"


def cases() -> str:
    """Return a table with a line for every case."""
    rows = []
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            said = said_of(case, Path(folder))
        words = said.replace("|", r"\|") or "–"
        rows.append((case.format, case.fault, case.outcome, words))
    return table(("format", "fault", "outcome", "what is said"), rows, left=4) + "\n"


def said_of(case: Case, folder: Path) -> str:
    """Return the warnings, or the refusal, without the names of folders."""
    path = case.build(folder)
    try:
        _, said = read_whole(path, case.pattern)
    except DataError as error:
        said = str(error)
    return said.replace(f"{path}: ", "").replace(f"{folder}/", "")


def main() -> None:
    """Fill the page in its place."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(fill(page, "readers", cases), encoding="utf-8")


if __name__ == "__main__":
    main()
