"""Name the folder of a recording: NAME.partial while it is written, NAME once it is closed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import zarr

from livesim.config.settings import Sync
from livesim.io.recipe import Recipe
from livesim.io.write.chunk_files import METADATA, array_folder
from livesim.io.write.ome_zarr import KEY
from livesim.io.write.syncing import Syncing, sync_beside, sync_tree
from livesim.values.errors import DataError, FolderGoneError


class RecordingFolder:
    """A folder that is named when it is closed, and is kept even if the run fails before.

    Parameters
    ----------
    path
        NAME, the folder to be.
    recipe
        Stored in the group's attributes under "livesim".
    attributes
        Stored beside the recipe.

    Raises
    ------
    DataError
        If NAME or NAME.partial exists already, or the folder it belongs in does not.
    """

    def __init__(self, path: Path, recipe: Recipe, attributes: dict[str, Any]) -> None:
        self._target = path
        self.partial = path.with_name(f"{path.name}.partial")
        """Where it lies while it is written."""
        _check_free(self._target, self.partial)
        self.root = zarr.create_group(self.partial, zarr_format=3)
        self._opened = identity(self.partial)
        self._described = [self.partial / METADATA]
        self.is_open = True
        self.root.attrs[KEY] = attributes | {"recipe": recipe.to_json()}

    def syncing(self, when: Sync, *arrays: zarr.Array[Any]) -> Syncing:
        """Return what syncs its arrays, once all are made; the folder itself is synced before."""
        self._described += [array_folder(array) / METADATA for array in arrays]
        self.check_there()
        if when != "close":
            sync_tree(self.partial)
            sync_beside(self.partial)
        return Syncing(when, self.partial)

    def check_open(self) -> None:
        """Raise ValueError once the recording is closed."""
        if not self.is_open:
            raise ValueError(f"{self._target}: expected an open recording, found it closed")

    @contextmanager
    def staying(self, *beside: Path) -> Iterator[None]:
        """Write in this context: what was written lies where it will be looked for, or it fails.

        A folder that is deleted, moved or on a disk that is taken away takes no writes under its
        old name; writing there would only make a shell of it.

        Parameters
        ----------
        beside
            Files in it that are there, besides those that always are.

        Raises
        ------
        FolderGoneError
            If the folder is another one, or none, before or after what is done in the context, or
            a file in it is missing meanwhile: somebody deletes them.
        """
        self.check_there(*beside)
        try:
            yield
        except FileNotFoundError as error:
            raise self._gone() from error
        self.check_there(*beside)

    def check_there(self, *beside: Path) -> None:
        """Raise FolderGoneError unless the folder that was opened still lies where it was."""
        # A deletion under way may have taken files alone, and the folder not yet.
        there = all(described.exists() for described in (*self._described, *beside))
        if not there or identity(self.partial) != self._opened:
            raise self._gone()

    def _gone(self) -> FolderGoneError:
        return FolderGoneError(
            f"{self._target}: expected its folder to stay, found it gone: deleted, moved, or its "
            "disk taken away"
        )

    def close(self) -> None:
        """Give the folder its name, once all that is in it is on the disk."""
        with self.staying():
            sync_tree(self.partial)
        self.partial.rename(self._target)
        self.is_open = False
        sync_beside(self._target)


def identity(folder: Path) -> tuple[int, int] | None:
    """Return which folder it is, on which disk; None where there is none."""
    try:
        found = os.stat(folder)
    except OSError:  # a disk that was taken away may answer with an error of the device
        return None
    return found.st_dev, found.st_ino


def _check_free(target: Path, partial: Path) -> None:
    if not target.parent.is_dir():
        raise DataError(f"{target}: expected an existing folder to write to, found none")
    if target.exists():
        raise DataError(f"{target}: expected a new name, found that it exists already")
    if partial.exists():
        raise DataError(
            f"{target}: expected a new name, found {partial.name}, a recording that was "
            "interrupted; it can be read, or renamed to keep it"
        )
