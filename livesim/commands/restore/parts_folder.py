"""The folder beside a result that several processes make.

NAME.parts holds, while the result NAME is made:

- plan.json: what holds for the whole recording, found by the process that came first,
- recorded.npz: which frames of a Zarr there are, so that no other process looks for them all,
- result.ome.zarr: the result, in which every plane that is there is whole,
- part-I-of-N.json: what a part has to tell when it is done.

Nothing is locked and nobody is waited for. The folder appears with its plan and an empty result in
it; a folder without result is that of a result that has its name already. A process that was
killed, on a node that went away or on a disk that was full, loses what it had under its hands; the
same command goes on from there.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from secrets import token_hex
from typing import TypeVar
from zipfile import BadZipFile

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError
from rich.console import Console

from livesim.commands.restore.part import Part, Told
from livesim.commands.restore.plan import plan_restoration, tell_planned
from livesim.commands.restore.request import RestoreRequest
from livesim.commands.restore.restoration import Plan
from livesim.config.errors import sentence
from livesim.config.settings import SettingsError
from livesim.io.read.open import open_recording
from livesim.io.read.planes import NO_PLANE, Recorded
from livesim.io.read.recording import Recording
from livesim.io.write.chunk_files import write_whole
from livesim.io.write.ome_zarr import OmeZarr
from livesim.io.write.placement import Placement
from livesim.io.write.results import ZARR_SUFFIXES
from livesim.values.errors import DataError
from livesim.values.version import VERSION

_PLAN, _RECORDED, _RESULT = "plan.json", "recorded.npz", "result.ome.zarr"
_TOLD = re.compile(r"part-(\d+)-of-(\d+)\.json")
SAMPLED = 3
"""Frames by which a recording is known again: of one of many files, looking at all takes long."""

Model = TypeVar("Model", bound=BaseModel)


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
        self._asked = asked
        self.path = out.with_name(f"{out.name}.parts")
        self._result = self.path / _RESULT
        self._placement = Placement(out, overwrite=asked.overwrite, made_at=self._result)

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Raise what the disk refuses in this context as a DataError that names the result."""
        try:
            yield
        except OSError as error:
            self._placement.refuse(error)
            raise

    def open(self) -> Recording:
        """Open the recording; where there is a plan, without a look at all of its chunks.

        Raises
        ------
        DataError
            If it cannot be opened.
        """
        asked = self._asked
        return open_recording(asked.raw, asked.settings.pattern, self._recorded())

    def _recorded(self) -> Recorded:
        """Return which frames there were when the plan was made; () where nobody knows."""
        if not self._result.is_dir():  # of a result that has its name, the recording may have grown
            return ()
        try:
            with np.load(self.path / _RECORDED) as kept:
                return tuple(kept.values())
        except (OSError, ValueError, EOFError, BadZipFile):
            return ()

    def planned(self, recording: Recording, console: Console) -> Plan:
        """Return the plan; make it where nobody has, and lay out the result.

        Raises
        ------
        DataError
            If the folder holds the parts of something else.
        """
        self._remove()
        if not self.path.is_dir():
            self._begin(recording, console)
        return self.plan(recording)

    def plan(self, recording: Recording) -> Plan:
        """Return the plan that is there.

        Raises
        ------
        DataError
            If there is none, or that of something else.
        """
        advice = f"remove {self.path} to begin again"
        kept = self._read(self.path / _PLAN, _Kept, "the plan of all parts", advice)
        if kept.of != _digest(self._asked, recording):
            raise DataError(
                f"{self.path}: expected parts of this recording with these settings, made by "
                f"livesim {VERSION}, found those of something else; {advice}"
            )
        return kept.plan

    def result(self, plan: Plan) -> OmeZarr:
        """Return the result, open to be filled.

        Raises
        ------
        DataError
            If its metadata cannot be read.
        """
        try:
            return OmeZarr(
                self._result, plan.layout, plan.recipe, self._asked.out.name, laid_out=True
            )
        except (ValueError, KeyError, FileNotFoundError) as error:
            raise DataError(
                f"{self._result}: expected the result as it was laid out, found: {error}; remove "
                f"{self.path} to begin again"
            ) from error

    def tell(self, part: Part, told: Told) -> None:
        """Keep what a part tells."""
        file = self.path / f"part-{part.number}-of-{part.of}.json"
        write_whole(file, told.model_dump_json().encode(), self.path)

    def told(self) -> dict[Part, Told]:
        """Return what the parts have told.

        Raises
        ------
        DataError
            If what one has told cannot be read.
        """
        found = {}
        for file in sorted(self.path.iterdir()):
            if named := _TOLD.fullmatch(file.name):
                part = Part(*map(int, named.groups()))
                expected = f"what --part {part} has told"
                found[part] = self._read(file, Told, expected, "restore that part again")
        return found

    def move_into_place(self) -> None:
        """Give the result its name, and remove the folder."""
        for left in self._result.rglob("*.partial"):  # by processes that were killed
            left.unlink(missing_ok=True)
        self._placement.commit()
        self._remove()

    def _read(self, file: Path, kind: type[Model], expected: str, advice: str) -> Model:
        try:
            return kind.model_validate_json(file.read_bytes())
        except FileNotFoundError as error:
            raise DataError(f"{file}: expected {expected}, found no such file") from error
        except ValidationError as error:
            found = sentence(error, kind)
            raise DataError(f"{file}: expected {expected}, found: {found}; {advice}") from error

    def _remove(self) -> None:
        """Remove the folder where its result has its name already.

        Another process may do the same, and put a new folder in its place at any moment: what is
        looked into and emptied is held open, and only an empty folder is taken away by its name.
        """
        if os.open not in os.supports_dir_fd:  # Windows, where no folder can be held
            if not self._result.is_dir():
                shutil.rmtree(self.path, ignore_errors=True)
            return
        with suppress(FileNotFoundError, NotADirectoryError):
            held = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                _empty(held)
            finally:
                os.close(held)
            with suppress(OSError):  # it holds something: another's
                self.path.rmdir()

    def _begin(self, recording: Recording, console: Console) -> None:
        """Plan, and lay out the result; a process that comes second takes what the other found."""
        asked = self._asked
        restoration = plan_restoration(asked, recording, console)
        plan = restoration.plan
        if restoration.reviews is not None:
            tell_planned(asked, restoration.reviews, console)
        own = self._beside()
        own.mkdir()
        try:
            OmeZarr(own / _RESULT, plan.layout, plan.recipe, asked.out.name)
            frames = BytesIO()
            np.savez_compressed(frames, *recording.file.recorded)
            write_whole(own / _RECORDED, frames.getvalue(), own)
            kept = _Kept(of=_digest(asked, recording), plan=plan)
            write_whole(own / _PLAN, kept.model_dump_json().encode(), own)
            own.rename(self.path)
        except OSError:
            if not self.path.is_dir():
                raise
        finally:
            shutil.rmtree(own, ignore_errors=True)

    def _beside(self) -> Path:
        """Return a name that no other process has, on this machine or another."""
        return self.path.with_name(f"{self.path.name}.{token_hex(4)}.partial")


