"""Find the measured OTF that settings name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livesim.config.settings import Settings


def otf_profile(settings: Settings) -> NDArray[np.float64] | None:
    """Read the measured OTF that the settings name, if any.

    Raises
    ------
    DataError
        If the file is neither a point-spread function nor an OTF.
    """
    if settings.optics.otf_file is None:
        return None
    from livesim.io.read.otf import read_otf  # few settings name one: tifffile is loaded for those

    return read_otf(settings.optics)
