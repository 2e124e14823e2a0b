"""Micro-Manager's live mode in, a stream to the engine out, without taking any image away."""

from __future__ import annotations

from functools import partial
from threading import Event

from livesim.io.read.metadata import micromanager_metadata
from livesim_acquisition.hook.background_sender import BackgroundSender
from livesim_acquisition.hook.image_queue import CameraImage
from livesim_acquisition.live_mode.images import LiveImages
from livesim_acquisition.live_mode.stack_starts import Placed, StackStarts

POLL_S = 0.01


def stream_live_mode(
    images: LiveImages, starts: StackStarts, sender: BackgroundSender, stop: Event
) -> None:
    """Offer every image of live mode to an engine until `stop` is set.

    Raises
    ------
    DataError
        If the camera does not count its images, or can no longer be asked.
    """
    while not stop.wait(POLL_S):
        for placed in starts.place(images.new()):
            sender.offer(partial(_camera_image, placed), placed.image.pixels.nbytes)


def _camera_image(placed: Placed) -> CameraImage:
    stated = micromanager_metadata({}, dict(placed.image.metadata))
    return CameraImage(placed.image.pixels, placed.axes, stated.exposure_ms or 0.0, stated.pixel_nm)
