"""Write the OME-TIFF and the picture of the demo's recording, and how fast the engine was."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livesim.config.settings import Settings, Steps
from livesim.io.pattern_file import read_pattern
from livesim.io.read.open import open_recording
from livesim.io.read.recorded_results import RecordedResults
from livesim.io.recording_files import PATTERN_NAME, RAW_NAME, RESULTS_NAME
from livesim.io.write.output_layout import OutputLayout
from livesim.io.write.picture import side_by_side
from livesim.io.write.results import open_writer
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.values.frames import StackIndex
from livesim.values.results import Result

TIFF_NAME = "restored.ome.tif"
PICTURE_NAME = "side-by-side.png"


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the engine was in the second half of a run; rates are NaN for a single result.

    In the first half it still finds the pattern and works off what has come in meanwhile.
    """

    results: int
    raw_per_s: float
    results_per_s: float
    p50_ms: float
    """Last raw frame received -> result published, median."""
    p95_ms: float

    def __str__(self) -> str:
        return (
            f"{self.results} restored images: {self.raw_per_s:.0f} raw frames/s in, "
            f"{self.results_per_s:.1f} images/s out; last raw frame to result "
            f"{self.p50_ms:.1f} ms (median), {self.p95_ms:.1f} ms (95 %)"
        )


def make_files(folder: Path, settings: Settings, interval_s: float | None = None) -> Pace:
    """Write TIFF_NAME and PICTURE_NAME beside a recording, for people to look at.

    Parameters
    ----------
    folder
        With RAW_NAME and RESULTS_NAME, as the engine leaves it.
    settings
        Of the microscope, pixel size included.
    interval_s
        From one time point to the next.

    Raises
    ------
    DataError
        If the recording holds no result.
    """
    results = RecordedResults(folder / RESULTS_NAME)
    pixel_nm = (settings.optics.pixel_nm or math.nan) / 2
    _write_tiff(results, folder / TIFF_NAME, pixel_nm, interval_s)
    last = results.indices[-1]
    without = _without_networks(folder, last, settings)
    images = {"plain": without.image, "restored": results.image(last)}
    side_by_side(folder / PICTURE_NAME, without.widefield, images, pixel_nm)
    return _pace(results, settings.pattern.stack_frames)


def _write_tiff(
    results: RecordedResults, path: Path, pixel_nm: float, interval_s: float | None
) -> None:
    time, channel, z, y, x = results.shape
    layout = OutputLayout(
        y=y, x=x, pixel_nm=pixel_nm, time=time, channel=channel, z=z, interval_s=interval_s
    )
    with open_writer(path, layout, results.recipe) as writer:
        for index, image in results:
            writer.write(index, image)


def _without_networks(folder: Path, index: StackIndex, settings: Settings) -> Result:
    """Return the plain reconstruction of a recorded stack, with the pattern found at the start."""
    plain = settings.model_copy(update={"steps": Steps(one="none", two="none")})
    with open_recording(folder / RAW_NAME, settings.pattern) as recording:
        stack = recording.stack(index)
    return ReconstructionPipeline(plain, read_pattern(folder / PATTERN_NAME))(stack)


def _pace(results: RecordedResults, stack_frames: int) -> Pace:
    count = len(results.indices)
    received, published = (
        moments[count // 2 :] for moments in (results.received_ns, results.published_ns)
    )
    p50, p95 = np.percentile((published - received) / 1e6, [50, 95])
    return Pace(
        results=count,
        raw_per_s=stack_frames * _per_second(received),
        results_per_s=_per_second(published),
        p50_ms=float(p50),
        p95_ms=float(p95),
    )


def _per_second(moments_ns: NDArray[np.int64]) -> float:
    span_ns = float(moments_ns.max() - moments_ns.min())
    return (len(moments_ns) - 1) / span_ns * 1e9 if span_ns else math.nan
