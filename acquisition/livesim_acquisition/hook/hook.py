"""Make the functions by which pycromanager hands its images to a sender."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from livesim.io.read.metadata import micromanager_metadata
from livesim.values.frames import Pixels
from livesim_acquisition.hook.background_sender import BackgroundSender
from livesim_acquisition.hook.image_queue import CameraImage

Metadata = dict[str, Any]
ImageHook = Callable[[Pixels, Metadata], tuple[Pixels, Metadata]]
SavedHook = Callable[[Mapping[str, Any], Any], None]


def make_hook(sender: BackgroundSender) -> ImageHook:
    """Return an `image_process_fn` that streams every image and hands it on unchanged.

    It never waits and never raises: images are read, placed by their axes and sent in the sender's
    thread, which counts what it cannot send.
    """

    def hook(image: Pixels, metadata: Metadata) -> tuple[Pixels, Metadata]:
        axes = metadata.get("Axes") if isinstance(metadata, Mapping) else None
        sender.offer(partial(_from_camera, image, metadata), getattr(image, "nbytes", 0), axes)
        return image, metadata

    return hook


def make_saved_hook(sender: BackgroundSender) -> SavedHook:
    """Return an `image_saved_fn` that streams what Micro-Manager has saved.

    With the Java backend, whatever passes an `image_process_fn` crosses the bridge twice; here the
    pixels are read from the data set on disk, in the sender's thread.
    """
    # Brings dask along, more than half a second that only this hook needs.
    from livesim_acquisition.hook.saved_images import read_saved

    def read(axes: Mapping[str, Any], dataset: Any) -> CameraImage:
        pixels, metadata = read_saved(dataset, axes)
        return _camera_image(pixels, axes, metadata)

    def hook(axes: Mapping[str, Any], dataset: Any) -> None:
        sender.offer(partial(read, dict(axes), dataset), axes=axes)

    return hook


def _from_camera(image: Pixels, metadata: Metadata) -> CameraImage:
    return _camera_image(image, metadata["Axes"], metadata)


def _camera_image(pixels: Pixels, axes: Mapping[str, Any], metadata: Metadata) -> CameraImage:
    stated = micromanager_metadata({}, metadata)
    return CameraImage(pixels, axes, stated.exposure_ms or 0.0, stated.pixel_nm)
