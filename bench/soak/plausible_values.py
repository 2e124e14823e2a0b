"""Draw values from the schemas of messages: every field over the whole range of its type."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pydantic import BaseModel, TypeAdapter

from livesim.config.settings import Settings
from livesim.wire.control import (
    HeldRequest,
    NetworksRequest,
    ReadyRequest,
    ReviewRequest,
    StatusRequest,
    SteerRequest,
)
from livesim.wire.messages import FrameHeader, MapsHeader, ResultHeader, StreamEnd, StreamStart

Json = Any
WHOLE = (0, 1, 2, 7, 63, 64, 255, 1024, 4095, 4096, 10**6, 1_764_393_630, 1_764_393_630_123)
EDGES = (2**31 - 1, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, 10**30, -1, -(2**63))
REAL = (0.0, -0.0, 0.5, 1.0, 80.0, 1e-300, 5e-324, 1e30, 1e308, math.nan, math.inf, -math.inf, -1.0)
WORDS = ("", "none", "auto", "x", "µm × 3", "../../etc", "\0", "\ud7ff", "z" * 201, "w" * 100_000)
ANY = (None, True, 0, -1, 1.5, "word", [], {}, [[[]]], {"a": {"b": None}})
MESSAGES = (FrameHeader, MapsHeader, ResultHeader, StreamEnd, StreamStart)
REQUESTS = (
    HeldRequest,
    NetworksRequest,
    ReadyRequest,
    ReviewRequest,
    StatusRequest,
    SteerRequest,
)
"""Those that neither end a stream nor the engine."""


class Draw:
    """Draws from one random generator; the same seed gives the same values."""

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random

    def one(self, values: Any) -> Any:
        """Return one of some values."""
        return values[int(self.random.integers(len(values)))]

    def chance(self, probability: float) -> bool:
        """Return true as often as that."""
        return bool(self.random.random() < probability)

    def whole(self) -> int:
        """Return a whole number: a usual one, one at the edge of a type, or one of any size."""
        kind = self.random.random()
        if kind < 0.4:
            return int(self.one(WHOLE))
        if kind < 0.7:
            return int(self.one(EDGES))
        return int(2 ** self.random.uniform(0.0, 64.0))

    def real(self) -> float:
        """Return a number with a fraction, of any size."""
        if self.chance(0.6):
            return float(self.one(REAL))
        return float(10 ** self.random.uniform(-12.0, 12.0))

    def value(self, schema: Json, root: Json, depth: int = 0) -> Json:
        """Return a value that a JSON schema may describe, and now and then one of another type."""
        if depth > 6 or self.chance(0.05):
            return self.one(ANY)
        if "$ref" in schema:
            return self.value(root["$defs"][schema["$ref"].split("/")[-1]], root, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.one(schema["enum"])
        for several in ("anyOf", "oneOf"):
            if several in schema:
                return self.value(self.one(schema[several]), root, depth)
        return self._of_type(schema, root, depth)

    def _of_type(self, schema: Json, root: Json, depth: int) -> Json:
        match schema.get("type"):
            case "integer":
                return self.whole()
            case "number":
                return self.real()
            case "boolean":
                return self.chance(0.5)
            case "string":
                return self.one(WORDS)
            case "null":
                return None
            case "array":
                return self._array(schema, root, depth)
            case "object":
                return self._object(schema, root, depth)
        return self.one(ANY)

    def _array(self, schema: Json, root: Json, depth: int) -> Json:
        if "prefixItems" in schema:
            return [self.value(one, root, depth + 1) for one in schema["prefixItems"]]
        count = int(self.one((0, 1, 2, 3, 9, 1000)))
        return [self.value(schema.get("items", {}), root, depth + 1) for _ in range(min(count, 50))]

    def _object(self, schema: Json, root: Json, depth: int) -> Json:
        if "properties" in schema:
            names = [name for name in schema["properties"] if self.chance(0.6)]
            return {name: self.value(schema["properties"][name], root, depth + 1) for name in names}
        inner = schema.get("additionalProperties", {})
        keys = (self.one((*WORDS[1:6], "position", "channel", "z", "time", "0", "10000000000")),)
        return {
            key: self.value(inner if isinstance(inner, dict) else {}, root, depth + 1)
            for key in keys
        }

    def changed(self, kind: type[BaseModel], values: dict[str, Json], most: int = 2) -> Json:
        """Return the values of a message, some of whose fields are drawn again."""
        schema = _SCHEMAS[kind]
        names = [name for name in schema["properties"] if name not in ("version", "kind")]
        changed = dict(values)
        for _ in range(int(self.random.integers(1, most + 1))):
            name = self.one(names)
            changed[name] = self.value(schema["properties"][name], schema)
        return changed

    def settings(self, values: dict[str, Json]) -> dict[str, Json]:
        """Return settings in which one key of one table, or a whole table, is drawn again."""
        name = self.one(list(_SETTINGS["properties"]))
        drawn = self.value(_SETTINGS["properties"][name], _SETTINGS)
        table = values.get(name)
        if isinstance(table, dict) and isinstance(drawn, dict) and drawn and self.chance(0.8):
            key = self.one(list(drawn))
            drawn = {**table, key: drawn[key]}
        return {**values, name: drawn}


_SCHEMAS = {
    kind: TypeAdapter(kind).json_schema(mode="serialization") for kind in (*MESSAGES, *REQUESTS)
}
_SETTINGS = Settings.model_json_schema()
