"""Judge restored images by the error that the raw photons show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from livesim.api.arrays import SOURCE, Array, RawStacks, as_numpy
from livesim.api.restore import Restorer
from livesim.config.settings import Settings
from livesim.values.errors import DataError
from livesim.values.pattern import Pattern
from livesim.values.verdict import Trust


def trust(
    raw: Array, image: Array, settings: Settings, pattern: Pattern | str | Path
) -> Trust | tuple[Trust, ...]:
    """Say how much of restored images the photons carry.

    Parameters
    ----------
    raw
        Camera counts […, frames, y, x] or […, angle, phase, y, x].
    image
        […, 2 y, 2 x], what `livesim.restore` made of them with the same settings and pattern, or
        what another network made on the same grid and scale.
    settings, pattern
        As for `livesim.restore`.

    Returns
    -------
    The verdict with its reasons, its numbers and maps [y, x]; one for each raw stack where there
    are leading axes. What `restore` made is judged by its measured error; any other image by that
    and by how far it is off.

    Raises
    ------
    DataError
        If the images do not belong to the raw stacks, are not finite, or cannot be judged: the
        field is too small, or Richardson-Lucy steps follow the reconstruction.
    """
    stacks = RawStacks(raw, settings.pattern)
    restorer = Restorer(settings, pattern)
    restorer.fit(stacks)
    images = as_numpy(image)
    y, x = stacks.frame_shape
    if images.shape != (*stacks.leading, 2 * y, 2 * x):
        raise DataError(
            f"{SOURCE}: expected an image {(*stacks.leading, 2 * y, 2 * x)} of these raw stacks, "
            f"found {images.shape}"
        )
    if images.dtype.kind not in "fiu":
        raise DataError(f"{SOURCE}: expected an image of real numbers, found {images.dtype}")
    if not np.isfinite(images).all():
        raise DataError(f"{SOURCE}: expected finite values in the image, found NaN or infinity")
    found = []
    for stack, one in zip(stacks, images.reshape(-1, 2 * y, 2 * x), strict=True):
        verdict = restorer.judged(stack, torch.from_numpy(np.ascontiguousarray(one, np.float32)))
        if verdict is None:
            raise DataError(
                f"{SOURCE}: expected an image without Richardson-Lucy steps and of a field that "
                f"is large enough to judge, found settings or a size that are not so (frames of "
                f"{y} x {x})"
            )
        found.append(verdict)
    return tuple(found) if stacks.leading else found[0]
