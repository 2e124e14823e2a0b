"""Write tables as Markdown, and what stands between two comments of a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """Return a table; all columns but the first `left` ones hold numbers."""
    rule = ["---"] * left + ["---:"] * (len(columns) - left)
    return "".join(f"| {' | '.join(line)} |\n" for line in (columns, rule, *rows))


def digits(value: Any) -> str:
    """Return a number to three digits, and anything else as it is."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def fill(page: str, name: str, words: Callable[[], str]) -> str:
    """Return a page with these words between `<!-- name -->` and `<!-- end of name -->`."""
    block = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    return block.sub(lambda found: found[1] + words() + found[2], page)
