"""Open a recording of any format; no pixel is read yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from threading import Event

from livesim.config.settings import PatternSettings
from livesim.io.read import single_files, tiff_folder
from livesim.io.read.dv import ID_OFFSET, IDS, open_dv
from livesim.io.read.ndtiff import INDEX, open_ndtiff
from livesim.io.read.planes import PlaneFile, Recorded, without_empty_end
from livesim.io.read.recording import Recording, make_recording
from livesim.io.read.single_files import open_single_files
from livesim.io.read.tiff import open_companion, open_tiff
from livesim.io.read.tiff_folder import open_tiff_folder
from livesim.io.read.vendor import begins_as_vendor, open_vendor
from livesim.io.read.zarr import MARKS, open_zarr
from livesim.io.recording_files import check_there
from livesim.values.errors import DataError
from livesim.values.frames import Pixels

TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
NDTIFF_ID = (483729).to_bytes(4, "little")
NDTIFF_ID_OFFSET = 8
OME_MARKS = ("*.ome.tif", "*.ome.tiff")
START_BYTES = 256
"""How much of a file its format is told by."""


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A format whose recordings are single files."""

    name: str
    begins: Callable[[bytes], bool]
    """Whether a file that begins with these `START_BYTES` bytes, or fewer, has it."""
    open: Callable[[Path], PlaneFile]


@dataclass(frozen=True, slots=True)
class FolderFormat:
    """A format whose recordings are folders."""

    name: str
    marks: tuple[str, ...]
    """Files of which one lies in every such folder, or in the folders inside it."""
    open: Callable[[Path], PlaneFile]


def _begins_as_ome_xml(start: bytes) -> bool:
    return start.lstrip(b"\xef\xbb\xbf \r\n\t").startswith((b"<?xml", b"<OME", b"<ome:OME"))


FILES = (
    FileFormat("TIFF", lambda start: start[:4] in TIFF_STARTS, lambda path: _open_tiff(path)),
    FileFormat(
        "DeltaVision (.dv, .mrc)",
        lambda start: start[ID_OFFSET:][:2] in IDS,
        lambda path: _open_dv(path),
    ),
    FileFormat("OME-TIFF's companion files", _begins_as_ome_xml, open_companion),
    FileFormat("makers' files (nd2, czi, lif, oir), with bioio", begins_as_vendor, open_vendor),
)
FOLDERS = (
    FolderFormat("NDTiff", (INDEX,), open_ndtiff),
    FolderFormat("Zarr", MARKS, open_zarr),
    FolderFormat("Micro-Manager's single files", single_files.MARKS, open_single_files),
    FolderFormat("OME-TIFF of several files", OME_MARKS, lambda path: _open_ome_folder(path)),
    FolderFormat("single TIFF files", tiff_folder.MARKS, lambda path: _open_tiff_folder(path)),
)
"""All formats; the first that fits is taken."""


def open_recording(path: Path, pattern: PatternSettings, recorded: Recorded = ()) -> Recording:
    """Open a recording in any of the formats that livesim reads.

    Parameters
    ----------
    path
        A file or folder in a format of `FILES` or `FOLDERS`.
    pattern
        How many angles and phases a raw stack has, and in which order, for files that do not say.
    recorded
        As for `open_planes`.

    Raises
    ------
    DataError
        Naming the file, what was expected and what was found.
    """
    file = open_planes(path, recorded)
    try:
        return make_recording(file, pattern)
    except BaseException:
        file.close()
        raise


def open_planes(path: Path, recorded: Recorded = ()) -> PlaneFile:
    """Open a file or folder whatever its axes; `open_recording` says which formats.

    Parameters
    ----------
    recorded
        What `PlaneFile.recorded` was when the same folder was opened before; () = never.

    Raises
    ------
    DataError
        Naming the file, what was expected and what was found.
    """
    found = format_of(path)
    again = found.open is open_zarr and recorded
    return _refusing_once_closed(open_zarr(path, recorded) if again else found.open(path))


