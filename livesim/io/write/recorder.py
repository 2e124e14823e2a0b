"""Record the stacks and results of a live run into Zarr folders that survive a crash."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np

from livesim.config.settings import Sync
from livesim.io.recipe import Recipe
from livesim.io.write.chunk_files import sharded
from livesim.io.write.growing_positions import GrowingPositions
from livesim.io.write.growing_stacks import GrowingStacks
from livesim.io.write.output_layout import OutputLayout, RawLayout
from livesim.io.write.recording_folder import RecordingFolder
from livesim.io.write.stack_codec import stated_codec
from livesim.values.frames import RawStack
from livesim.values.results import Result

RAW_FORMAT = "livesim-recording/1"
RAW_AXES = ("position", "t", "c", "z", "angle", "phase", "y", "x")


class RawRecorder:
    """Record complete raw stacks as they come, in any order, for as long as it takes.

    The folder is a Zarr 3 group with the arrays

    - `raw` [position, t, c, z, angle, phase, y, x], one chunk per stack, and one file per chunk
      or per shard of chunks;
    - `written`, `last_received_ns`, `exposure_ms` [position, t, c, z]: which stacks are there,
      and when. A stack that was lost on the way is a False in `written` and zeros in `raw`.

    OME-Zarr 0.5 allows no more than five axes (time, channel, three of space) in an image, so
    `raw` is a plain array whose axes are named by Zarr's own `dimension_names`; scales and recipe
    stand in the group's attributes under "livesim". The arrays grow along position, t, c and z.

    While recording the folder is called NAME.partial; `close` gives it its name. Chunks appear
    whole or not at all, and a stack is marked written after its pixels, so a crash at any moment
    leaves NAME.partial readable, with everything recorded before. (The arrays are lengthened one
    after the other, so after a crash their sizes may differ; what is marked written is in all.)

    Parameters
    ----------
    path
        The folder to be, NAME.zarr.
    layout
        Shape and scales of the stacks.
    recipe
        Settings, and whatever else is known.
    dtype
        Of the camera's counts.
    shard
        Time points whose stacks share a file; see `livesim.config.RecordingSettings`.
    sync
        When what is written is brought to the disk itself; see there as well.

    Raises
    ------
    DataError
        If NAME or NAME.partial exists already, or the folder it belongs in does not.
    """

    def __init__(
        self,
        path: Path,
        layout: RawLayout,
        recipe: Recipe,
        dtype: np.dtype[Any] | None = None,
        *,
        shard: int = 1,
        sync: Sync = "close",
    ) -> None:
        self._layout = layout
        self._folder = RecordingFolder(path, recipe, _raw_attributes(layout))
        counts = np.dtype(np.uint16) if dtype is None else dtype
        self._dtype = counts
        chunks = (1, 1, 1, 1, *layout.shape)
        pixels = self._folder.root.create_array(
            "raw",
            shape=(0, 0, 0, 0, *layout.shape),
            chunks=chunks,
            shards=sharded(chunks, RAW_AXES.index("t"), shard),
            dtype=counts.newbyteorder("<"),
            compressors=stated_codec(counts),
            dimension_names=RAW_AXES,
            # One flat folder of chunks; nested ones would be seven folders deep for every stack.
            chunk_key_encoding={"name": "default", "separator": "."},
        )
        log = {"last_received_ns": np.int64, "exposure_ms": np.float64}
        syncing = self._folder.syncing(sync, pixels)
        self._stacks = GrowingStacks(self._folder.root, pixels, RAW_AXES[:4], log, syncing)
        self._syncing = syncing

    def write(self, stack: RawStack) -> None:
        """Append or insert one complete stack.

        Raises
        ------
        ValueError
            If its shape or dtype is not the recording's, or the recording is closed.
        FolderGoneError
            If the recording no longer lies where it was opened.
        """
        self._folder.check_open()
        if stack.pixels.shape != self._layout.shape or stack.pixels.dtype != self._dtype:
            raise ValueError(
                f"expected {self._dtype} {self._layout.shape}, "
                f"found {stack.pixels.dtype} {stack.pixels.shape}"
            )
        at = stack.index
        with self._folder.staying():
            self._stacks.put(
                (at.position, at.time, at.channel, at.z),
                stack.pixels,
                {"last_received_ns": stack.last_received_ns, "exposure_ms": stack.exposure_ms},
            )

    def rest(self) -> None:
        """Bring what was written to the disk, where that is due: no stack has come for a while."""
        self._syncing.rest()

    def close(self) -> None:
        """Cut the arrays to what was recorded and give the folder its name."""
        if self._folder.is_open:
            with self._folder.staying():
                self._stacks.trim()
            self._folder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Whatever ended the run, what was recorded is whole and worth keeping.
        self.close()


class ResultRecorder:
    """Record the results of a live run as OME-Zarr 0.5, TCZYX float32, for as long as it takes.

    Everything as for `OmeZarr`, except that positions, times, channels and z grow with what comes,
    see `GrowingPositions`, and as for `RawRecorder` while recording. Beside
    the image lie the arrays `written`, `networks`, `last_received_ns` and `published_ns`
    [t, c, z]; a result that never came is a False in `written` and NaN in the image, one on which
    no network has worked a False in `networks`. A second, fuller result of a stack replaces its
    first one.

    Parameters
    ----------
    path
        The folder to be, NAME.ome.zarr.
    layout
        Shape and scales; its time, channel and z are not used.
    recipe
        How the results are made.
    shard
        Time points whose images share a file; see `livesim.config.RecordingSettings`.

    Raises
    ------
    DataError
        If NAME or NAME.partial exists already, or the folder it belongs in does not.
    """

    def __init__(self, path: Path, layout: OutputLayout, recipe: Recipe, *, shard: int = 1) -> None:
        self._layout = layout
        self._folder = RecordingFolder(path, recipe, {"pixel_nm": layout.pixel_nm})
        self._positions = GrowingPositions(self._folder, layout, path.name, shard)

    def write(self, result: Result) -> None:
        """Append or insert the image of one result.

        Raises
        ------
        ValueError
            If its shape is not the recording's, or the recording is closed.
        FolderGoneError
            If the recording no longer lies where it was opened.
        """
        self._folder.check_open()
        self._layout.check_shape(result.image)
        log = {
            "last_received_ns": result.last_received_ns,
            "published_ns": result.published_ns,
            "networks": result.plain is not None,
        }
        self._positions.put(result.index, result.image, log)

    def close(self) -> None:
        """Cut the arrays to what was recorded and give the folder its name."""
        if self._folder.is_open:
            self._positions.finish()
            self._folder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Whatever ended the run, what was recorded is whole and worth keeping.
        self.close()


def _raw_attributes(layout: RawLayout) -> dict[str, Any]:
    return {
        "format": RAW_FORMAT,
        "pixel_nm": layout.pixel_nm,
        "z_step_nm": layout.z_step_nm,
        "interval_s": layout.interval_s,
        "channel_names": list(layout.channel_names),
    }
