"""Make a file system in a file that can be stalled; needs Linux and root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

SIZE = 24 << 30
"""Bytes at most; the file is as long as what is in it."""
TOOLS = ("mkfs.ext4", "mount", "umount", "fsfreeze")


@dataclass(frozen=True, slots=True)
class Disk:
    """Where the engine records."""

    folder: Path
    is_own: bool
    """Whether it is a file system for this alone, which can be stalled and filled."""

    def stall(self, seconds: float) -> None:
        """Let nothing be written for a while: who writes waits in the kernel."""
        subprocess.run(["fsfreeze", "--freeze", self.folder], check=True)
        try:
            time.sleep(seconds)
        finally:
            subprocess.run(["fsfreeze", "--unfreeze", self.folder], check=True)

    @contextmanager
    def full(self) -> Iterator[None]:
        """Take all the room that there is, until the end of this context."""
        filler = self.folder / "filler"
        try:
            with filler.open("wb") as file:
                _fill(file.fileno(), self.folder)
            yield
        finally:
            filler.unlink(missing_ok=True)


def _fill(file: int, folder: Path) -> None:
    """Make a file as long as there is room, without writing anything into it."""
    free = os.statvfs(folder)
    length, step = 0, free.f_bfree * free.f_frsize
    while step >= free.f_frsize:
        try:
            os.posix_fallocate(file, length, step)
        except OSError:
            step //= 2
        else:
            length += step


@contextmanager
def disk_in(parent: Path) -> Iterator[Disk]:
    """Make an ext4 in a file below `parent`; where that is not allowed, a plain folder."""
    folder = parent / "disk"
    folder.mkdir()
    mounted = sys.platform == "linux" and os.geteuid() == 0 and all(map(shutil.which, TOOLS))
    if mounted:
        mounted = _mount(parent / "disk.img", folder)
    try:
        yield Disk(folder, mounted)
    finally:
        if mounted:
            with suppress(subprocess.CalledProcessError):
                subprocess.run(["fsfreeze", "--unfreeze", folder], check=True, capture_output=True)
            subprocess.run(["umount", folder], check=True)


def _mount(image: Path, folder: Path) -> bool:
    with image.open("wb") as file:
        file.truncate(SIZE)
    try:
        for command in (
            ["mkfs.ext4", "-q", image],
            ["mount", "-o", "loop,discard", image, folder],
        ):
            subprocess.run(command, check=True, capture_output=True)
    except subprocess.CalledProcessError:
        return False
    return True
