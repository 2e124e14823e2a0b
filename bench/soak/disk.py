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
    can_stall: bool

    def stall(self, seconds: float) -> None:
        """Let nothing be written for a while: who writes waits in the kernel."""
        subprocess.run(["fsfreeze", "--freeze", self.folder], check=True)
        try:
            time.sleep(seconds)
        finally:
            subprocess.run(["fsfreeze", "--unfreeze", self.folder], check=True)


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
