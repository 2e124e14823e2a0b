"""Look into the buffer of a Micro-Manager core, in this process or over the Java bridge."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from livesim.values.errors import DataError
from livesim.values.frames import Pixels
from livesim_acquisition.live_mode.images import BufferedImage, Peek

EMPTY = "buffer is empty"
"""What the core says where there is no such image."""


def python_peek(core: Any) -> Peek:
    """Return a function that reads the buffer of a Python core (pymmcore)."""
    import pymmcore

    def peek(before: int) -> BufferedImage | None:
        metadata = pymmcore.Metadata()
        try:
            pixels = core.get_n_before_last_image_md(before, metadata)
        except (IndexError, RuntimeError):  # the buffer holds no such image
            return None
        tags = {key: metadata.GetSingleTag(key).GetValue() for key in metadata.GetKeys()}
        return BufferedImage(tags, lambda: pixels)

    return peek


def java_peek(core: Any) -> Peek:
    """Return a function that reads the buffer of a running Micro-Manager over the Java bridge.

    Metadata and pixels cross the bridge one by one; the pixels of new images only.
    """

    def peek(before: int) -> BufferedImage | None:
        try:
            image = core.get_n_before_last_tagged_image(before)
            tags = image.tags
        except Exception as error:  # pyjavaz raises bare Exception
            if EMPTY in str(error):
                return None
            raise DataError(f"expected an image of Micro-Manager, found: {error}") from error
        return BufferedImage(tags, partial(_pixels, image, tags))

    return peek


def _pixels(image: Any, tags: Mapping[str, Any]) -> Pixels:
    """Fetch the pixels [y, x] of a `TaggedImage`, which has them as one line."""
    shape = int(tags["Height"]), int(tags["Width"])
    line: Pixels = image.pix
    if line.size != shape[0] * shape[1]:
        raise DataError(
            f"expected {shape[0]} x {shape[1]} grey pixels of a live image, found {line.size}"
        )
    return line.reshape(shape)
