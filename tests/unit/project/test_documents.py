"""What the documents at the top of the repository and the code's sentences point to is there.

The links inside of docs/ are checked by `mkdocs build --strict`.
"""

from __future__ import annotations

import ast
import importlib
import re
import shlex
from pathlib import Path

import pytest
import typer

from livesim.cli import app

ROOT = Path(__file__).parents[3]
CODE = ("livesim", "acquisition", "gui", "models", "bench")
LINK = re.compile(r"\]\(([^)\s]+)\)")
PAGE = re.compile(r"\bdocs/[\w/.-]+\.md\b")


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*/*.md"))]


def blocks(page, language):
    """Return the blocks of code of one language."""
    pattern = rf"^```{language}\n(.*?)^```$"
    return re.findall(pattern, page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def anchors(page):
    """Return the anchors of a page's headings, as GitHub and MkDocs both make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    words = [re.sub(r"[^\w\s-]", "", heading.lower()).strip() for heading in headings]
    return {re.sub(r"\s", "-", word) for word in words}


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
def test_links_lead_somewhere(name):
    links = LINK.findall((ROOT / name).read_text(encoding="utf-8"))
    here = [link for link in links if not link.startswith("http")]
    for link in here:
        path, _, anchor = link.partition("#")
        page = ROOT / path
        assert page.exists(), link
        assert not anchor or anchor in anchors(page), link
    assert here or name == "CHANGELOG.md"


def test_pages_named_in_code_are_there():
    named = {
        (file.relative_to(ROOT), page)
        for folder in CODE
        for kind in ("*.py", "*.toml", "*.sh")
        for file in (ROOT / folder).rglob(kind)
        for page in PAGE.findall(file.read_text(encoding="utf-8"))
    }
    assert len(named) > 5
    assert not [(file, page) for file, page in named if not (ROOT / page).exists()]


def test_the_test_command_of_the_readme_is_one_line():
    """.ci/run takes it from between two comments."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(
        r"<!-- test command -->\n```sh\n(.*?)```\n<!-- end of test command -->", text, re.DOTALL
    )
    assert block.count("\n") == 1
    assert block.rstrip().endswith("-m pytest -n 2 --dist loadfile")


def imported():
    """Yield what the examples in the pages import of ours."""
    for page in PAGES:
        for node in (node for code in blocks(page, "python") for node in ast.walk(ast.parse(code))):
            if isinstance(node, ast.ImportFrom) and node.module and "livesim" in node.module:
                for name in node.names:
                    yield f"{page.name}: {node.module}.{name.name}"


@pytest.mark.parametrize("where", sorted(set(imported())))
def test_what_the_examples_import_is_there(where):
    module, _, name = where.split(": ")[1].rpartition(".")
    assert hasattr(importlib.import_module(module), name)


def commands():
    """Yield every whole `livesim` command in the pages."""
    for page in PAGES:
        for block in blocks(page, "sh"):
            for line in block.splitlines():
                found = re.search(r"^(?:\w+\$ +)?livesim (.*)", line)
                if found and "\N{HORIZONTAL ELLIPSIS}" not in line:
                    yield " ".join(shlex.split(found[1], comments=True))


@pytest.mark.parametrize("words", sorted(set(commands())))
def test_the_commands_exist_with_their_flags(words):
    group = typer.main.get_command(app)
    name, command, rest = group.resolve_command(None, words.split())
    with command.make_context(name, rest, resilient_parsing=False) as context:
        assert context.command.name == name
