"""Read the results of a recording one by one, while an engine still writes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from livesim.values.errors import DataError
from livesim.values.frames import StackIndex
from livesim.values.results import Image, Result

if TYPE_CHECKING:
    from livesim.io.read.time_lapse import TimeLapse


def open_past(folder: str) -> RecordedPast | None:
    """Open the results recorded in a folder; None where there are none on this machine."""
    if not Path(folder).is_dir():
        return None
    from livesim.commands.export.source import RESULT, WIDEFIELD  # loads zarr

    results, widefields = (_opened(Path(folder), what) for what in (RESULT, WIDEFIELD))
    return None if results is None else RecordedPast(folder, results, widefields)


def _opened(folder: Path, what: str) -> TimeLapse | None:
    from livesim.commands.export.source import open_source, recording_files

    try:
        return open_source(recording_files(folder), what)
    except DataError:  # nothing yet, being renamed just now, or another version's
        return None


class RecordedPast:
    """The results of a recording. Implements `livesim_gui.state.time.archive.Past`.

    Parameters
    ----------
    folder
        As the engine names it.
    results, widefields
        What is recorded; None = no raw stacks.
    """

    def __init__(self, folder: str, results: TimeLapse, widefields: TimeLapse | None) -> None:
        self.folder = folder
        self._results, self._widefields = results, widefields
        self.results = _in_order(results)

    def read(self, index: StackIndex, received_ns: int) -> Result:
        """Read one result, and the mean of its raw stack as its widefield image.

        What is not recorded is black: the widefield without a raw recording, and beside a result
        made with networks the one without them and those of the networks alone.

        Raises
        ------
        DataError
            If it cannot be read.
        """
        image = self._results.image(index)
        if image is None:
            raise DataError(f"{self.folder}: expected a result at {index}, found none")
        widefield = None if self._widefields is None else self._widefields.image(index)
        steps = self._results.recipe.steps
        restored = steps != ("reconstruct",)
        return Result(
            stream="",
            index=index,
            image=image,
            widefield=_black(image[::2, ::2]) if widefield is None else widefield,
            last_received_ns=received_ns,
            plain=_black(image) if restored else None,
            step_one=_black(image) if {"one", "two"} <= {*steps} else None,
            network=_black(image) if restored else None,
        )


def _black(like: Image) -> Image:
    return np.full_like(like, np.nan)


def _in_order(results: TimeLapse) -> list[tuple[StackIndex, int]]:
    received = results.received_ns
    if received is None:
        return []
    places = np.argwhere(results.written & (received > 0))
    moments = received[tuple(places.T)]
    order = np.argsort(moments, kind="stable")
    return [
        (StackIndex(*place), moment)
        for place, moment in zip(places[order].tolist(), moments[order].tolist(), strict=True)
    ]
