"""Grow an OME-Zarr of results with the positions that come, each of them an image of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import zarr

from livesim.io.write.contrast import Contrast
from livesim.io.write.growing_stacks import GrowingStacks
from livesim.io.write.ome_zarr import create_image, describe_image, list_positions
from livesim.io.write.output_layout import OutputLayout
from livesim.io.write.recording_folder import RecordingFolder
from livesim.io.write.syncing import AT_ONCE
from livesim.values.frames import StackIndex
from livesim.values.results import Image

LOG = {"last_received_ns": np.int64, "published_ns": np.int64, "networks": np.bool_}
"""What is noted of every image."""
ASIDE = "first"
"""The group of position 0 while its image is moved into it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Position:
    group: zarr.Group
    images: GrowingStacks
    contrast: Contrast


class GrowingPositions:
    """The images of all positions, [t, c, z, y, x] each; one is made when its first result comes.

    A position alone is the image at the root, several are the groups "0", "1", ... of the
    bioformats2raw layout, which lists those that are there. Where a second one comes that was not
    announced, the image at the root becomes the group "0".

    Parameters
    ----------
    folder
        Of the recording.
    layout
        Sizes and scales of an image, and how many positions were announced.
    name
        The folder's real name, which its images have too.
    shard
        Time points whose images share a file.
    """

    def __init__(
        self, folder: RecordingFolder, layout: OutputLayout, name: str, shard: int
    ) -> None:
        self._folder, self._layout = folder, layout
        self._name, self._shard = name, shard
        self._syncing = folder.syncing("close")  # an image can be made again from its raw stack
        self._positions: dict[int, _Position] = {}
        self._several = layout.position > 1
        if not self._several:
            self._begin(0, folder.root)

    def put(self, at: StackIndex, image: Image, log: Mapping[str, float]) -> None:
        """Write the image of one result.

        Raises
        ------
        FolderGoneError
            If the recording no longer lies where it was opened.
        """
        known = self._positions.get(at.position)
        beside = () if known is None else (known.images.metadata,)
        with self._folder.staying(*beside):
            position = known or self._add(at.position)
            position.images.put((at.time, at.channel, at.z), image, log)
        position.contrast.see(at.channel, image)

    def finish(self) -> None:
        """Cut the arrays to what was reached, and describe the channels.

        Raises
        ------
        FolderGoneError
            As `put`.
        """
        # Together, since a file that replaces another one waits for the disk.
        with self._folder.staying(), ThreadPoolExecutor(AT_ONCE) as pool:
            deque(pool.map(self._finish, self._positions.values()), maxlen=0)

    def _finish(self, one: _Position) -> None:
        one.images.trim()
        channels = one.images.sizes[1]
        describe_image(one.group, self._layout, self._name, channels, one.contrast)

    def _add(self, number: int) -> _Position:
        root = self._folder.root
        if not self._several:
            self._separate()
        # What a disk that was full has left of an attempt holds nothing.
        position = self._begin(number, root.create_group(str(number), overwrite=True))
        list_positions(root, self._positions)
        return position

    def _begin(self, number: int, group: zarr.Group) -> _Position:
        shape = (0, 0, 0, self._layout.y, self._layout.x)
        array = create_image(group, self._layout, shape, self._name, self._shard)
        images = GrowingStacks(group, array, "tcz", LOG, self._syncing)
        self._positions[number] = _Position(group, images, Contrast())
        return self._positions[number]

    def _separate(self) -> None:
        """Move the image at the root into the group of position 0."""
        root, folder = self._folder.root, self._folder.partial
        first = self._positions.pop(0)
        aside = root.create_group(ASIDE, overwrite=True)
        aside.attrs["ome"] = root.attrs["ome"]
        for name, _ in list(root.arrays()):
            (folder / name).rename(folder / ASIDE / name)
        (folder / ASIDE).rename(folder / "0")
        group = root["0"]
        assert isinstance(group, zarr.Group)
        first.images.moved(group)
        self._positions[0] = replace(first, group=group)
        self._several = True
