"""A path and the settings of the pattern in, an open recording out, whatever the format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from livesim.config.settings import PatternSettings
from livesim.io.read.dv import ID_OFFSET, IDS, open_dv
from livesim.io.read.ndtiff import INDEX, open_ndtiff
from livesim.io.read.planes import PlaneFile
from livesim.io.read.recording import Recording, make_recording
from livesim.io.read.tiff import open_tiff
from livesim.io.read.zarr import MARKS, open_zarr
from livesim.values.errors import DataError

TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
NDTIFF_ID = (483729).to_bytes(4, "little")
NDTIFF_ID_OFFSET = 8
FORMATS = "TIFF, DeltaVision (.dv, .mrc), NDTiff or Zarr"


def open_recording(path: Path, pattern: PatternSettings, *, allow_float: bool = False) -> Recording:
    """Open a recording in any of the formats that livesim reads.

    Parameters
    ----------
    path
        A TIFF, ImageJ, OME-TIFF, DeltaVision or MRC file, or an NDTiff or Zarr folder.
    pattern
        How many angles and phases a raw stack has, and in which order, for files that do not say.
    allow_float
        Take float32 values for camera counts, with a warning (simulated DeltaVision files).

    Raises
    ------
    DataError
        Naming the file, what was expected and what was found.
    """
    file = open_planes(path)
    try:
        return make_recording(file, pattern, allow_float=allow_float)
    except BaseException:
        file.close()
        raise


def open_planes(path: Path) -> PlaneFile:
    """Open a file or folder whatever its axes; `open_recording` says which formats.

    Raises
    ------
    DataError
        Naming the file, what was expected and what was found.
    """
    return _reader(path)(path)


def _reader(path: Path) -> Callable[[Path], PlaneFile]:
    if not path.exists():
        raise DataError(f"{path}: expected a file or folder, found nothing there")
    try:
        return _folder_reader(path) if path.is_dir() else _file_reader(path)
    except OSError as error:
        raise DataError(f"{path}: expected something readable, found: {error}") from error


def _folder_reader(path: Path) -> Callable[[Path], PlaneFile]:
    if (path / INDEX).exists():
        return open_ndtiff
    if any((path / mark).exists() for mark in MARKS):
        return open_zarr
    entries = sorted(entry.name for entry in path.iterdir())
    found = f"a folder of {len(entries)} other entries" if entries else "an empty folder"
    raise DataError(
        f"{path}: expected an NDTiff folder (with {INDEX}) or a Zarr folder "
        f"(with {', '.join(MARKS)}), found {found}"
    )


def _file_reader(path: Path) -> Callable[[Path], PlaneFile]:
    with path.open("rb") as file:
        start = file.read(ID_OFFSET + 2)
    if not start:
        raise DataError(f"{path}: expected a recording, found an empty file")
    if start[:4] in TIFF_STARTS:
        return _tiff_reader(path, start)
    if start[ID_OFFSET:] in IDS:
        return open_dv
    raise DataError(f"{path}: expected {FORMATS}, found a file that begins with {start[:8]!r}")


def _tiff_reader(path: Path, start: bytes) -> Callable[[Path], PlaneFile]:
    """Read one file of an NDTiff folder as the folder, where the axes are known."""
    found = start[NDTIFF_ID_OFFSET : NDTIFF_ID_OFFSET + 4]
    if found == NDTIFF_ID and (path.parent / INDEX).exists():
        return lambda file: open_ndtiff(file.parent)
    return open_tiff
