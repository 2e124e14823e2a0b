"""Read the real recordings of the folder that LIVESIM_DATA names; none where it names none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from livesim.config.settings import Settings, load_settings
from livesim.io.read.open import open_recording


def real_recordings() -> Iterator[tuple[Path, Settings, Tensor]]:
    """Yield the file, the settings beside it and the counts [stack, angle, phase, y, x] of each."""
    folder = os.environ.get("LIVESIM_DATA")
    for path in sorted(Path(folder).glob("*.tif")) if folder else []:
        settings = load_settings(path.with_suffix(".toml"))
        with open_recording(path, settings.pattern) as recording:
            pixels = np.stack([recording.stack(index).pixels for index in recording.indices])
        yield path, settings, torch.from_numpy(pixels.astype(np.float32))
