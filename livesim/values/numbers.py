"""Kinds of numbers that the frozen values are made of, checked where they come from JSON.

JSON has no infinity and no "not a number": what was never measured is null there. The values
themselves are plain dataclasses, which check nothing when Python code makes them.
"""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer

LARGEST = 2**63 - 1
"""The largest whole number that files and arrays hold."""


def _finite_or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _nan_for_none(value: float | None) -> float:
    return math.nan if value is None else value


def _infinity_for_none(value: float | None) -> float:
    return math.inf if value is None else value


_NullUnlessFinite = PlainSerializer(_finite_or_none, return_type=float | None)

Count = Annotated[int, Field(ge=0, le=LARGEST)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
FINEST_NM, COARSEST_NM = 1, 20_000
"""Of wavelengths, pixels and periods in light microscopy; those in µm or m are outside."""
Nanometres = Annotated[float, Field(ge=FINEST_NM, le=COARSEST_NM, allow_inf_nan=False)]
Magnitude = Annotated[float, Field(ge=1e-6, le=1e6, allow_inf_nan=False)]
"""Of what is chosen or calibrated: beyond it single precision ends, and images are not numbers."""
Aperture = Annotated[float, Field(ge=0.01, allow_inf_nan=False)]
CameraOffset = Annotated[float, Field(ge=0, le=2**32)]
ReadNoise = Annotated[float, Field(ge=0, le=1e6)]
RefractiveIndex = Annotated[float, Field(ge=1, le=4, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
ShareBelowOne = Annotated[float, Field(ge=0, lt=1)]
NanAsNull = Annotated[float, BeforeValidator(_nan_for_none), _NullUnlessFinite]
"""NaN where it was never measured."""
InfinityAsNull = Annotated[float, BeforeValidator(_infinity_for_none), _NullUnlessFinite]
"""Infinite where it was never measured, as of a ratio to noise that is not there."""
