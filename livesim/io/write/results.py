"""Where results go: a `ResultWriter` for a path, chosen by its suffix."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, Self

from livesim.config.settings import SettingsError
from livesim.io.recipe import Recipe
from livesim.io.write.ome_tiff import OmeTiffWriter, read_recipe_of_tiff
from livesim.io.write.ome_zarr import OmeZarrWriter, read_recipe_of_zarr
from livesim.io.write.output_layout import OutputLayout
from livesim.io.write.placement import Placement
from livesim.values.frames import StackIndex
from livesim.values.results import Image

TIFF_SUFFIXES = (".ome.tif", ".ome.tiff", ".tif", ".tiff")
ZARR_SUFFIXES = (".ome.zarr", ".zarr")


class ResultWriter(Protocol):
    """Takes results in any order; the file appears when the context ends without an error.

    After an error or an interrupt nothing stands under the real name, and no temporary either.
    """

    def write(self, index: StackIndex, image: Image) -> None:
        """Write one result, float32 [y, x]."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None: ...


def check_target(path: Path, *, overwrite: bool = False) -> None:
    """Refuse a target early that `open_writer` would refuse after the work was done.

    Raises
    ------
    SettingsError, DataError
        As `open_writer`.
    """
    _is_tiff(path)
    Placement(path, overwrite=overwrite)


def open_writer(
    path: Path, layout: OutputLayout, recipe: Recipe, *, overwrite: bool = False
) -> ResultWriter:
    """Return the writer for an OME-TIFF (.ome.tif, .tif, ...) or OME-Zarr (.ome.zarr, .zarr).

    Raises
    ------
    SettingsError
        If the suffix is another one.
    DataError
        If the target exists already and `overwrite` is false, or its folder does not exist.
    """
    if _is_tiff(path):
        return OmeTiffWriter(path, layout, recipe, overwrite=overwrite)
    return OmeZarrWriter(path, layout, recipe, overwrite=overwrite)


def read_recipe(path: Path) -> Recipe:
    """Return the recipe inside a result or a recording that livesim wrote.

    Raises
    ------
    SettingsError
        If the suffix is neither a TIFF's nor a Zarr's.
    DataError
        If the file cannot be read or holds no recipe.
    """
    if path.is_dir() or not _is_tiff(path):  # a recording may still be called NAME.partial
        return read_recipe_of_zarr(path)
    return read_recipe_of_tiff(path)


def _is_tiff(path: Path) -> bool:
    name = path.name.lower()
    if name.endswith(TIFF_SUFFIXES):
        return True
    if name.endswith(ZARR_SUFFIXES):
        return False
    known = ", ".join((*TIFF_SUFFIXES, *ZARR_SUFFIXES))
    raise SettingsError(f"{path}: expected a name that ends in one of {known}, found {path.name}")
