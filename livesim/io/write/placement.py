"""Write under a temporary name and move the result into place once it is whole."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Self

from livesim.config.settings import SettingsError
from livesim.io.write.syncing import sync_file, sync_folder, sync_tree
from livesim.values.errors import DataError

REFUSED = {
    errno.ENOSPC: ("room for it", "the disk full"),
    errno.EDQUOT: ("room for it", "the quota used up"),
    errno.EFBIG: ("room for it", "that files may not become so large here"),
    errno.EACCES: ("permission to write it", "none"),
    errno.EPERM: ("permission to write it", "none"),
    errno.EROFS: ("permission to write it", "a disk that can only be read"),
    errno.ENOENT: ("its folder to stay", "it gone"),
    errno.EIO: ("a disk that takes it", "an error of the device"),
}
"""What was expected and found, by the error of the disk."""


def check_apart(target: Path, sources: Iterable[Path]) -> None:
    """Refuse to write over what is read: --overwrite is not meant for that.

    Raises
    ------
    SettingsError
        If the target is one of the sources, or lies in one that is a Zarr.
    """
    for source in sources:
        inside = (source / "zarr.json").is_file() and source.resolve() in target.resolve().parents
        if inside or (source.exists() and target.exists() and source.samefile(target)):
            raise SettingsError(f"--out {target}: expected another name than the recording's own")


class Placement:
    """A file or folder that appears under its real name only when it is whole.

    Write to `partial` and call `commit`. Leaving the context without `commit`, by an error or
    an interrupt, removes the temporary; an existing target stays as it was. What the disk refuses
    meanwhile becomes a DataError that names the target.

    Parameters
    ----------
    target
        The real name.
    overwrite
        Replace what stands under the real name.
    made_at
        Another temporary name, under which something may have been begun; it stays.

    Raises
    ------
    DataError
        If the target exists and `overwrite` is false, if it is a folder that holds no Zarr, or
        if its folder does not exist or cannot be written to.
    """

    def __init__(
        self, target: Path, *, overwrite: bool = False, made_at: Path | None = None
    ) -> None:
        self.target = target
        own = target.with_name(f"{target.name}.{os.getpid()}.partial")
        self.partial = made_at or own
        self._aside = own.with_suffix(".replaced")
        self._overwrite = overwrite
        try:
            self._check()
        except OSError as error:
            raise self._refusal(error) from error
        if made_at is None:
            _remove(self.partial)

    def _check(self) -> None:
        folder = self.target.parent
        if not folder.is_dir():
            raise DataError(f"{self.target}: expected an existing folder to write to, found none")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        if not self.target.exists():
            return
        if not self._overwrite:
            raise DataError(f"{self.target}: expected a new name, found that it exists already")
        if self.target.is_dir() and not (self.target / "zarr.json").is_file():
            raise DataError(f"{self.target}: expected a Zarr to overwrite, found another folder")

    def commit(self) -> None:
        """Move the temporary into place."""
        self._check()
        # After a power cut, no file that is empty or in part bears the real name.
        if self.partial.is_dir():
            sync_tree(self.partial)
        else:
            sync_file(self.partial)
        with ExitStack() as undo:
            # No rename replaces a folder that holds something, or a file by a folder.
            if self.target.is_dir() or (self.partial.is_dir() and self.target.exists()):
                self.target.rename(self._aside)
                undo.callback(self._aside.rename, self.target)
            self.partial.replace(self.target)
            sync_folder(self.target.absolute().parent)
            undo.pop_all()
        _remove(self._aside)

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

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object
    ) -> None:
        self.discard()
        self.refuse(error)

    def refuse(self, error: BaseException | None) -> None:
        """Raise what the disk refused as a DataError; do nothing for all else.

        Raises
        ------
        DataError
            If `error` is one of the disk, and not of another file.
        """
        if isinstance(error, OSError) and self._is_own(error):
            raise self._refusal(error) from error

    def _is_own(self, error: OSError) -> bool:
        """Whether the disk refused this file; an error of writing does not name one."""
        return error.filename is None or Path(str(error.filename)).is_relative_to(
            self.target.parent
        )

    def _refusal(self, error: OSError) -> DataError:
        unknown = ("that it can be written", str(error))
        if error.errno is None and "requested and" in str(error):  # numpy's words, without a number
            unknown = ("room for it", "none for all of it")
        expected, found = REFUSED.get(error.errno or 0, unknown)
        return DataError(f"{self.target}: expected {expected}, found {found}")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):  # its folder may be gone, or closed to us
            path.unlink(missing_ok=True)
