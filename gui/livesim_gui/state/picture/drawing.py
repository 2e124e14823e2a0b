"""Describe the lines and regions drawn over the picture, and measure what lies in them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from livesim_gui.state.picture.profile import Point, Profile, profile
from livesim_gui.state.picture.region import RegionStatistics, region_statistics
from livesim_gui.state.picture.stages import Stage

ACROSS = 3
"""Lines one pixel apart whose mean a profile is."""
CHANCE = 5.0
"""Spreads above the rest of a line that the highest of a hundred places of noise does not reach."""


class Kind(Enum):
    """What is drawn."""

    LINE = "line"
    REGION = "region"


@dataclass(frozen=True, slots=True)
class Drawing:
    """One line or region, in raw pixels, so that it stays in place whatever stage is shown."""

    kind: Kind
    name: str
    start: Point
    """(x, y) of a line's beginning, or of a corner."""
    end: Point

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom, however it was drawn."""
        (x0, y0), (x1, y1) = self.start, self.end
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers under their names, as a spreadsheet takes them."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[float | str]]

    @property
    def csv(self) -> str:
        """With commas, a line each."""
        return self._written(",")

    @property
    def tabbed(self) -> str:
        """With tabs: pasted into a spreadsheet it has its columns."""
        return self._written("\t")

    def _written(self, delimiter: str) -> str:
        out = io.StringIO()
        rows = csv.writer(out, delimiter=delimiter, lineterminator="\n")
        rows.writerow(self.columns)
        rows.writerows([_short(value) for value in row] for row in self.rows)
        return out.getvalue()


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """What lies in one drawing of one image."""

    words: str
    table: Table
    profile: Profile | None = None
    """Of a line; its distance in the unit."""
    unit: str = "nm"
    """Of the distance along a line."""


def measurement(drawing: Drawing, stage: Stage, pixel_um: float | None) -> Measurement | None:
    """Measure a profile along a line, or the statistics of a region; None for a line of no length.

    Parameters
    ----------
    pixel_um
        Of the raw frames; None = lengths are told in raw pixels.
    """
    if drawing.kind is Kind.REGION:
        return _region(drawing, stage, pixel_um)
    if drawing.start == drawing.end:
        return None
    return _line(drawing, stage, pixel_um)


def _line(drawing: Drawing, stage: Stage, pixel_um: float | None) -> Measurement:
    (x0, y0), (x1, y1), step = drawing.start, drawing.end, stage.step
    found = profile(stage.image, (x0 / step, y0 / step), (x1 / step, y1 / step), width=ACROSS)
    unit = "raw pixels" if pixel_um is None else "nm"
    scale = step if pixel_um is None else 1000.0 * pixel_um * step
    scaled = Profile(found.distance * scale, found.value)
    rows = list(zip(scaled.distance.tolist(), scaled.value.tolist(), strict=True))
    table = Table((f"distance ({unit})", "photo-electrons"), rows)
    return Measurement(_line_words(scaled, unit), table, scaled, unit)


def _line_words(found: Profile, unit: str) -> str:
    length = f"Line {found.distance[-1]:.0f} {unit}, mean of {ACROSS} pixels across."
    if math.isnan(found.fwhm):
        return f"{length} No peak with two flanks on it, so no width."
    words = f"{length} Width of the highest peak at half maximum: {found.fwhm:.0f} {unit}."
    if found.prominence < CHANCE:
        words += (
            f" It rises {found.prominence:.1f} times the spread of the rest of the line above it, "
            "as noise does too: no peak, unless something else says so."
        )
    return words


def _region(drawing: Drawing, stage: Stage, pixel_um: float | None) -> Measurement:
    corners = drawing.corners
    found = region_statistics(stage.image, *(side / stage.step for side in corners))
    unit = "raw pixels" if pixel_um is None else "µm"
    scale = 1.0 if pixel_um is None else pixel_um
    left, top, right, bottom = (scale * side for side in corners)
    place = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    values = {
        "mean": found.mean,
        "standard deviation": found.deviation,
        "lowest": found.least,
        "highest": found.most,
    }
    columns = (
        "region",
        *(f"{name} ({unit})" for name in place),
        "pixels",
        *(f"{name} (photo-electrons)" for name in values),
    )
    row: list[float | str] = [drawing.name, *place.values(), float(found.pixels), *values.values()]
    return Measurement(_region_words(found), Table(columns, [row]))


def _region_words(found: RegionStatistics) -> str:
    if not found.pixels:
        return "The region holds no pixel."
    return (
        f"{found.pixels} pixels: mean {found.mean:.4g}, standard deviation "
        f"{found.deviation:.4g}, from {found.least:.4g} to {found.most:.4g} photo-electrons."
    )


def _short(value: float | str) -> str:
    """Return a number with all that single precision has, and no more."""
    return value if isinstance(value, str) else f"{value:.7g}"
