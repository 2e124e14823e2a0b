"""Restore a recording in parts, by any number of processes on any number of machines.

Beside the result stands a folder, NAME.parts, while it is made:

- plan.json: what holds for the whole recording, found by whoever came first,
- result.ome.zarr: the result, in which every plane that is there is whole,
- part-I-of-N.json: what a part has to tell when it is done.

Nothing is locked and nobody is waited for. A process that was killed, on a node that went away or
on a disk that was full, loses what it had under its hands; the same command goes on from there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError
from rich.console import Console

from livesim.commands.restore.plan import (
    Plan,
    Restoration,
    follow_plan,
    plan_restoration,
    tell_planned,
)
from livesim.commands.restore.request import RestoreRequest
from livesim.config.settings import SettingsError
from livesim.io.read.axes import count
from livesim.io.read.open import open_recording
from livesim.io.recipe import identify
from livesim.io.write.chunk_files import write_whole
from livesim.io.write.ome_zarr import OmeZarr
from livesim.io.write.placement import Placement
from livesim.io.write.results import ZARR_SUFFIXES
from livesim.values.errors import DataError
from livesim.values.frames import StackIndex
from livesim.values.version import VERSION

_PLAN, _RESULT = "plan.json", "result.ome.zarr"
Step = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Part:
    """One of so many parts of a recording, counted from 1."""

    number: int
    of: int

    @classmethod
    def parse(cls, words: str) -> Self:
        """Return the part that words such as 2/4 name.

        Raises
        ------
        SettingsError
            If they name none.
        """
        number, _, of = words.partition("/")
        if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
            raise SettingsError(f"--part: expected a part such as 2/4, found {words}")
        return cls(int(number), int(of))

    def of_all(self, indices: Sequence[StackIndex]) -> Sequence[StackIndex]:
        """Return the raw stacks of this part, those beside each other in time."""
        first, last = (len(indices) * n // self.of for n in (self.number - 1, self.number))
        return indices[first:last]

    def __str__(self) -> str:
        """Return it as `parse` takes it."""
        return f"{self.number}/{self.of}"


class Told(BaseModel):
    """What a part tells when it is done."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    left_out: tuple[tuple[StackIndex, str], ...]
    """Raw stacks that could not be read, and why."""
    hits: int
    """Of single frames that were replaced in this part, since it was last begun."""
    windows: tuple[dict[int, tuple[float, float]], ...]
    """Of every position, the range of each channel."""


class _Kept(BaseModel):
    """The plan, and of what."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    of: str
    """Digest of the recording and of all that was asked."""
    plan: Plan


class PartsFolder:
    """The folder beside a result that is made in parts.

    Parameters
    ----------
    asked
        What is to be made.

    Raises
    ------
    SettingsError
        If the result is not to be a Zarr: no other format takes planes from several processes.
    DataError
        If the result exists already.
    """

    def __init__(self, asked: RestoreRequest) -> None:
        out = asked.out
        if not out.name.lower().endswith(ZARR_SUFFIXES):
            raise SettingsError(
                f"{out}: expected a name that ends in {' or '.join(ZARR_SUFFIXES)}, which takes "
                f"planes from several processes, found {out.name}"
            )
        self.placement = Placement(out, overwrite=asked.overwrite)
        self._asked = asked
        self.path = out.with_name(f"{out.name}.parts")

    def planned(self, console: Console) -> Plan:
        """Return the plan; make it where nobody has, and lay out the result.

        Raises
        ------
        DataError
            If the folder holds the parts of something else.
        """
        if not self.path.is_dir():
            self._begin(console)
        return self.plan()

    def plan(self) -> Plan:
        """Return the plan that is there.

        Raises
        ------
        DataError
            If there is none, or that of something else.
        """
        file = self.path / _PLAN
        try:
            kept = _Kept.model_validate_json(file.read_bytes())
        except (OSError, ValidationError) as error:
            raise DataError(f"{file}: expected the plan of all parts, found: {error}") from error
        if kept.of != _digest(self._asked):
            raise DataError(
                f"{self.path}: expected parts of this recording with these settings, made by "
                f"livesim {VERSION}, found those of something else; remove it to begin anew"
            )
        return kept.plan

    def result(self, plan: Plan) -> OmeZarr:
        """Return the result, open to be filled."""
        return OmeZarr(
            self.path / _RESULT, plan.layout, plan.recipe, self._asked.out.name, laid_out=True
        )

    def tell(self, part: Part, told: Told) -> None:
        """Keep what a part tells."""
        write_whole(self._told(part), told.model_dump_json().encode(), self.path)

    def told(self) -> dict[Part, Told]:
        """Return what the parts have told."""
        found = {}
        for file in sorted(self.path.glob("part-*-of-*.json")):
            _, number, _, of = file.stem.split("-")
            found[Part(int(number), int(of))] = Told.model_validate_json(file.read_bytes())
        return found

    def move_into_place(self) -> None:
        """Give the result its name, and remove the folder."""
        (self.path / _RESULT).rename(self.placement.partial)
        self.placement.commit()
        shutil.rmtree(self.path)

    def _told(self, part: Part) -> Path:
        return self.path / f"part-{part.number}-of-{part.of}.json"

    def _begin(self, console: Console) -> None:
        """Plan, and lay out the result; whoever comes second takes the other's."""
        asked = self._asked
        with open_recording(asked.raw, asked.settings.pattern) as recording:
            restoration = plan_restoration(asked, recording, console)
        plan = restoration.plan
        if restoration.reviews is not None:
            tell_planned(asked, restoration.reviews, console)
        own = self.path.with_name(f"{self.path.name}.{os.getpid()}.partial")
        own.mkdir()
        try:
            OmeZarr(own / _RESULT, plan.layout, plan.recipe, asked.out.name)
            kept = _Kept(of=_digest(asked), plan=plan)
            write_whole(own / _PLAN, kept.model_dump_json().encode(), own)
            own.rename(self.path)
        except OSError:
            if not self.path.is_dir():
                raise
        finally:
            shutil.rmtree(own, ignore_errors=True)


