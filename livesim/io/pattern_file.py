"""Read and write the pattern files (JSON) that `livesim calibrate` and recordings hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from livesim.config.errors import sentence
from livesim.config.settings import Settings
from livesim.io.read.axes import shape_in_words
from livesim.io.write.placement import Placement
from livesim.values.defects import Place
from livesim.values.errors import DataError
from livesim.values.pattern import Pattern
from livesim.values.volume_pattern import VolumePattern

FORMAT = "livesim-pattern/1"

_PATTERN: TypeAdapter[Pattern] = TypeAdapter(Pattern)


class _Header(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    format: Literal["livesim-pattern/1"]


def read_pattern(path: Path) -> Pattern:
    """Read a pattern file.

    Raises
    ------
    DataError
        If the file cannot be read or is no pattern: the file, what was expected, what was found.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a readable pattern file, found: {error}") from error
    return _parse(text, str(path))


def read_pattern_for(path: Path, frame_shape: tuple[int, int], settings: Settings) -> Pattern:
    """Read a pattern file that is to fit raw frames of (y, x), and the settings.

    Raises
    ------
    DataError
        As `read_pattern`, or if the pattern is one for frames of another size, or of other raw
        stacks than the settings say.
    """
    pattern = read_pattern(path)
    if pattern.shape != frame_shape:
        expected, found = (f"{y} x {x}" for y, x in (frame_shape, pattern.shape))
        raise DataError(
            f"{path}: expected a pattern for frames of {expected} pixels, found one for {found}"
        )
    check_layout(settings, pattern, str(path))
    return pattern


def check_layout(settings: Settings, pattern: Pattern, source: str = "pattern") -> None:
    """Refuse a pattern of other raw stacks than the settings say.

    Raises
    ------
    DataError
        If it is one; it names `source`.
    """
    if pattern.layout != settings.pattern.layout:
        raise DataError(
            f"{source}: expected the layout {settings.pattern.layout}, found {pattern.layout}"
        )
    expected = (3, 7) if pattern.layout == "hexagonal" else settings.pattern.stack_shape
    found = (len(pattern.angles), len(pattern.angles[0].phases_rad))
    if found != expected:
        raise DataError(
            f"{source}: expected {shape_in_words(expected)} as the settings say, found "
            f"{shape_in_words(found)}"
        )
    pixel_nm = settings.optics.pixel_nm
    if pixel_nm is not None and abs(pattern.pixel_nm / pixel_nm - 1.0) > 0.01:
        raise DataError(
            f"{source}: expected pixels of {pixel_nm:g} nm, found {pattern.pixel_nm:g} nm"
        )


def check_pattern_target(path: Path, *, overwrite: bool = False) -> None:
    """Refuse a target early that `write_pattern` would refuse after the work was done.

    Raises
    ------
    DataError
        As `write_pattern`.
    """
    Placement(path, overwrite=overwrite)


def write_pattern(path: Path, pattern: Pattern, *, overwrite: bool = False) -> None:
    """Write a pattern file; under the real name stands the whole file or none.

    Raises
    ------
    DataError
        If the file exists already and `overwrite` is false, or its folder does not exist.
    """
    text = json.dumps(pattern_to_json(pattern), indent=1, allow_nan=False)
    with Placement(path, overwrite=overwrite) as placement:
        placement.partial.write_text(text + "\n", encoding="utf-8")
        placement.commit()


def pattern_to_json(pattern: Pattern) -> dict[str, Any]:
    """Return the pattern as JSON values; what is unknown or infinite is null.

    `layout`, `noise_to_signal`, `levels`, `defects`, `axial` and an angle's `intensity` are left
    out where they say nothing.
    """
    return {"format": FORMAT, **_PATTERN.dump_python(pattern, mode="json")}


def pattern_from_json(values: Mapping[str, Any], source: str = "pattern") -> Pattern:
    """Return the pattern that the JSON values describe; null becomes infinite or unknown.

    Raises
    ------
    DataError
        If a key is unknown or missing, or a value is of the wrong kind; it names `source`.
    """
    return _parse(json.dumps(values), source)


def _parse(text: str, source: str) -> Pattern:
    try:
        _Header.model_validate_json(text)
        values = from_json(text)
        del values["format"]
        # As JSON again: only there may a list stand for a tuple while a text may not for a number.
        pattern = _PATTERN.validate_json(to_json(values), strict=True, extra="forbid")
    except ValidationError as error:
        raise DataError(f"{source}: {sentence(error, Pattern)}") from error
    fault = _fault(pattern)
    if fault is not None:
        raise DataError(f"{source}: {fault}")
    return pattern


def _fault(pattern: Pattern) -> str | None:
    """Say what no reconstruction can use although each number by itself is right."""
    for number, angle in enumerate(pattern.angles):
        if angle.k_cycles_per_um == (0, 0):
            return f"angles.{number}: expected k_cycles_per_um other than (0, 0), found (0, 0)"
        if angle.usable and 0 in angle.modulation:
            return f"angles.{number}: expected a modulation other than 0 in a usable angle, found 0"
    counts = {(len(angle.phases_rad), len(angle.modulation)) for angle in pattern.angles}
    if len(counts) > 1:
        return (
            "expected as many phases and harmonics in every angle, "
            f"found (phases, harmonics) = {sorted(counts)}"
        )
    outside = [one for one in pattern.defects if not _inside(one, pattern.shape)]
    if outside:
        return f"defects: expected (y, x) inside frames of {pattern.shape}, found {outside[0]}"
    if pattern.attainable_resolution_nm <= 0:
        return f"expected a resolution above 0 nm, found {pattern.attainable_resolution_nm}"
    return None if pattern.axial is None else _axial_fault(pattern)


def _axial_fault(pattern: Pattern) -> str | None:
    try:
        VolumePattern.of(pattern)
    except ValueError as error:
        return f"axial: {error}"
    return None


def _inside(place: Place, shape: tuple[int, int]) -> bool:
    return place[0] < shape[0] and place[1] < shape[1]
