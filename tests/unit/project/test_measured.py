"""The tables of docs/measured are those that the kept results make; no number is typed."""

from __future__ import annotations

import pytest

from bench.measured import PAGES, filled, pages
from tests.support.reader_faults import CASES

BLOCK = '<!-- measured: {"result": "start", "where": {"kind": "no fringes"}} -->\n'
END = "<!-- end of measured -->"


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_a_page_is_what_the_kept_results_make(page):
    text = page.read_text(encoding="utf-8")
    assert filled(text) == text


def test_every_page_of_figures_is_made_by_a_script():
    made = {page.name for page in pages() if page.parent == PAGES} | {
        "performance.md",
        "network-speed.md",
        "files.md",
        "index.md",
    }
    assert {page.name for page in PAGES.glob("*.md")} == made


def test_the_page_on_files_shows_every_case():
    text = (PAGES / "files.md").read_text(encoding="utf-8")
    shown = [line.split(" | ")[:3] for line in text.splitlines() if line.startswith("| ")]
    cases = [[f"| {case.format}", case.fault, case.outcome] for case in CASES]
    assert [line for line in shown if line in cases] == cases


def test_a_typed_number_does_not_stay():
    table = filled(BLOCK + END)
    assert table.count("\n| ") == 3  # the heading, the line under it, and one row
    assert filled(table.replace("| 15 |", "| 16 |")) == table
    assert "| 16 |" not in table


def test_rows_that_are_not_there_fail():
    with pytest.raises(ValueError, match=r"expected rows of start\.json with .*, found none"):
        filled(BLOCK.replace("no fringes", "no such kind") + END)
