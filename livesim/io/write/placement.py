"""A target name in; a temporary name beside it that is moved into place on success."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from livesim.values.errors import DataError


class Placement:
    """A file or folder that appears under its real name only when it is whole.

    Write to `partial` and call `commit`. Leaving the context without `commit`, by an error or
    an interrupt, removes the temporary; an existing target stays as it was.

    Parameters
    ----------
    target
        The real name.
    overwrite
        Replace what stands under the real name.

    Raises
    ------
    DataError
        If the target exists and `overwrite` is false, if it is a folder that holds no Zarr, or
        if its folder does not exist.
    """

    def __init__(self, target: Path, *, overwrite: bool = False) -> None:
        self.target = target
        self.partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
        self._overwrite = overwrite
        self._check()
        _remove(self.partial)

    def _check(self) -> None:
        if not self.target.parent.is_dir():
            raise DataError(f"{self.target}: expected an existing folder to write to, found none")
        if not self.target.exists():
            return
        if not self._overwrite:
            raise DataError(f"{self.target}: expected a new name, found that it exists already")
        if self.target.is_dir() and not (self.target / "zarr.json").is_file():
            raise DataError(f"{self.target}: expected a Zarr to overwrite, found another folder")

    def commit(self) -> None:
        """Move the temporary into place."""
        self._check()
        if self.partial.is_file():
            _flush(self.partial)
        with ExitStack() as undo:
            # No rename replaces a folder that holds something, or a file by a folder.
            aside = self.partial.with_suffix(".replaced")
            if self.target.is_dir() or (self.partial.is_dir() and self.target.exists()):
                self.target.rename(aside)
                undo.callback(aside.rename, self.target)
            self.partial.replace(self.target)
            undo.pop_all()
        _remove(aside)

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """Remove the temporary if what is done in this context fails, and only then."""
        with ExitStack() as undo:
            undo.push(self)
            yield
            undo.pop_all()

    def discard(self) -> None:
        """Remove the temporary; nothing to do after `commit`."""
        _remove(self.partial)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()


def _flush(path: Path) -> None:
    """Bring a file to the disk: after a power cut, no empty file bears the real name."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