def format_of(path: Path) -> FileFormat | FolderFormat:
    """Return the format that a file or folder has, told by how it begins or what lies in it.

    Raises
    ------
    DataError
        Naming the file, what was expected and what was found.
    """
    try:
        check_there(path)
        if path.is_dir():
            return _folder_format(path)
        if not path.is_file():  # to read from a pipe would be to wait for its writer
            raise DataError(f"{path}: expected a file or folder, found a pipe or a device")
        return _file_format(path)
    except OSError as error:
        raise DataError(f"{path}: expected something readable, found: {error}") from error


def _folder_format(path: Path) -> FolderFormat:
    for one in FOLDERS:
        if any(next(path.glob(mark), None) for mark in one.marks):
            return one
    entries = sorted(entry.name for entry in path.iterdir())
    found = f"a folder of {len(entries)} other entries" if entries else "an empty folder"
    known = " or of ".join(f"{one.name} (with {', '.join(one.marks)})" for one in FOLDERS)
    raise DataError(f"{path}: expected a folder of {known}, found {found}")


def _file_format(path: Path) -> FileFormat:
    with path.open("rb") as file:
        start = file.read(START_BYTES)
    if not start:
        raise DataError(f"{path}: expected a recording, found an empty file")
    for one in FILES:
        if one.begins(start):
            return one
    _refuse_part_of_folder(path)
    known = ", ".join(one.name for one in (*FILES, *FOLDERS))
    raise DataError(f"{path}: expected {known}, found a file that begins with {start[:8]!r}")


def _refuse_part_of_folder(path: Path) -> None:
    """Name the folder to open, where a file was given that marks one."""
    for one in FOLDERS:
        if path.name in one.marks:
            raise DataError(
                f"{path}: expected the folder of {one.name}, found a file in it: give {path.parent}"
            )


def _refusing_once_closed(file: PlaneFile) -> PlaneFile:
    """Return the file, whose planes are asked of its reader only until it is closed.

    A reader that maps its file into memory would end the process with a segmentation fault.
    """
    closed = Event()

    def read(number: int) -> Pixels:
        if closed.is_set():
            raise DataError(f"{file.source}: expected an open file, found a closed one")
        return file.read(number)

    def close() -> None:
        closed.set()
        file.close()

    return replace(file, read=read, close=close)


def _open_tiff(path: Path) -> PlaneFile:
    """Read one file of an NDTiff folder as the folder, where the axes are known."""
    if _begins_as_ndtiff(path) and (path.parent / INDEX).exists():
        return open_ndtiff(path.parent)
    return _recorded(open_tiff(path))


def _begins_as_ndtiff(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(START_BYTES)[NDTIFF_ID_OFFSET:].startswith(NDTIFF_ID)


def _open_tiff_folder(folder: Path) -> PlaneFile:
    """Open a folder of single files, but those of an NDTiff that has lost its index."""
    files = (path for path in sorted(folder.glob("*.tif")) if path.is_file())
    if any(_begins_as_ndtiff(path) for path in islice(files, 1)):
        raise DataError(
            f"{folder}: expected a folder of NDTiff (with {INDEX}), found its TIFF files without it"
        )
    return open_tiff_folder(folder)


def _open_dv(path: Path) -> PlaneFile:
    return _recorded(open_dv(path))


def _recorded(file: PlaneFile) -> PlaneFile:
    """Return a file of a format that may be made in its full size before it is recorded."""
    try:
        return without_empty_end(file)
    except BaseException:
        file.close()
        raise


def _open_ome_folder(folder: Path) -> PlaneFile:
    """Open a folder whose files are all of one recording."""
    files = sorted(path for mark in OME_MARKS for path in folder.glob(mark))
    opened = open_tiff(files[0])
    # The others are named with links followed, the files of a linked or relative folder are not.
    known = {path.resolve() for path in (files[0], *opened.others)}
    if any(path.resolve() not in known for path in files):
        opened.close()
        raise DataError(
            f"{folder}: expected OME-TIFF files of one recording, found others among the "
            f"{len(files)}: give one of them, such as {files[0].name}"
        )
    return opened
