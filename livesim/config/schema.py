"""Write the JSON schema of the settings, by which editors complete and check a TOML file.

The file lies beside this module and is part of the package. After a change of the settings it is
written again with `python -m livesim.config.schema`; a test fails until that is done.
"""

from __future__ import annotations

import ast
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from livesim.config.settings import Settings

SCHEMA_FILE = Path(__file__).with_name("settings.schema.json")
DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _WithoutTitles(GenerateJsonSchema):
    """Leaves out the titles, which say the names of the keys once more."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schema_text() -> str:
    """Return the schema as the file is to have it."""
    schema = Settings.model_json_schema(schema_generator=_WithoutTitles)
    tables: dict[str, Any] = schema["$defs"] | {Settings.__name__: schema}
    words = _docstrings()
    for name, table in tables.items():
        for key, value in table.get("properties", {}).items():
            if "$ref" in value:
                value.pop("default", None)  # of a whole table: its keys say theirs
            if key in words.get(name, {}):
                value["description"] = words[name][key]
    return json.dumps({"$schema": DIALECT, **schema}, indent=1, ensure_ascii=False) + "\n"


def _docstrings() -> dict[str, dict[str, str]]:
    """Return class -> key -> what stands below it in the source, for all of the settings."""
    sources = (path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("*.py"))
    nodes = (node for source in sources for node in ast.walk(ast.parse(source)))
    return {node.name: _of_keys(node) for node in nodes if isinstance(node, ast.ClassDef)}


def _of_keys(table: ast.ClassDef) -> dict[str, str]:
    found = {}
    for key, below in pairwise(table.body):
        match key, below:
            case ast.AnnAssign(ast.Name(name)), ast.Expr(ast.Constant(str(words))):
                found[name] = " ".join(words.split())
    return found


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
