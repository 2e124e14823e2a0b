"""List the files below a folder, of which there may be a million."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def walk(folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield the path inside the folder, with "/" between names, and the entry of every file.

    Every folder is listed once, and nothing is asked of a file: a file system tells which names
    are folders along with the names. Links to folders are not followed, and count as files.

    Raises
    ------
    OSError
        If a folder cannot be listed.
    """
    inside = [("", os.fspath(folder))]
    while inside:
        above, path = inside.pop()
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    inside.append((f"{above}{entry.name}/", entry.path))
                else:
                    yield above + entry.name, entry