def restore_part(asked: RestoreRequest, part: Part, console: Console, step: Step) -> None:
    """Restore what is missing of a part; `step` is called after every raw stack.

    Raises
    ------
    SettingsError, DataError
        As `livesim.commands.restore.command.restore_file`.
    """
    folder = PartsFolder(asked)
    plan = folder.planned(console)
    result = folder.result(plan)
    with open_recording(asked.raw, asked.settings.pattern) as recording:
        restoration = follow_plan(asked, recording, plan)
        left_out = []
        for index in part.of_all(recording.indices):
            if result.holds(plan.place(index)):
                result.see(plan.place(index))
            elif words := _restored(restoration, index, result):
                left_out.append((index, words))
            step()
    windows = tuple(contrast.windows for contrast in result.contrasts)
    hits = sum(restoration.make.hits.values())
    folder.tell(part, Told(left_out=tuple(left_out), hits=hits, windows=windows))


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
    plan = folder.plan()
    result, told = folder.result(plan), folder.told()
    together = _together(told.values())
    with open_recording(asked.raw, asked.settings.pattern) as recording:
        indices = recording.indices
    gone = {index for index, _ in together.left_out}
    lost = sum(i not in gone and not result.holds(plan.place(i)) for i in indices)
    if words := _missing_words(tuple(told), lost):
        raise DataError(f"{folder.path}: {words}")
    if len(gone) == len(indices):
        raise DataError(together.left_out[0][1])
    for one in told.values():
        for contrast, windows in zip(result.contrasts, one.windows, strict=True):
            for channel, (low, high) in windows.items():
                contrast.widen(channel, low, high)
    result.finish(_written(plan, result))
    folder.move_into_place()
    return together


def _restored(restoration: Restoration, index: StackIndex, result: OmeZarr) -> str | None:
    """Restore a raw stack into the result; return why that was not possible."""
    before = len(restoration.left_out)
    restoration.write(index, result.put)
    lost = restoration.left_out[before:]
    return str(lost[0]) if lost else None


def _together(told: Iterable[Told]) -> Told:
    several = list(told)
    left_out = {index: words for one in several for index, words in one.left_out}
    return Told(left_out=tuple(left_out.items()), hits=sum(one.hits for one in several), windows=())


def _written(plan: Plan, result: OmeZarr) -> np.typing.NDArray[np.bool_]:
    written = np.zeros(plan.layout.sizes, bool)
    for place in np.ndindex(written.shape):
        position, time, channel, z = place
        written[place] = result.holds(
            StackIndex(time=time, channel=channel, z=z, position=position)
        )
    return written


def _missing_words(told: Sequence[Part], lost: int) -> str | None:
    """Say which parts are missing, if some are; `lost` raw stacks are neither there nor refused."""
    if not told:
        return "expected parts that are done, as by --part 1/4, found none"
    divisions = [[Part(n, of) for n in range(1, of + 1)] for of in {one.of for one in told}]
    missing = min(([one for one in parts if one not in told] for parts in divisions), key=len)
    if missing:
        named = ", ".join(f"--part {one}" for one in missing)
        return f"expected all {missing[0].of} parts done, found {len(told)}; missing: {named}"
    if lost:
        return f"expected every image, found {count(lost, 'image')} gone; restore the parts again"
    return None


def _digest(asked: RestoreRequest) -> str:
    """Return what tells one thing that is asked from another."""
    pattern = asked.pattern_file
    told = [
        VERSION,
        asked.settings.model_dump(mode="json"),
        identify(asked.raw).model_dump(mode="json"),
        None if pattern is None else hashlib.sha256(pattern.read_bytes()).hexdigest(),
        asked.live,
        asked.error,
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
