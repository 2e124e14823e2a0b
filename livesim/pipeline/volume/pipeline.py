"""The way of a volume's planes to the volume: each one as it arrives, the rest after the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch

from livesim.config.settings import Settings
from livesim.engine.open_volumes import OpenVolume, OpenVolumes
from livesim.engine.volumetric import VolumeStep
from livesim.pipeline.defects import Mending
from livesim.pipeline.volume.build import volume_plan
from livesim.pipeline.work import as_tensor
from livesim.reconstruction.volume.reconstructor import VolumeBands, VolumeReconstructor
from livesim.values.clock import steady_ns
from livesim.values.frames import RawStack
from livesim.values.pattern import Pattern
from livesim.values.results import Image, Result, VolumePart

OPEN_VOLUMES = 2
"""Of one channel, at least: an old one may still wait for a plane when the next begins."""
OPEN_BYTES = 1 << 30
"""What more of them may hold, as where positions alternate from plane to plane."""


@dataclass(slots=True, eq=False)
class _Gathered:
    """What the planes of one volume leave behind."""

    bands: VolumeBands
    widefields: dict[int, Image] = field(default_factory=dict)
    """Plane -> mean of its frames."""

    def restart(self) -> None:
        """Forget the planes of an earlier volume."""
        self.bands.restart()
        self.widefields.clear()


class VolumePipeline:
    """Makes volumes of the planes of one channel, in any order; used by one thread, on the CPU.

    The images are those of `livesim restore`, to the bit. Its pattern stays as it is: nothing here
    follows it.

    Parameters
    ----------
    settings
        Of the channel, with planes and their distance settled.
    pattern
        One of volumes.

    Raises
    ------
    SettingsError, DataError
        As `volume_plan`.
    """

    def __init__(self, settings: Settings, pattern: Pattern) -> None:
        self.pattern, self._mend = pattern, Mending(pattern, settings)
        plan = volume_plan(pattern, settings)
        self._make = VolumeReconstructor(plan)
        first = self._make.begin()
        most = max(OPEN_VOLUMES, OPEN_BYTES // first.nbytes)
        self._open: OpenVolumes[_Gathered] = OpenVolumes(
            plan.planes, lambda: _Gathered(self._make.begin()), most
        )

    def __call__(self, stack: RawStack) -> Result:
        """Return the preview of a plane, which is counted to its volume."""
        return self.add_plane(stack, preview=True).results[0]

    def add_plane(self, stack: RawStack, *, preview: bool) -> VolumeStep:
        """Take a plane; return its preview if wanted, or the planes of the volume it completes.

        Raises
        ------
        ValueError
            If the plane has another size than the pattern was found for.
        """
        self._check(stack)
        began = steady_ns()
        volume = self._open.see(stack)
        if volume is None:
            return VolumeStep()
        bands, shape = volume.bands, self.pattern.shape
        if len(volume.received_ns) == 1:
            bands.restart()
        last = self._open.is_whole(volume)
        image = torch.empty(2 * shape[0], 2 * shape[1]) if preview and not last else None
        counts = as_tensor(self._mend(stack).stack.pixels).float()
        widefield = self._make.add(bands.bands, stack.index.z, counts, image).numpy().copy()
        bands.widefields[stack.index.z] = widefield
        results: tuple[Result, ...] = ()
        if last:
            results = self._finished(stack, volume)
            self._open.close(stack.index.volume)
        elif image is not None:
            part = VolumePart(len(volume.received_ns), self._open.planes)
            results = (_preview(stack, image.numpy(), widefield, part),)
        took = (steady_ns() - began) / 1e6
        return VolumeStep(results, tuple(self._open.take_torn()), (("reconstruct", took),))

    def end_volumes(self) -> Sequence[str]:
        """Give up what is still open."""
        self._open.give_up()
        return self._open.take_torn()

    def _finished(self, last: RawStack, volume: OpenVolume[_Gathered]) -> tuple[Result, ...]:
        """Return all planes of a volume, each with when its own last frame came."""
        part = VolumePart(self._open.planes, self._open.planes)
        images = self._make.finish(volume.bands.bands).numpy()
        return tuple(
            Result(
                stream=last.stream,
                index=replace(last.index, z=z),
                image=image,
                widefield=volume.bands.widefields[z],
                last_received_ns=volume.received_ns[z],
                volume=part,
            )
            for z, image in enumerate(images)
        )

    def _check(self, stack: RawStack) -> None:
        angles = self.pattern.angles
        expected = (len(angles), len(angles[0].phases_rad), *self.pattern.shape)
        if stack.pixels.shape != expected:
            raise ValueError(f"expected planes of {expected}, found {stack.pixels.shape}")


def _preview(stack: RawStack, image: Image, widefield: Image, part: VolumePart) -> Result:
    return Result(
        stream=stack.stream,
        index=stack.index,
        image=image,
        widefield=widefield,
        last_received_ns=stack.last_received_ns,
        provisional=True,
        volume=part,
    )
