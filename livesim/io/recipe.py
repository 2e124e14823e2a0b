"""Say what made a result, so that it can be made again: settings, pattern, networks, sources."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationError,
)

from livesim.config.errors import sentence
from livesim.config.settings import Settings, Steps
from livesim.io.folder_walk import walk
from livesim.io.pattern_file import pattern_from_json, pattern_to_json
from livesim.values.errors import DataError
from livesim.values.pattern import Pattern
from livesim.values.version import VERSION

FORMAT = "livesim-recipe/1"
HASHED_WHOLE_BYTES = 64 * 2**20
"""Files up to this size are hashed whole; of larger ones the first and the last half of it."""

StepName = Literal["one", "reconstruct", "two", "all"]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


def _pattern_value(value: Any) -> Pattern:
    return value if isinstance(value, Pattern) else pattern_from_json(value)


PatternField = Annotated[Pattern, PlainValidator(_pattern_value), PlainSerializer(pattern_to_json)]


class SourceFile(BaseModel):
    """A file or folder of raw data, as far as needed to recognise it again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    """Without its folder: files move."""
    size_bytes: Annotated[int, Field(ge=0)]
    sha256: Sha256
    hashed: Literal["content", "head-and-tail", "listing"]
    """What the hash covers: everything; the first and last 32 MiB; for a folder, the sorted
    "relative path, size" lines of its files."""


class Recipe(BaseModel):
    """Everything needed to make the same pixels again from the same raw data."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["livesim-recipe/1"] = "livesim-recipe/1"
    livesim_version: str = VERSION
    settings: Settings
    pattern: PatternField | None = None
    """None while nothing is reconstructed yet, as in a raw recording."""
    steps: tuple[StepName, ...] = ()
    """Those that were run, in order."""
    models: Mapping[str, Sha256] = Field(default_factory=dict)
    """Name of a network -> SHA-256 of its file."""
    sources: tuple[SourceFile, ...] = ()
    warnings: tuple[str, ...] = ()
    trust: tuple[str, ...] = ()
    """What was said of the networks' work, for some raw stacks spread over the recording."""

    def with_warning(self, warning: str) -> Self:
        """Return the same recipe with one more warning."""
        return self.model_copy(update={"warnings": (*self.warnings, warning)})

    def to_json(self) -> dict[str, Any]:
        """Return the recipe as JSON values."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, values: Mapping[str, Any], source: str = "recipe") -> Self:
        """Return the recipe that the JSON values describe.

        Raises
        ------
        DataError
            If they are no recipe; it names `source`.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise DataError(f"{source}: {sentence(error, cls)}") from error


Amend = Callable[[Recipe], Recipe]
"""Adds to a recipe what is known only once the pixels are made."""


def as_it_is(recipe: Recipe) -> Recipe:
    """Add nothing."""
    return recipe


def steps_run(steps: Steps) -> tuple[StepName, ...]:
    """Return the steps that settings without "auto" stand for, in order."""
    if steps.all != "none":
        return ("all",)
    run: dict[StepName, bool] = {
        "one": steps.one != "none",
        "reconstruct": True,
        "two": steps.two != "none",
    }
    return tuple(name for name, wanted in run.items() if wanted)


def identify(path: Path) -> SourceFile:
    """Return name, size and hash of a raw file or folder.

    Files above 64 MiB are hashed by their first and last 32 MiB: a time-lapse of many GB is
    recognised in a fraction of a second, and what differs between two recordings of the same
    length (header, first and last frames, index) lies there.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    try:
        return _identify_folder(path) if path.is_dir() else _identify_file(path)
    except OSError as error:
        raise DataError(f"{path}: expected a readable file, found: {error}") from error


def _identify_file(path: Path) -> SourceFile:
    size = path.stat().st_size
    whole = size <= HASHED_WHOLE_BYTES
    half = HASHED_WHOLE_BYTES // 2
    spans = ((0, size),) if whole else ((0, half), (size - half, half))
    digest = hashlib.sha256()
    for block in _blocks(path, spans):
        digest.update(block)
    return SourceFile(
        name=path.name,
        size_bytes=size,
        sha256=digest.hexdigest(),
        hashed="content" if whole else "head-and-tail",
    )


def _blocks(path: Path, spans: tuple[tuple[int, int], ...]) -> Iterator[bytes]:
    with path.open("rb") as file:
        for start, length in spans:
            file.seek(start)
            end = start + length
            while file.tell() < end and (block := file.read(min(2**20, end - file.tell()))):
                yield block


def _identify_folder(path: Path) -> SourceFile:
    sizes = {name: file.stat().st_size for name, file in walk(path) if file.is_file()}
    listing = "".join(f"{name}\t{size}\n" for name, size in sorted(sizes.items()))
    return SourceFile(
        name=path.name,
        size_bytes=sum(sizes.values()),
        sha256=hashlib.sha256(listing.encode()).hexdigest(),
        hashed="listing",
    )
