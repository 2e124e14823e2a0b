"""Restore the raw stacks that an export needs and the live run left without their image."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from livesim.commands.calibrate import with_pixel
from livesim.commands.progress import Step
from livesim.commands.restore.channels import read_steering, restored_channels, steered_settings
from livesim.commands.restore.stacks import StackRestorer
from livesim.config.step_choice import with_steps
from livesim.engine.pending import in_order
from livesim.io.read.open import open_recording
from livesim.io.read.time_lapse import TimeLapse
from livesim.io.settings_beside import pattern_for, settings_for, settings_logs_for
from livesim.pipeline.lanes import lanes_for
from livesim.pipeline.networks import resolved
from livesim.values.frames import StackIndex
from livesim.values.results import Image
from livesim.values.wording import count


@contextmanager
def restored(
    whole: TimeLapse, raw: Path, wanted: Sequence[StackIndex], beside: Path, step: Step, plain: bool
) -> Iterator[TimeLapse]:
    """Restore raw stacks one after the other; yield the time-lapse with their images put in.

    Until it is left they lie in a folder of their own in `beside`, so that memory stays flat.

    Parameters
    ----------
    plain
        Whether they are reconstructed without networks.

    Raises
    ------
    DataError, SettingsError
        If the recording, its pattern or its networks cannot be used.
    """
    with tempfile.TemporaryDirectory(prefix=".livesim-export-", dir=beside) as folder:
        files: dict[StackIndex, Path] = {}
        with _restorer(raw, lanes_for(len(wanted)), plain=plain) as make:
            begun = (make.begin(index, examined=False) for index in wanted)
            for number, (index, made) in enumerate(zip(wanted, in_order(begun), strict=True)):
                files[index] = path = Path(folder) / f"{number}.npy"
                np.save(path, made.image)
                step()

        def read(index: StackIndex) -> Image:
            own = files.get(index)
            return whole.read(index) if own is None else np.load(own)

        written = whole.written.copy()
        for index in wanted:
            written[index.position, index.time, index.channel, index.z] = True
        words = f"{count(len(wanted), 'image')} restored for the export, after the live run"
        yield replace(whole, read=read, written=written, recipe=whole.recipe.with_warning(words))


@contextmanager
def _restorer(raw: Path, lanes: int, *, plain: bool) -> Iterator[StackRestorer]:
    """Open a recording of livesim's own and follow what its live run logged."""
    settings = settings_for(raw, None)
    if plain:
        settings = with_steps(settings, "reconstruct")
    with open_recording(raw, settings.pattern) as recording:
        chosen = resolved(with_pixel(settings, recording)).settings
        channels = restored_channels(
            raw, recording, chosen, pattern_for(raw), live=not plain, lanes=lanes
        )
        logs = () if plain else settings_logs_for(raw)
        changes = [change for log in logs for change in read_steering(log)]
        yield StackRestorer(recording, channels, steered_settings(recording, chosen, changes))
