"""Write the raw file, settings, pattern and truth of a simulation into one folder."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
from rich.console import Console

from livesim.commands.progress import counted_steps, words_console
from livesim.config.settings import Settings
from livesim.io.pattern_file import write_pattern
from livesim.io.write.placement import Placement
from livesim.io.write.raw_tiff import RawTiffLayout, write_raw_tiff
from livesim.io.write.truth import TruthWriter
from livesim.reconstruction.estimate.estimation import attainable_resolution_nm
from livesim.reconstruction.otf import Otf
from livesim.values.frames import Pixels
from livesim.values.pattern import Pattern
from livesim_acquisition.microscope.arrivals import recorded_order
from livesim_acquisition.microscope.microscope import SimulatedMicroscope
from livesim_acquisition.microscope.truth import Taken, truth_of
from livesim_acquisition.microscope.volume_microscope import VolumeMicroscope

RAW_NAME = "raw.ome.tif"
SETTINGS_NAME = "raw.toml"
TRUTH_NAME = "truth.zarr"
PATTERN_NAME = "pattern.json"


def simulate_files(settings: Settings, out: Path, *, overwrite: bool = False) -> None:
    """Write RAW_NAME, SETTINGS_NAME, TRUTH_NAME and PATTERN_NAME into the folder `out`.

    The same settings give the same files, bit for bit. A few raw stacks are held at most. When
    interrupted, nothing is left under the real names.

    Raises
    ------
    SettingsError
        If the settings contradict each other.
    DataError
        If one of the files exists already, or a file that the settings name cannot be used.
    """
    console = words_console()
    microscope = SimulatedMicroscope(settings)
    with simulation_files(settings, _first_pattern(microscope), out, overwrite=overwrite) as files:
        saturated = _write_stacks(microscope, *files, console)
    console.print(f"wrote {out / RAW_NAME}")
    if saturated:
        console.print(f"livesim: {saturated:.2%} of the pixels are saturated")


@contextmanager
def simulation_files(
    settings: Settings, pattern: Pattern, out: Path, *, overwrite: bool
) -> Iterator[tuple[Path, Path]]:
    """Write settings and pattern; yield the temporary names of the raw file and the truth.

    All four get their real names at the end, or nothing is left of any.
    """
    with new_folder(out), ExitStack() as stack:
        names = (RAW_NAME, SETTINGS_NAME, TRUTH_NAME, PATTERN_NAME)
        raw, toml, truth, known = (Placement(out / n, overwrite=overwrite) for n in names)
        for placement in (toml, known, truth, raw):  # a full disk names the last one
            stack.enter_context(placement)
        toml.partial.write_text(settings.to_toml(), encoding="utf-8")
        write_pattern(known.partial, pattern, overwrite=True)
        yield raw.partial, truth.partial
        # The raw file last: where it stands, all that belongs to it is there.
        for placement in (truth, known, toml, raw):
            placement.commit()


@contextmanager
def new_folder(folder: Path) -> Iterator[None]:
    """Make a folder, and take it away again if nothing came of it."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for one in missing:
            if not any(one.iterdir()):
                one.rmdir()
        raise


def _first_pattern(microscope: SimulatedMicroscope) -> Pattern:
    """Return the light of the first stack as a pattern file can hold it."""
    pattern = microscope.instrument.pattern(0)
    angles = [replace(angle, usable=all(angle.modulation)) for angle in pattern.angles]
    otf = Otf.theoretical(microscope.settings.optics)
    attainable = attainable_resolution_nm(angles, otf, pattern.pixel_nm)
    return replace(pattern, angles=tuple(angles), attainable_resolution_nm=attainable)


def _write_stacks(
    microscope: SimulatedMicroscope, raw: Path, truth: Path, console: Console
) -> float:
    """Write all raw stacks and their truth; return the share of saturated pixels."""
    times = microscope.own.time_points
    layout = raw_layout(microscope, microscope.instrument.frames, microscope.stack_interval_s)
    with counted_steps("simulate", times, console) as step:
        frames = _Frames(microscope, TruthWriter(truth, times, _attributes(microscope)))
        write_raw_tiff(raw, frames.in_file_order(step), layout)
    return frames.saturated / math.prod(layout.shape)


def raw_layout(
    microscope: SimulatedMicroscope | VolumeMicroscope, frames: int, interval_s: float
) -> RawTiffLayout:
    """Return how the frames of a simulation are written, so many a time point."""
    own = microscope.own
    y, x = own.size
    return RawTiffLayout(
        time=own.time_points,
        frames=frames,
        y=y,
        x=x,
        dtype=np.dtype(np.uint8 if own.camera.bits == 8 else np.uint16),
        pixel_nm=microscope.instrument.pixel_nm,
        exposure_ms=own.exposure_ms,
        interval_s=interval_s,
        name=microscope.settings.model_dump_json(),
    )


def _attributes(microscope: SimulatedMicroscope) -> dict[str, object]:
    return {
        "pixel_nm": microscope.instrument.pixel_nm,
        "object_pixel_nm": microscope.instrument.pixel_nm / 2.0,
        "interval_s": microscope.stack_interval_s,
        "settings": microscope.settings.model_dump(mode="json", exclude_none=True),
    }


@dataclass(eq=False)
class _Frames:
    """Yields frames for the raw file, and writes the truth of every stack as it goes."""

    microscope: SimulatedMicroscope
    truth: TruthWriter
    saturated: int = 0

    def in_file_order(self, step: Callable[[], None]) -> Iterator[Pixels]:
        """Yield all frames [y, x] in the file's order; `step` is called after every stack."""
        microscope, own = self.microscope, self.microscope.own
        per_stack = microscope.instrument.frames
        fading = microscope.instrument.visibility()
        if fading is not None:
            self.truth.write_visibility(fading)
        numbers = recorded_order(own.sequence, own.seed, own.time_points * per_stack)
        every = microscope.taken(numbers)
        for time in range(own.time_points):
            taken = list(islice(every, per_stack))
            yield from self._counts(taken)
            self.truth.write(time, taken[0][1].object, truth_of(microscope.instrument, taken))
            step()

    def _counts(self, taken: Taken) -> Iterator[Pixels]:
        most = 2**self.microscope.own.camera.bits - 1
        for number, stack in taken:
            counts = stack.counts[number % len(stack.counts)]
            self.saturated += int((counts >= most).sum())
            yield counts
