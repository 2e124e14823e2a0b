"""The way of a volume's planes to the volume: each one as it arrives, the rest after the last."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from livesim.config.settings import Settings
from livesim.engine.open_volumes import OpenVolume, OpenVolumes
from livesim.engine.pending import Pending, ready
from livesim.engine.seams import Later, Reconstructed
from livesim.engine.volumetric import VolumeStep
from livesim.pipeline.defects import Mending
from livesim.pipeline.devices import CPU
from livesim.pipeline.volume.build import OPEN_BYTES
from livesim.pipeline.volume.channel import VolumeChannel
from livesim.pipeline.volume.whole import WholeVolume
from livesim.pipeline.work import as_tensor
from livesim.reconstruction.volume.reconstructor import VolumeBands, VolumeReconstructor
from livesim.values.clock import steady_ns
from livesim.values.frames import Pixels, RawStack
from livesim.values.pattern import Pattern
from livesim.values.results import Image, Result, VolumePart

OPEN_VOLUMES = 2
"""Of one channel, at least: an old one may still wait for a plane when the next begins."""

_log = logging.getLogger("livesim.engine")


@dataclass(slots=True, eq=False)
class _Gathered:
    """What the planes of one volume leave behind."""

    bands: VolumeBands
    widefields: dict[int, Image] = field(default_factory=dict)
    """Plane -> mean of its frames."""
    frames: dict[int, Pixels] = field(default_factory=dict)
    """Plane -> its raw stack without defects, where a network is going to need it."""

    def restart(self) -> None:
        """Forget the planes of an earlier volume."""
        self.bands.restart()
        self.widefields.clear()
        self.frames.clear()


class VolumePipeline:
    """Makes volumes of the planes of one channel, in any order; used by one thread.

    The images are those of `livesim restore`, to the bit. Its pattern stays as it is: nothing here
    follows it. What is left for a network may be done in another thread, one volume at a time.

    Parameters
    ----------
    settings
        Of the channel, with planes and their distance settled.
    pattern
        One of volumes.
    device
        Where they are made, if they fit there.

    Raises
    ------
    SettingsError, DataError
        As `VolumeChannel.of`.
    """

    def __init__(self, settings: Settings, pattern: Pattern, device: torch.device = CPU) -> None:
        self.pattern, self._mend = pattern, Mending(pattern, settings)
        channel = VolumeChannel.of(pattern, settings, device)
        if channel.refusal:
            _log.warning("%s", channel.refusal)
        self._restore, plan, self._device = channel.restorer, channel.plan, channel.plan.device
        self._make = VolumeReconstructor(plan)
        first = self._make.begin()
        nbytes = first.nbytes + (0 if self._restore is None else _frame_bytes(pattern, plan.planes))
        most = max(OPEN_VOLUMES, OPEN_BYTES // nbytes)
        self._open: OpenVolumes[_Gathered] = OpenVolumes(
            plan.planes, lambda: _Gathered(self._make.begin()), most
        )

    def __call__(self, stack: RawStack) -> Result:
        """Return the preview of a plane, which is counted to its volume."""
        return self.add_plane(stack, preview=True).results[0]

    def add_plane(self, stack: RawStack, *, preview: bool, plain: bool = False) -> VolumeStep:
        """Take a plane; return its preview if wanted, or the planes of the volume it completes.

        With `plain` they are those of the plain volume, and a network's is left for later.

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
        wanted = preview and not last
        image = torch.empty(2 * shape[0], 2 * shape[1], device=self._device) if wanted else None
        widefield = self._added(bands, stack, image)
        made: tuple[Reconstructed, ...] = ()
        if last:
            made = self._finished(stack, volume, plain=plain)
            self._open.close(stack.index.volume)
        elif image is not None:
            part = VolumePart(len(volume.received_ns), self._open.planes)
            made = (Reconstructed(_preview(stack, image.cpu().numpy(), widefield, part)),)
        steps = (("reconstruct", (steady_ns() - began) / 1e6),)
        timed = tuple(replace(one, steps_ms=steps) for one in made)
        return VolumeStep(timed, tuple(self._open.take_torn()))

    def _added(self, gathered: _Gathered, stack: RawStack, preview: Tensor | None) -> Image:
        """Add a plane to what is gathered; return its widefield image."""
        z, pixels = stack.index.z, self._mend(stack).stack.pixels
        counts = as_tensor(pixels).float()
        widefield = self._make.add(gathered.bands, z, counts, preview).cpu().numpy().copy()
        gathered.widefields[z] = widefield
        if self._restore is not None:
            gathered.frames[z] = pixels
        return widefield

    def end_volumes(self) -> Sequence[str]:
        """Give up what is still open."""
        self._open.give_up()
        return self._open.take_torn()

    def _finished(
        self, last: RawStack, volume: OpenVolume[_Gathered], *, plain: bool
    ) -> tuple[Reconstructed, ...]:
        """Return all planes of a volume: restored, or plain and with what is left to do."""
        gathered, count = volume.bands, range(self._open.planes)
        whole = WholeVolume(
            last.stream,
            last.index.volume,
            tuple(gathered.widefields[z] for z in count),
            tuple(volume.received_ns[z] for z in count),
            tuple(gathered.frames[z] for z in count if z in gathered.frames),
        )
        if self._restore is None:
            return whole.made(self._make.finish(gathered.bands))
        if not plain:
            return whole.restored(self._restore, self._make.spectrum(gathered.bands))
        return self._plain_first(whole, gathered.bands)

    def _plain_first(self, whole: WholeVolume, bands: VolumeBands) -> tuple[Reconstructed, ...]:
        """Return the planes of the plain volume; the last one knows what is left."""
        restore, image = self._restore, self._make.finish(bands)
        kept = self._make.spectrum(bands).clone()  # the next volume takes its memory
        assert restore is not None

        def begin() -> Pending[tuple[Reconstructed, ...]]:
            return ready(whole.restored(restore, kept))

        *before, last = whole.made(image, provisional=True)
        return (*before, replace(last, later=Later(begin, whole.nbytes + kept.nbytes)))

    def _check(self, stack: RawStack) -> None:
        angles = self.pattern.angles
        expected = (len(angles), len(angles[0].phases_rad), *self.pattern.shape)
        if stack.pixels.shape != expected:
            raise ValueError(f"expected planes of {expected}, found {stack.pixels.shape}")


def _frame_bytes(pattern: Pattern, planes: int) -> int:
    """Return what the raw frames of a volume hold, if they are as wide as any."""
    frames = planes * sum(len(angle.phases_rad) for angle in pattern.angles)
    return 4 * frames * pattern.shape[0] * pattern.shape[1]


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