def _empty(folder: int) -> None:
    """Remove the files in an open folder of parts that has a plan and no result."""
    names = os.listdir(folder)
    if _RESULT in names or _PLAN not in names:
        return
    # The plan at last: a process that is killed before leaves what is known for the next one.
    for name in sorted(names, key=_PLAN.__eq__):
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)


def _digest(asked: RestoreRequest, recording: Recording) -> str:
    """Return what tells one thing that is asked from another."""
    pattern = asked.pattern_file
    told = [
        VERSION,
        asked.settings.model_dump(mode="json"),
        _known_again(recording),
        None if pattern is None else hashlib.sha256(pattern.read_bytes()).hexdigest(),
        asked.live,
        asked.error,
        asked.pyramid,
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _known_again(recording: Recording) -> str:
    """Return a digest of which frames a recording has, and of some of them."""
    digest = hashlib.sha256(f"{recording.numbers.shape} {recording.frame_shape}".encode())
    digest.update(recording.numbers.tobytes())
    present = recording.numbers[recording.numbers != NO_PLANE]
    for at in range(SAMPLED):
        number = int(present[at * (len(present) - 1) // (SAMPLED - 1)])
        try:
            digest.update(recording.plane(number).tobytes())
        except DataError:
            digest.update(b"unreadable")
    return digest.hexdigest()
