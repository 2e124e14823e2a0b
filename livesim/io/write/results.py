"""Choose the format of a result by the suffix of its name, for writing and for its recipe."""

from __future__ import annotations

from pathlib import Path

from livesim.config.settings import SettingsError
from livesim.io.recipe import Amend, Recipe, as_it_is
from livesim.io.write.ome_tiff import OmeTiff, read_recipe_of_tiff
from livesim.io.write.ome_zarr import OmeZarr, read_recipe_of_zarr
from livesim.io.write.output_layout import OutputLayout
from livesim.io.write.placement import Placement
from livesim.io.write.result_writer import Format, ResultWriter

TIFF_SUFFIXES = (".ome.tif", ".ome.tiff", ".tif", ".tiff")
ZARR_SUFFIXES = (".ome.zarr", ".zarr")


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
    path: Path,
    layout: OutputLayout,
    recipe: Recipe,
    *,
    overwrite: bool = False,
    amend: Amend = as_it_is,
) -> ResultWriter:
    """Return the writer for an OME-TIFF (.ome.tif, .tif, ...) or OME-Zarr (.ome.zarr, .zarr).

    Once all is written, the recipe is what `amend` makes of it.

    Raises
    ------
    SettingsError
        If the suffix is another one.
    DataError
        If the target exists already and `overwrite` is false, or its folder does not exist.
    """
    kind = OmeTiff if _is_tiff(path) else OmeZarr

    def begin(partial: Path) -> Format:
        return kind(partial, layout, recipe, path.name, amend)

    return ResultWriter(path, layout, begin, overwrite=overwrite)


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
