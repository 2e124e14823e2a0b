"""Run `livesim calibrate` on a volume: estimate the pattern of three beams, along z as well."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from livesim.commands.calibrate import show_pattern, tell_widefield_only
from livesim.commands.progress import words_console
from livesim.commands.recorded_volumes import first_planes, settled, whole_volumes
from livesim.config.settings import Settings, SettingsError
from livesim.io.pattern_file import check_pattern_target, write_pattern
from livesim.io.read.open import open_recording
from livesim.io.write.placement import check_apart
from livesim.pipeline.volume.build import calibrate_volume


def calibrate_volumes(
    raws: Sequence[Path],
    settings: Settings,
    out: Path,
    most: int | None,
    overwrite: bool,
    *,
    strict: bool = False,
) -> None:
    """Estimate the pattern from the first whole volume of a recording, write it and show it.

    Raises
    ------
    SettingsError
        If there are several recordings, or a number of raw stacks is asked for.
    DataError
        If it has no whole volume, or, if `strict`, no angle shows fringes.
    """
    if len(raws) > 1:
        raise SettingsError(f"expected one recording of volumes, found {len(raws)}")
    if most is not None:
        raise SettingsError("--stacks: expected it without volumes, of which the first is used")
    check_apart(out, raws)
    check_pattern_target(out, overwrite=overwrite)
    console = words_console()
    with open_recording(raws[0], settings.pattern) as recording:
        known, notes = settled(settings, recording)
        volumes, torn = whole_volumes(recording)
        for note in (*notes, *torn):
            console.print(f"livesim: {note}")
        first = min(volume.channel for volume in volumes)
        own = known.of_channel(first)
        those = [volume for volume in volumes if volume.channel == first]
        pattern = calibrate_volume(first_planes(recording, those), own)
    if pattern.is_widefield_only:
        tell_widefield_only(raws[0], None, own, console, strict=strict)
    show_pattern(pattern, console)
    assert pattern.axial is not None
    phases = ", ".join(f"{math.degrees(psi):.0f}°" for psi in pattern.axial.phases_rad)
    console.print(f"axial phases {phases}")
    write_pattern(out, pattern, overwrite=overwrite)
