"""Replace defect pixels of raw frames by what their neighbours say."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from livesim.config.settings import Optics
from livesim.reconstruction.defects.neighbours import Field, Prediction
from livesim.reconstruction.defects.sharpness import sharpness_of
from livesim.values.defects import Defects, Place


class Replacement:
    """Replaces the same pixels in frame after frame; cheap, since all weights are kept.

    Parameters
    ----------
    places
        (y, x) of the pixels.
    shape
        (y, x) of the frames.
    optics, pixel_nm
        Of the microscope.
    """

    def __init__(
        self, places: Sequence[Place], shape: tuple[int, int], optics: Optics, pixel_nm: float
    ) -> None:
        self._prediction: Prediction | None = None
        if places:
            field = field_of(shape, optics, pixel_nm)
            y, x = torch.tensor(sorted(set(places))).T
            self._prediction = prediction_of(field, y * shape[1] + x, shape[0] * shape[1])

    def __call__(self, counts: Tensor) -> Tensor:
        """Return frames [..., y, x] with the pixels replaced; `counts` itself where none are."""
        if self._prediction is None:
            return counts
        changed = counts.clone(memory_format=torch.contiguous_format)
        put(changed.flatten(-2), self._prediction)
        return changed


def replaced(counts: Tensor, defects: Defects, optics: Optics, pixel_nm: float) -> Tensor:
    """Return the frames [..., y, x] in which `defects` were found, pixels and hits replaced.

    Raises
    ------
    ValueError
        If the frames are of another size.
    """
    shape = (counts.shape[-2], counts.shape[-1])
    if shape != defects.shape:
        raise ValueError(f"expected frames of (y, x) = {defects.shape}, found {shape}")
    changed = Replacement(defects.places, shape, optics, pixel_nm)(counts)
    if not defects.hits:
        return changed
    whole = changed.clone(memory_format=torch.contiguous_format).view(-1)
    size = shape[0] * shape[1]
    hits = torch.tensor([hit.frame * size + hit.y * shape[1] + hit.x for hit in defects.hits])
    put(whole, prediction_of(field_of(shape, optics, pixel_nm), hits, len(whole)))
    return whole.view(counts.shape)


def field_of(shape: tuple[int, int], optics: Optics, pixel_nm: float) -> Field:
    """Return the neighbourhoods of frames that such optics show."""
    return Field(shape, sharpness_of(optics.cutoff_cycles_per_um * pixel_nm / 1000.0))


def prediction_of(field: Field, pixels: Tensor, size: int) -> Prediction:
    """Return what predicts `pixels` of `size` pixels in all from the others."""
    bad = torch.zeros(size, dtype=torch.bool)
    bad[pixels] = True
    return field.predict(pixels, bad)


def put(values: Tensor, prediction: Prediction) -> None:
    """Put predictions into flattened frames [..., all pixels], rounded where those are counts."""
    found = prediction(values)
    if not values.dtype.is_floating_point:
        limits = torch.iinfo(values.dtype)
        found = found.round().clamp(limits.min, limits.max)
    # torch cannot put numbers into tensors of these two types, but into their bits.
    bits = {torch.uint16: torch.int16, torch.uint32: torch.int32}.get(values.dtype, values.dtype)
    values.view(bits)[..., prediction.pixels] = found.to(values.dtype).view(bits)
