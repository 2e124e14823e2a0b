"""A volume that has all its planes, and the results that it becomes, one for every plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from livesim.engine.seams import Reconstructed
from livesim.pipeline.volume.restorer import VolumeRestorer
from livesim.pipeline.work import as_tensor
from livesim.values.frames import Pixels, StackIndex
from livesim.values.results import Image, Result, VolumePart


@dataclass(frozen=True, slots=True, eq=False)
class WholeVolume:
    """What is kept of a volume beside its spectrum, plane by plane in the order of z."""

    stream: str
    index: StackIndex
    """Of the first plane."""
    widefields: tuple[Image, ...]
    received_ns: tuple[int, ...]
    """When the last frame of each came."""
    frames: tuple[Pixels, ...] = ()
    """[angle, phase, y, x] counts without defects; none where no network needs them."""

    @property
    def nbytes(self) -> int:
        """Memory that it holds."""
        return sum(one.nbytes for one in (*self.widefields, *self.frames))

    def made(self, plain: Tensor, *, provisional: bool = False) -> tuple[Reconstructed, ...]:
        """Return the planes of the plain volume [z, 2 y, 2 x]."""
        results = self._results(plain.cpu(), provisional=provisional)
        return tuple(Reconstructed(result) for result in results)

    def restored(self, restore: VolumeRestorer, spectrum: Tensor) -> tuple[Reconstructed, ...]:
        """Return the planes of a network's volume; dear, see `VolumeRestorer`.

        Parameters
        ----------
        spectrum
            [kz, x, 2 y] of the plain volume.
        """
        widefield = torch.from_numpy(np.stack(self.widefields))
        found = restore(spectrum, widefield, lambda z: as_tensor(self.frames[z]).float())
        parts = zip(self._results(found.image), found.plain, found.network, strict=True)
        *before, last = (
            Reconstructed(replace(result, plain=plain.numpy()), network=network.numpy)
            for result, plain, network in parts
        )
        return (*before, replace(last, review=lambda tell: restore.trust(found)))

    def _results(self, images: Tensor, *, provisional: bool = False) -> Sequence[Result]:
        part = VolumePart(len(images), len(images))
        return [
            Result(
                stream=self.stream,
                index=replace(self.index, z=z),
                image=image.numpy(),
                widefield=self.widefields[z],
                last_received_ns=self.received_ns[z],
                provisional=provisional,
                volume=part,
            )
            for z, image in enumerate(images)
        ]
