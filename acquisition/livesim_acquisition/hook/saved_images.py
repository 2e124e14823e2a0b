"""Read images from a data set that is still being written.

NDTiff's own reader keeps the 8 KB that it last read beyond an image. While the file is written,
these hold zeros where the next image is going to be, and ndstorage 0.1.18 then takes the beginning
of that image from them. So files that grow are read here without such a store.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import IO, Any

from ndstorage.file_io import NDTiffFileIO
from ndstorage.ndtiff_dataset import NDTiffDataset
from ndstorage.ndtiff_file import SingleNDTiffReader

from livesim.values.errors import DataError
from livesim.values.frames import Pixels


def read_saved(dataset: Any, axes: Mapping[str, Any]) -> tuple[Pixels, dict[str, Any]]:
    """Read one image of a data set that is being written, with its metadata.

    Parameters
    ----------
    dataset
        As pycromanager hands it to `image_saved_fn`: NDTiff on disk, or a store in memory.

    Raises
    ------
    DataError
        If the data set has no image at these axes.
    OSError
        If its file cannot be read.
    """
    if not isinstance(dataset, NDTiffDataset):
        return dataset.read_image(**axes), dataset.read_metadata(**axes)
    entry = dataset.index.get(frozenset(axes.items()))
    if entry is None:
        raise DataError(f"{dataset.path}: expected an image at {dict(axes)}, found none")
    # Given summary metadata, it does not read those of the file, which cost more than an image.
    path = Path(dataset.path, entry.filename)
    with closing(SingleNDTiffReader(str(path), NDTiffFileIO(_unbuffered), summary_md={})) as reader:
        return reader.read_image(entry), reader.read_metadata(entry)


def _unbuffered(path: str, mode: str) -> IO[bytes]:
    return open(path, mode, buffering=0)
