"""Write simulated volumes: the raw file, its settings, the pattern and the truth, in one folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import zarr

from livesim.commands.progress import counted_steps, words_console
from livesim.commands.simulate.files import RAW_NAME, raw_layout, simulation_files
from livesim.config.settings import Settings
from livesim.io.write.raw_tiff import RawTiffLayout, write_raw_tiff
from livesim.values.frames import Pixels
from livesim_acquisition.microscope.volume_microscope import VolumeMicroscope

FORMAT = "livesim-volume-truth/1"


def simulate_volume_files(settings: Settings, out: Path, *, overwrite: bool = False) -> None:
    """Write volumes as `simulate_files` writes single planes; `restore --volumes` reads them.

    Raises
    ------
    SettingsError
        If the settings contradict each other.
    DataError
        If one of the files exists already, or a file that the settings name cannot be used.
    """
    console = words_console()
    microscope = VolumeMicroscope(settings)
    known = microscope.pattern.pattern
    with simulation_files(settings, known, out, overwrite=overwrite) as (raw, truth):
        frames = _Frames(microscope)
        with counted_steps("simulate", microscope.own.time_points, console) as step:
            write_raw_tiff(raw, frames.in_file_order(step), _layout(microscope))
        _write_truth(truth, microscope, np.stack(frames.intensity))
    console.print(f"wrote {out / RAW_NAME}")
    if frames.saturated:
        console.print(f"livesim: {frames.saturated} pixels are saturated")


def _layout(microscope: VolumeMicroscope) -> RawTiffLayout:
    interval_s = microscope.frames * microscope.instrument.frame_interval_s
    layout = raw_layout(microscope, microscope.frames, interval_s)
    return replace(layout, z_step_nm=microscope.volume.z_step_nm)


@dataclass(eq=False)
class _Frames:
    """Yields the frames of all volumes, and keeps how bright each of them was."""

    microscope: VolumeMicroscope

    def __post_init__(self) -> None:
        self.intensity: list[np.ndarray] = []
        self.saturated = 0

    def in_file_order(self, step: Callable[[], None]) -> Iterator[Pixels]:
        """Yield frames [y, x] as they are taken; `step` is called after every volume."""
        taken = np.argsort(self.microscope.order, axis=None)
        for time in range(self.microscope.own.time_points):
            volume = self.microscope.take(time)
            self.intensity.append(volume.intensity)
            self.saturated += volume.saturated
            yield from volume.counts.reshape(-1, *volume.counts.shape[-2:])[taken]
            step()


def _write_truth(folder: Path, microscope: VolumeMicroscope, intensity: np.ndarray) -> None:
    """Write `object` [z, 2 y, 2 x], the light and the brightness of every frame as a Zarr group."""
    group = zarr.create_group(folder, zarr_format=3)
    pattern, own = microscope.pattern, microscope.settings
    group.attrs["livesim"] = {
        "format": FORMAT,
        "pixel_nm": pattern.lateral.pixel_nm,
        "object_pixel_nm": pattern.lateral.pixel_nm / 2.0,
        "z_step_nm": pattern.z_step_nm,
        "settings": own.model_dump(mode="json", exclude_none=True),
    }
    inside = slice(microscope.beyond, microscope.beyond + microscope.planes)
    angles = pattern.lateral.angles
    arrays = {
        "object": (("z", "y", "x"), microscope.specimen[inside].float().numpy()),
        "intensity": (("t", "z", "angle", "phase"), intensity),
        "k_cycles_per_um": (("angle", "xy"), np.array([one.k_cycles_per_um for one in angles])),
        "phases_rad": (("angle", "phase"), np.array([one.phases_rad for one in angles])),
        "modulation": (("angle", "harmonic"), np.array([one.modulation for one in angles])),
        "axial_phase_rad": (("angle",), np.array(pattern.axial_phases_rad)),
        "moved_um": (("angle", "z", "zyx"), microscope.moved_um),
    }
    for name, (axes, values) in arrays.items():
        chunks = (1, *values.shape[1:]) if values.ndim > 2 else values.shape
        array = group.create_array(
            name, shape=values.shape, chunks=chunks, dtype=values.dtype, dimension_names=axes
        )
        array[:] = values
