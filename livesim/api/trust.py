"""Hold restored images against the raw photons."""

from __future__ import annotations

from dataclasses import replace
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
    """Say whether the photons agree with what networks made of them.

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
    are leading axes.

    Raises
    ------
    DataError
        If the images do not belong to the raw stacks, are not finite, or cannot be judged: no
        network made them, the field is too small, or Richardson-Lucy steps follow the
        reconstruction.
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
        pixels = torch.from_numpy(np.ascontiguousarray(one, np.float32))
        made = replace(restorer.made(stack), image=pixels)
        verdict = restorer.review(made)
        if verdict is None:
            raise DataError(
                f"{SOURCE}: expected an image made with networks, without Richardson-Lucy steps "
                f"and of a field that is large enough to judge, found settings or a size that are "
                f"not so (frames of {y} x {x})"
            )
        found.append(verdict)
    return tuple(found) if stacks.leading else found[0]
