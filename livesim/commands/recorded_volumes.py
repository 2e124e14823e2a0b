"""Find the whole volumes of a recording, and settle what holds for them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

from livesim.commands.calibrate import with_stated_pixel
from livesim.config.settings import Settings, SettingsError
from livesim.config.volumes import FEWEST_PLANES
from livesim.io.read.recording import Recording
from livesim.io.read.volume_scale import Stated, disagreement, with_planes
from livesim.pipeline.volume.build import assumed, memory_refusal
from livesim.reconstruction.volume.memory import volume_network_bytes
from livesim.values.errors import DataError, LostFrameError
from livesim.values.frames import RawStack, StackIndex
from livesim.values.wording import count


def settled(settings: Settings, recording: Recording) -> tuple[Settings, list[str]]:
    """Return the settings with pixel, planes and their distance, and what had to be assumed.

    Raises
    ------
    SettingsError
        If nobody knows one of them.
    """
    if settings.volumes is None:
        raise SettingsError("expected the table [volumes] in the settings, found none")
    stated = Stated(recording.sizes.z, recording.z_step_nm, str(recording.source))
    for words in disagreement(settings, stated):
        print(f"livesim: {words}", file=sys.stderr)
    known = with_planes(with_stated_pixel(settings, recording), stated)
    return known, list(assumed(known))


def whole_volumes(recording: Recording) -> tuple[list[StackIndex], list[str]]:
    """Return the first planes of whole volumes, and a sentence on those that are not whole.

    Raises
    ------
    DataError
        If none is whole.
    """
    found: dict[StackIndex, int] = {}
    for index in recording.indices:
        found[index.volume] = found.get(index.volume, 0) + 1
    planes = recording.sizes.z
    volumes = [volume for volume, there in found.items() if there == planes]
    if not volumes:
        raise DataError(
            f"{recording.source}: expected a volume with all its {planes} planes, found none"
        )
    torn = len(found) - len(volumes)
    return volumes, [f"{count(torn, 'volume')} left out, for planes are missing"] if torn else []


def check_memory(recording: Recording, *, network: bool = False) -> None:
    """Refuse volumes that the machine cannot hold, restored by a network or plain.

    Raises
    ------
    DataError
        With the figure.
    """
    angles, phases = recording.stack_shape
    y, x = recording.frame_shape
    planes = recording.sizes.z
    raw = planes * angles * phases * y * x * recording.dtype.itemsize
    more = volume_network_bytes(recording.frame_shape, planes) if network else 0
    refusal = memory_refusal(recording.frame_shape, planes, angles, raw + more)
    if refusal is not None:
        raise DataError(f"{recording.source}: {refusal}")


def first_planes(recording: Recording, volumes: Sequence[StackIndex]) -> list[RawStack]:
    """Read all planes of the first volume whose every frame can be read and holds light.

    Raises
    ------
    LostFrameError
        If there is none.
    """
    lost: list[LostFrameError] = []
    for volume in volumes:
        try:
            return [recording.lit_stack(replace(volume, z=z)) for z in range(recording.sizes.z)]
        except LostFrameError as error:
            lost.append(error)
    raise lost[0]


def could_be_volumes(settings: Settings, recording: Recording) -> str | None:
    """Return what to say of planes that are restored one by one, and may have been volumes."""
    planes, three_beams = recording.sizes.z, settings.pattern.harmonics == 2
    if settings.volumes is not None or not three_beams or planes < FEWEST_PLANES:
        return None
    return (
        f"every plane is restored by itself; if three beams have lit these {planes} planes, the "
        f"table [volumes] in the settings, or --volumes, makes one volume of them, without haze"
    )
