"""Bring what was written to the disk itself, where it outlives a power cut.

A file is there after one when its content, and its name in every folder above it that is new, have
been synced. Where the system cannot sync folders (Windows), it keeps names by itself.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import chain
from pathlib import Path

from livesim.config.settings import Sync

SECOND_S = 1.0
AT_ONCE = 16
"""Files and folders that are synced at the same time."""
NOT_ASKED = (errno.EINVAL, errno.ENOTSUP, errno.EACCES)
"""Answers of network disks that do not sync folders, and of folders that may not be listed."""


class Syncing:
    """Syncs what a growing recording has written, as often as its settings say.

    Parameters
    ----------
    when
        After every stack, once a second, or not before the recording is closed.
    within
        The folder of the recording.
    """

    def __init__(self, when: Sync, within: Path) -> None:
        self._when, self._within = when, within
        self._written: set[Path] = set()
        self._last = time.monotonic()

    def wrote(self, *files: Path) -> None:
        """Note files that were written, or written over."""
        if self._when != "close":
            self._written.update(files)

    def stack(self) -> None:
        """Sync, where every stack is: before it is marked as written, and once it is."""
        if self._when == "stack":
            self.sync()

    def rest(self) -> None:
        """Sync, where that is done once a second and due."""
        if self._when == "second" and time.monotonic() - self._last >= SECOND_S:
            self.sync()

    def sync(self) -> None:
        """Sync all that was written since the last time.

        Raises
        ------
        OSError
            If the disk does not take it.
        """
        for file in self._written:
            sync_file(file)
        folders = {one for file in self._written for one in file.parents}
        for folder in folders:
            if folder.is_relative_to(self._within):
                sync_folder(folder)
        self._written.clear()
        self._last = time.monotonic()


def sync_file(path: Path) -> None:
    """Bring a file's content to the disk."""
    with path.open("r+b" if sys.platform == "win32" else "rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    if sys.platform == "win32":
        return
    try:
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
    except OSError as error:
        if error.errno not in NOT_ASKED:
            raise


def sync_tree(folder: Path) -> None:
    """Bring a folder and all that is in it to the disk.

    Many at once: the disk then takes what it is asked for together, as one.
    """
    folders = [(Path(inside), names) for inside, _, names in os.walk(folder)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        files = pool.map(sync_file, (inside / name for inside, names in folders for name in names))
        deque(chain(files, pool.map(sync_folder, (inside for inside, _ in folders))), maxlen=0)


def sync_beside(path: Path) -> None:
    """Bring the name of a file or folder to the disk, and the files that lie beside it."""
    folder = path.absolute().parent
    for one in folder.iterdir():
        with suppress(FileNotFoundError):  # written under a temporary name, and moved by now
            if one.is_file():
                sync_file(one)
    sync_folder(folder)
    sync_folder(folder.parent)
