"""Make the volumes of one channel of a recording, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from livesim.config.settings import Settings
from livesim.io.read.recording import Recording
from livesim.pipeline.defects import Mending
from livesim.pipeline.volume.channel import VolumeChannel
from livesim.pipeline.volume.restorer import RestoredVolume, VolumeRestorer
from livesim.pipeline.work import as_tensor
from livesim.reconstruction.volume.reconstructor import VolumeReconstructor
from livesim.values.frames import StackIndex
from livesim.values.pattern import Pattern

Hear = Callable[[StackIndex, RestoredVolume, VolumeRestorer], None]
"""A volume, what a network made of it, and who judges that."""


class VolumeReader:
    """Reads planes of one channel, without the defects that its pattern names.

    Parameters
    ----------
    live
        Whether to read them as the live run took them, without looking for lost frames.
    check_interrupt
        Called before every plane.
    """

    def __init__(
        self,
        recording: Recording,
        settings: Settings,
        pattern: Pattern,
        live: bool,
        check_interrupt: Callable[[], None],
    ) -> None:
        self._read = recording.stack if live else recording.lit_stack
        self._mend = Mending(pattern, settings)
        self._check_interrupt = check_interrupt

    def __call__(self, index: StackIndex) -> Tensor:
        """Return the counts [angle, phase, y, x] of a plane."""
        self._check_interrupt()
        return as_tensor(self._mend(self._read(index)).stack.pixels).float()


class VolumeMaker:
    """Makes the volumes of one channel, one after the other in the same memory.

    Parameters
    ----------
    hear
        Hears what a network made of a volume.
    """

    def __init__(
        self,
        channel: VolumeChannel,
        read: Callable[[StackIndex], Tensor],
        hear: Hear = lambda index, made, restorer: None,
    ) -> None:
        self._make, self._read = VolumeReconstructor(channel.plan), read
        self._bands, self._restore, self._hear = self._make.begin(), channel.restorer, hear

    def __call__(self, volume: StackIndex) -> NDArray[np.float32]:
        """Return the image [z, 2 y, 2 x] of a volume.

        Raises
        ------
        LostFrameError
            If one of its frames cannot be read.
        """
        self._bands.restart()

        def read(z: int) -> Tensor:
            return self._read(replace(volume, z=z))

        planes = range(self._make.plan.planes)
        widefield = [self._make.add(self._bands, z, read(z)).clone() for z in planes]
        if self._restore is None:
            return self._make.finish(self._bands).cpu().numpy()
        made = self._restore(self._make.spectrum(self._bands), torch.stack(widefield), read)
        self._hear(volume, made, self._restore)
        return made.image.numpy()
