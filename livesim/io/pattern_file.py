"""Illumination patterns as JSON: `Pattern` <-> the file that `livesim calibrate` writes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from livesim.config.errors import complaint
from livesim.io.write.placement import Placement
from livesim.values.errors import DataError
from livesim.values.pattern import Levels, NoiseToSignal, Pattern, PatternAngle

FORMAT = "livesim-pattern/1"
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Angle(_Document):
    k_cycles_per_um: tuple[FiniteFloat, FiniteFloat]
    phases_rad: Annotated[tuple[FiniteFloat, ...], Field(min_length=1)]
    modulation: Annotated[tuple[FiniteFloat, ...], Field(min_length=1)]
    peak_to_noise: FiniteFloat | None = None
    mcnr: FiniteFloat | None = None
    usable: bool = True
    intensity: tuple[FiniteFloat, ...] = ()

    @model_validator(mode="after")
    def _is_an_angle(self) -> Self:
        if self.k_cycles_per_um == (0, 0):
            raise ValueError("expected k_cycles_per_um other than (0, 0), found (0, 0)")
        if self.usable and 0 in self.modulation:
            raise ValueError("expected a modulation other than 0 in a usable angle, found 0")
        self.value()
        return self

    def value(self) -> PatternAngle:
        return PatternAngle(
            k_cycles_per_um=self.k_cycles_per_um,
            phases_rad=self.phases_rad,
            modulation=self.modulation,
            peak_to_noise=math.inf if self.peak_to_noise is None else self.peak_to_noise,
            mcnr=math.inf if self.mcnr is None else self.mcnr,
            usable=self.usable,
            intensity=self.intensity,
        )


class _NoiseToSignal(_Document):
    at_cutoff: Positive
    exponent: Annotated[FiniteFloat, Field(ge=0)]

    def value(self) -> NoiseToSignal:
        return NoiseToSignal(self.at_cutoff, self.exponent)


class _Levels(_Document):
    low: FiniteFloat
    high: FiniteFloat

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        self.value()
        return self

    def value(self) -> Levels:
        return Levels(self.low, self.high)


class _Pattern(_Document):
    format: Literal["livesim-pattern/1"]
    pixel_nm: Positive
    shape: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]
    angles: Annotated[tuple[_Angle, ...], Field(min_length=1)]
    attainable_resolution_nm: Positive | None = None
    warnings: tuple[str, ...] = ()
    layout: Literal["angle-phase", "hexagonal"] = "angle-phase"
    noise_to_signal: _NoiseToSignal | None = None
    levels: _Levels | None = None

    @model_validator(mode="after")
    def _angles_agree(self) -> Self:
        counts = {(len(angle.phases_rad), len(angle.modulation)) for angle in self.angles}
        if len(counts) > 1:
            raise ValueError(
                "expected as many phases and harmonics in every angle, "
                f"found (phases, harmonics) = {sorted(counts)}"
            )
        return self

    def value(self) -> Pattern:
        resolution, noise = self.attainable_resolution_nm, self.noise_to_signal
        return Pattern(
            pixel_nm=self.pixel_nm,
            shape=self.shape,
            angles=tuple(angle.value() for angle in self.angles),
            attainable_resolution_nm=math.nan if resolution is None else resolution,
            warnings=self.warnings,
            layout=self.layout,
            noise_to_signal=None if noise is None else noise.value(),
            levels=None if self.levels is None else self.levels.value(),
        )


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


def read_pattern_for(path: Path, frame_shape: tuple[int, int]) -> Pattern:
    """Read a pattern file that is to fit raw frames of (y, x).

    Raises
    ------
    DataError
        As `read_pattern`, or if the pattern is one for frames of another size.
    """
    pattern = read_pattern(path)
    if pattern.shape != frame_shape:
        raise DataError(
            f"{path}: expected a pattern for frames of (y, x) = {frame_shape}, "
            f"found one for {pattern.shape}"
        )
    return pattern


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

    `layout`, `noise_to_signal`, `levels` and an angle's `intensity` are left out where they say
    nothing.
    """
    document: dict[str, Any] = {
        "format": FORMAT,
        "pixel_nm": pattern.pixel_nm,
        "shape": list(pattern.shape),
        "angles": [_angle_to_json(angle) for angle in pattern.angles],
        "attainable_resolution_nm": _finite(pattern.attainable_resolution_nm),
        "warnings": list(pattern.warnings),
    }
    if pattern.layout != "angle-phase":
        document["layout"] = pattern.layout
    if pattern.noise_to_signal is not None:
        document["noise_to_signal"] = asdict(pattern.noise_to_signal)
    if pattern.levels is not None:
        document["levels"] = asdict(pattern.levels)
    return document


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
        return _Pattern.model_validate_json(text).value()
    except ValidationError as error:
        raise DataError(complaint(source, error)) from error


def _angle_to_json(angle: PatternAngle) -> dict[str, Any]:
    document: dict[str, Any] = {
        "k_cycles_per_um": list(angle.k_cycles_per_um),
        "phases_rad": list(angle.phases_rad),
        "modulation": list(angle.modulation),
        "peak_to_noise": _finite(angle.peak_to_noise),
        "mcnr": _finite(angle.mcnr),
        "usable": angle.usable,
    }
    if angle.intensity:
        document["intensity"] = list(angle.intensity)
    return document


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
