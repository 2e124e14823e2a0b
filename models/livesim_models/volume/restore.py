"""Make the images of a volume that a network is given."""

from __future__ import annotations

import torch
from torch import Tensor

from livesim.reconstruction.volume.reconstructor import VolumeReconstructor
from livesim_models.volume.conditions import VolumeConditions


@torch.inference_mode()
def plain_and_white(
    make: VolumeReconstructor, frames: Tensor, conditions: VolumeConditions
) -> tuple[Tensor, Tensor]:
    """Return the plain volume [z, 2 y, 2 x] of frames, and the same with white noise.

    Parameters
    ----------
    make
        For photo-electrons.
    frames
        [z, angle, phase, y, x] photo-electrons.
    """
    begun = make.begin()
    for z, plane in enumerate(frames):
        make.add(begun, z, plane)
    spectrum = make.spectrum(begun)
    return make.image(spectrum), make.image(spectrum * conditions.whitening)
