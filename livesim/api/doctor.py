"""Say what is wrong with an array of raw frames, and what mends it."""

from __future__ import annotations

from math import prod

import numpy as np
import torch

from livesim.api.arrays import SOURCE, Array, native, shape_of
from livesim.config.settings import Settings
from livesim.io.camera_map import camera_map
from livesim.reconstruction.defects.search import without_defects
from livesim.reconstruction.doctor.examine import FEWEST, middle
from livesim.reconstruction.doctor.survey import Survey
from livesim.values.errors import DataError
from livesim.values.finding import Examination
from livesim.values.frames import SMALLEST


def doctor(raw: Array, settings: Settings) -> Examination:
    """Examine raw frames in the order in which they were taken.

    Nothing has to fit: the frames need not make whole raw stacks.

    Parameters
    ----------
    raw
        Camera counts [frame, y, x], or […, angle, phase, y, x] in the order of acquisition; numpy,
        torch or dask, of any byte order.
    settings
        Of the microscope, with ``optics.pixel_nm``.

    Returns
    -------
    Its `findings`, the surest first, each with its words and the line of the settings that mends
    it; none where nothing is wrong. `undecided` says what could not be told.

    Raises
    ------
    DataError
        If there are too few frames, or they are no counts.
    SettingsError
        If the pixel size is not known.
    """
    pixel_nm = settings.optics.known_pixel_nm
    shape = shape_of(raw)
    total = prod(shape[:-2])
    if len(shape) < 3 or total < FEWEST or min(shape[-2:]) < SMALLEST:
        raise DataError(
            f"{SOURCE}: expected at least {FEWEST} frames [frame, y, x] of {SMALLEST} x {SMALLEST} "
            f"pixels, found the shape {shape}"
        )
    rows, columns = middle((shape[-2], shape[-1]))
    optics, camera = settings.optics, settings.camera
    known = camera_map(camera)

    def read(first: int, count: int) -> torch.Tensor:
        numbers = range(first, min(first + count, total))
        places = (tuple(int(n) for n in np.unravel_index(one, shape[:-2])) for one in numbers)
        whole = (native(raw[place]) for place in places)
        even = whole if known is None else map(known.equalised, whole)
        counts = torch.from_numpy(np.stack([one[rows, columns] for one in even]).astype(np.float32))
        return without_defects(counts, optics, camera, pixel_nm)[0]

    return Survey(read, total, settings, pixel_nm).run()
