"""Restore a recording in parts, by any number of processes on any number of machines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from livesim.commands.restore.part import Part, Told, missing_parts
from livesim.commands.restore.parts_folder import PartsFolder
from livesim.commands.restore.plan import follow_plan
from livesim.commands.restore.request import RestoreRequest
from livesim.commands.restore.restoration import Plan
from livesim.io.read.recording import Recording
from livesim.io.recipe import identify
from livesim.io.write.ome_zarr import OmeZarr
from livesim.values.errors import DataError
from livesim.values.frames import StackIndex
from livesim.values.wording import count

Step = Callable[[], None]


def restore_part(
    asked: RestoreRequest,
    part: Part,
    console: Console,
    step: Step,
    begin: Callable[[int], None] = lambda _: None,
) -> None:
    """Restore what is missing of a part.

    Parameters
    ----------
    step
        Called after every raw stack.
    begin
        Called before them, with their number.

    Raises
    ------
    SettingsError, DataError
        As `livesim.commands.restore.command.restore_file`.
    """
    folder = PartsFolder(asked)
    with folder.refusing(), folder.open() as recording:
        plan = folder.planned(recording, console)
        result = folder.result(plan)
        restoration = follow_plan(asked, recording, plan)
        indices = part.of_all(recording.indices)
        begin(len(indices))

        def missing() -> Iterator[StackIndex]:
            for index in indices:
                if _is_there(index, plan, recording, result):
                    step()
                else:
                    yield index

        for _ in restoration.written(missing(), result.put):
            step()
        left_out = tuple((index, str(why)) for index, why in restoration.left_out.items())
        windows = tuple(contrast.windows for contrast in result.contrasts)
        hits = sum(restoration.make.hits.values())
        uneven = tuple(restoration.make.uneven.items())
        folder.tell(part, Told(left_out=left_out, hits=hits, uneven=uneven, windows=windows))


def finish_parts(asked: RestoreRequest) -> Told:
    """Check that every raw stack is restored, and give the result its name.

    Returns
    -------
    Told
        What all parts told.

    Raises
    ------
    DataError
        If a part is missing; it names it. Nothing is lost by that.
    """
    folder = PartsFolder(asked)
    with folder.refusing():
        with folder.open() as recording:
            plan, indices = folder.plan(recording), recording.indices
            _check_sources(asked, plan, recording)
        result, told = folder.result(plan), folder.told()
        together, written = _together(told.values()), _written(plan, result)
        gone = {index for index, _ in together.left_out}
        lost = sum(i not in gone and not written[_place(plan.place(i))] for i in indices)
        if words := _missing_words(tuple(told), lost):
            raise DataError(f"{folder.path}: {words}")
        if len(gone) == len(indices):
            raise DataError(together.left_out[0][1])
        _widen_contrasts(result, told.values())
        result.finish(written)
        folder.move_into_place()
    return together


def _is_there(index: StackIndex, plan: Plan, recording: Recording, result: OmeZarr) -> bool:
    """Whether an image is there and can be read; it and what is beside count for the contrast."""
    place = plan.place(index)
    if not result.see(place):
        return False
    for number in range(1, len(plan.beside) + 1):
        result.see(replace(place, channel=index.channel + number * recording.sizes.channel))
    return True


def _check_sources(asked: RestoreRequest, plan: Plan, recording: Recording) -> None:
    """Look at the whole recording, once: the parts have known it again by some of its frames."""
    now = tuple(identify(one).sha256 for one in (asked.raw, *recording.file.others))
    if now != tuple(one.sha256 for one in plan.recipe.sources):
        raise DataError(
            f"{asked.raw}: expected the recording as it was when its parts were begun, found that "
            "it has changed"
        )


def _together(told: Iterable[Told]) -> Told:
    several = list(told)
    left_out = {index: words for one in several for index, words in one.left_out}
    uneven = {index: words for one in several for index, words in one.uneven}
    return Told(
        left_out=tuple(left_out.items()),
        hits=sum(one.hits for one in several),
        uneven=tuple(uneven.items()),
        windows=(),
    )


def _widen_contrasts(result: OmeZarr, told: Iterable[Told]) -> None:
    for one in told:
        for contrast, windows in zip(result.contrasts, one.windows, strict=True):
            for channel, (low, high) in windows.items():
                contrast.widen(channel, low, high)


def _written(plan: Plan, result: OmeZarr) -> NDArray[np.bool_]:
    """Return which planes are there, [position, time, channel, z]."""
    written = np.zeros(plan.layout.sizes, bool)
    for place in np.ndindex(written.shape):
        position, time, channel, z = place
        written[place] = result.holds(
            StackIndex(time=time, channel=channel, z=z, position=position)
        )
    return written


def _place(index: StackIndex) -> tuple[int, int, int, int]:
    return (index.position, index.time, index.channel, index.z)


def _missing_words(told: tuple[Part, ...], lost: int) -> str | None:
    """Say which parts are missing, if some are; `lost` raw stacks are neither there nor refused."""
    if not told:
        return "expected parts that are done, as by --part 1/4, found none"
    if missing := missing_parts(told):
        named = ", ".join(f"--part {one}" for one in missing)
        of = missing[0].of
        return f"expected all {of} parts done, found {of - len(missing)}; missing: {named}"
    if lost:
        return f"expected every image, found {count(lost, 'image')} gone; restore the parts again"
    return None
