"""A folder that an engine records into -> the settings and the pattern written there."""

from __future__ import annotations

from pathlib import Path

from livesim.frames import DataError
from livesim_gui.state.stream_facts import StreamFacts, facts_of_settings

RESULTS = ("results.ome.zarr.partial", "results.ome.zarr")
"""While it is being recorded, and afterwards."""


class RecordedFacts:
    """Reads a recording on this machine, once; of one elsewhere nothing is known.

    A viewer that comes late has not heard how the stream began, and the pattern is not on the wire.
    """

    def __init__(self) -> None:
        self._known: dict[str, StreamFacts] = {}

    def __call__(self, folder: str) -> StreamFacts:
        """Return what is written in `folder`; nothing as long as there is no result."""
        if folder not in self._known:
            for name in RESULTS:
                facts = _read(Path(folder) / name)
                if facts is not None:
                    self._known = {folder: facts}
        return self._known.get(folder, StreamFacts())


def _read(results: Path) -> StreamFacts | None:
    if not results.is_dir():
        return None
    from livesim.io.ome_zarr import read_recipe_of_zarr  # loads zarr: not before it is needed

    try:
        recipe = read_recipe_of_zarr(results)
    except DataError:  # being renamed just now, or another version's
        return None
    return facts_of_settings(recipe.settings, recipe.pattern)
