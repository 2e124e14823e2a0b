"""Restore the raw stacks of a recording as they are asked for, for the viewer that started this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from livesim.commands.calibrate import with_pixel
from livesim.commands.restore.channels import RestoredChannel, restored_channels
from livesim.commands.restore.stacks import StackRestorer
from livesim.config.settings import Settings
from livesim.engine.seams import Resolved
from livesim.io.read.open import open_recording
from livesim.io.read.recording import Recording
from livesim.io.settings_beside import pattern_for
from livesim.pipeline.networks import Networks, resolved
from livesim.values.errors import DataError
from livesim.values.frames import StackIndex
from livesim.values.results import Image, Result, VolumePart
from livesim.wire.looking import Opened, read_wanted, write_answer
from livesim.wire.stream_status import InUse, StreamStatus


def answer_questions(raw: Path, settings: Settings, asked: BinaryIO, answers: BinaryIO) -> None:
    """Open a recording, and restore the raw stacks that are asked for until nobody asks any more.

    Parameters
    ----------
    asked
        Lines as `wire.looking.read_wanted` reads them; their end ends this.
    answers
        One for the opened recording, and one for every line.
    """
    try:
        with open_recording(raw, settings.pattern) as recording:
            looked = LookedAt(recording, settings)
            write_answer(answers, looked.opened)
            for line in asked:
                write_answer(answers, _answered(looked, line))
    except DataError as error:
        write_answer(answers, str(error))


def _answered(looked: LookedAt, line: bytes) -> Result | str:
    try:
        wanted = read_wanted(line)
        return looked.result(wanted.index, networks=wanted.networks)
    except DataError as error:
        return str(error)


class LookedAt:
    """A recording whose raw stacks are restored one by one, without networks or with them.

    The pattern is the recording's own or estimated, as `livesim restore` takes it. Planes of
    volumes are restored by themselves and say so: a volume would have to be read whole.

    Parameters
    ----------
    recording
        Open.
    settings
        That belong to it.
    """

    def __init__(self, recording: Recording, settings: Settings) -> None:
        self._recording, self._of_volumes = recording, settings.volumes is not None
        single = settings.model_copy(update={"volumes": None})
        self._chosen = resolved(with_pixel(single, recording))
        raw = recording.source
        self._channels = restored_channels(
            raw, recording, self._chosen.settings, pattern_for(raw), live=False
        )
        plain = {number: _without_networks(one) for number, one in self._channels.items()}
        self._plain = StackRestorer(recording, plain)
        self._whole: StackRestorer | None = None

    @property
    def opened(self) -> Opened:
        """What it holds."""
        channels = self._channels.values()
        return Opened(
            in_use=in_use(self._recording, self._chosen, self._channels),
            stacks=tuple(self._recording.indices),
            interval_s=self._recording.interval_s,
            has_networks=any(one.networks.fitting(one.pattern).any for one in channels),
        )

    def result(self, index: StackIndex, *, networks: bool) -> Result:
        """Restore one raw stack.

        Raises
        ------
        DataError
            If there is no such raw stack, a frame of it holds no light, or cannot be read.
        """
        if not networks:
            work = self._plain(index, examined=False).work
            return self._made(index, work.plain.numpy(), work.widefield.numpy())
        if self._whole is None:
            self._whole = StackRestorer(self._recording, self._channels)
        restored = self._whole(index, examined=False)
        work = restored.work
        made = self._made(index, restored.image, work.widefield.numpy())
        return replace(made, plain=work.plain.numpy(), network=work.stages[1].numpy())

    def _made(self, index: StackIndex, image: Image, widefield: Image) -> Result:
        planes = self._recording.sizes.z
        alone = self._of_volumes and planes > 1
        return Result(
            stream=self._recording.source.name,
            index=index,
            image=image,
            widefield=widefield,
            volume=VolumePart(1, planes) if alone else None,
        )


def in_use(
    recording: Recording, chosen: Resolved, channels: Mapping[int, RestoredChannel]
) -> InUse:
    """Return what the images of a recording depend on, as an engine says it of a stream."""
    pixel_nm = chosen.settings.optics.pixel_nm
    if pixel_nm is None:
        raise DataError(f"{recording.source}: expected optics.pixel_nm in the settings, found none")
    stream = StreamStatus(
        source=recording.source.name,
        pixel_nm=pixel_nm,
        frame_shape=recording.frame_shape,
        exposure_ms=recording.exposure_ms,
        interval_s=recording.interval_s,
    )
    patterns = {number: one.pattern for number, one in channels.items()}
    return InUse(stream=stream, settings=chosen.settings, patterns=patterns, notes=chosen.notes)


def _without_networks(channel: RestoredChannel) -> RestoredChannel:
    return replace(channel, networks=Networks(channel.networks.read_noise))
