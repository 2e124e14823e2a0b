"""Read the scales, exposure and channel names that a TIFF file states."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import tifffile

NM = {
    "nm": 1.0, "nanometer": 1.0,
    "um": 1e3, "µm": 1e3, "μm": 1e3, "\\u00b5m": 1e3, "micron": 1e3, "microns": 1e3,
    "micrometer": 1e3,
    "mm": 1e6, "millimeter": 1e6, "cm": 1e7, "centimeter": 1e7,
    "m": 1e9, "meter": 1e9,
    "å": 0.1, "Å": 0.1, "\\u00c5": 0.1, "angstrom": 0.1, "ångström": 0.1, "pm": 1e-3,
    "picometer": 1e-3, "in": 25.4e6, "inch": 25.4e6, "inches": 25.4e6, '"': 25.4e6,
}  # fmt: skip
SECONDS = {
    "ns": 1e-9, "nanosecond": 1e-9, "us": 1e-6, "µs": 1e-6, "microsecond": 1e-6,
    "ms": 1e-3, "millisecond": 1e-3, "s": 1.0, "sec": 1.0, "second": 1.0,
    "min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a file says of how it was taken; None where it says nothing."""

    pixel_nm: float | None = None
    exposure_ms: float | None = None
    interval_s: float | None = None
    z_step_nm: float | None = None
    channel_names: tuple[str, ...] = ()
    pixel_y_nm: float | None = None
    """Along y, where the file states it; `pixel_nm` is that along x."""


SQUARE_WITHIN = 0.01


def not_square(x_nm: float | None, y_nm: float | None, source: Path) -> tuple[str, ...]:
    """Warn of pixels that are no squares: livesim takes both sides for that along x."""
    if x_nm is None or y_nm is None or abs(y_nm / x_nm - 1) <= SQUARE_WITHIN:
        return ()
    return (
        f"{source}: expected square pixels, found {x_nm:g} nm along x and {y_nm:g} nm along y: "
        "periods, angles and resolution are wrong along y",
    )


def positive(value: Any, scale: float | None = 1.0) -> float | None:
    """Return value · scale where that is a number above 0, and None for all else."""
    try:
        number = float(value) * float(scale or 0.0)
    except (TypeError, ValueError):
        return None
    return number if number > 0 and math.isfinite(number) else None


def read_metadata(tif: tifffile.TiffFile) -> Metadata:
    """Read what OME-XML, Micro-Manager or ImageJ wrote into the file."""
    if tif.is_ome and tif.ome_metadata:
        return _ome(tif.ome_metadata)
    if tif.is_micromanager:
        return _micromanager(tif)
    if tif.is_imagej:
        return _imagej(tif)
    return Metadata()


def _ome(xml: str) -> Metadata:
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return Metadata()
    pixels = root.find(".//{*}Pixels")
    if pixels is None:
        return Metadata()

    def size(axis: str) -> float | None:
        unit = NM.get(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        return positive(pixels.get(f"PhysicalSize{axis}"), unit)

    plane = pixels.find("{*}Plane")
    exposure_s = None if plane is None else _time(plane, "ExposureTime")
    return Metadata(
        pixel_nm=size("X"),
        pixel_y_nm=size("Y"),
        exposure_ms=positive(exposure_s, 1e3),
        interval_s=_time(pixels, "TimeIncrement"),
        z_step_nm=size("Z"),
        channel_names=names_of([one.get("Name") for one in pixels.findall("{*}Channel")]),
    )


def names_of(values: Any) -> tuple[str, ...]:
    """Return the names of all channels; none unless every one of them has a name."""
    names = values if isinstance(values, list) else []
    return tuple(names) if all(isinstance(name, str) and name for name in names) else ()


def _time(element: ElementTree.Element, name: str) -> float | None:
    return positive(element.get(name), SECONDS.get(element.get(f"{name}Unit", "s")))


def _micromanager(tif: tifffile.TiffFile) -> Metadata:
    summary = (tif.micromanager_metadata or {}).get("Summary", {})
    tag = tif.pages.first.tags.get("MicroManagerMetadata")
    frame = tag.value if tag is not None and isinstance(tag.value, dict) else {}
    return micromanager_metadata(summary, frame)


def micromanager_metadata(summary: dict[str, Any], frame: dict[str, Any]) -> Metadata:
    """Read Micro-Manager's keys, which differ between its versions."""
    pixel_um = frame.get("PixelSizeUm", frame.get("PixelSize_um", summary.get("PixelSize_um")))
    exposure = frame.get("Exposure-ms", frame.get("Exposure"))
    return Metadata(
        pixel_nm=positive(pixel_um, 1e3),
        exposure_ms=positive(exposure),
        interval_s=positive(summary.get("Interval_ms"), 1e-3),
        z_step_nm=positive(summary.get("z-step_um"), 1e3),
        channel_names=names_of(summary.get("ChNames")),
    )


def _imagej(tif: tifffile.TiffFile) -> Metadata:
    metadata = tif.imagej_metadata or {}
    per_unit, per_unit_y = (positive(one) for one in tif.pages.first.resolution)
    unit = str(metadata.get("unit", "")).strip().lower()
    return Metadata(
        pixel_nm=positive(NM.get(unit), 1 / per_unit) if per_unit else None,
        pixel_y_nm=positive(NM.get(unit), 1 / per_unit_y) if per_unit_y else None,
        interval_s=positive(metadata.get("finterval"), SECONDS.get(metadata.get("tunit", "s"))),
        z_step_nm=positive(metadata.get("spacing"), NM.get(unit)),
    )
