"""Read the Python files of a checkout without importing them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

AREAS = {
    "product": ("livesim", "acquisition", "gui", "models"),
    "tests": ("tests",),
    "bench": ("bench",),
}
"""Area -> its folders in a checkout."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file."""

    path: Path
    """Relative to the checkout."""
    area: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """What Python makes of the text."""
        return ast.parse(self.text, str(self.path))

    @property
    def lines(self) -> int:
        """Lines of the file."""
        return len(self.text.splitlines())

    @property
    def module(self) -> str:
        """The name it is imported by: acquisition/livesim_acquisition/hook.py loses the first."""
        parts = self.path.with_suffix("").parts
        inside = parts if parts[0] == "livesim" or self.area != "product" else parts[1:]
        return ".".join(inside[:-1] if inside[-1] == "__init__" else inside)

    def functions(self) -> Iterator[Function]:
        """Return every function and method, nested ones as well."""
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))

    def imported(self) -> Iterator[str]:
        """Return everything it imports; `from a import b` gives a.b, be that a module or not.

        Raises
        ------
        ValueError
            If an import is relative: this tool does not follow those.
        """
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                if node.level:
                    raise ValueError(f"{self.path}:{node.lineno}: expected no relative import")
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def sources(checkout: Path) -> list[Source]:
    """Return the Python files of a checkout.

    Raises
    ------
    ValueError
        If there are none of the product.
    """
    found = [
        Source(path.relative_to(checkout), area, path.read_text(encoding="utf-8"))
        for area, folders in AREAS.items()
        for folder in folders
        for path in sorted((checkout / folder).rglob("*.py"))
    ]
    if not any(source.area == "product" for source in found):
        raise ValueError(f"{checkout}: expected a checkout with livesim/, found no Python files")
    return found
