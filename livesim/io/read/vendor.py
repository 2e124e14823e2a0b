"""Read the files of microscopes' makers through the plugins of bioio, plane by plane.

The extra `vendor` brings bioio and the plugins for Nikon, Zeiss and Leica; any other
one of bioio's plugins works once it is installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from livesim.io.read.metadata import names_of, not_square, positive
from livesim.io.read.planes import PlaneFile, consecutive, expecting
from livesim.values.errors import DataError
from livesim.values.frames import Pixels


@dataclass(frozen=True, slots=True)
class _Maker:
    """A maker's format, and what reads it."""

    name: str
    begins: tuple[bytes, ...]
    plugin: str
    at: int = 0
    """Where the second of `begins` stands."""

    def fits(self, start: bytes) -> bool:
        """Whether a file that begins so has the format."""
        return start.startswith(self.begins[0]) and start[self.at :].startswith(self.begins[-1])


MAKERS = (
    _Maker("Nikon ND2", (b"\xda\xce\xbe\x0a",), "bioio-nd2"),
    _Maker("Zeiss CZI", (b"ZISRAWFILE",), "bioio-czi"),
    _Maker("Leica LIF", (b"\x70\x00\x00\x00", b"\x2a"), "bioio-lif", 8),
    # Through Bio-Formats, which is under the GPL and runs in Java: no extra of livesim brings it.
    _Maker("Olympus OIR", (b"OLYMPUSRAWFORMAT",), "bioio-bioformats"),
)
AXIS_NAMES = {"T": "time", "C": "channel", "Z": "z", "H": "phase", "R": "angle"}
"""H and R: what Zeiss calls phase and rotation."""
START_BYTES = 16
BAD_VENDOR = (Exception,)
"""What plugins raise is theirs to choose: Zeiss' has exceptions that derive from nothing else."""


def begins_as_vendor(start: bytes) -> bool:
    """Whether a file begins as one of a maker."""
    return any(maker.fits(start) for maker in MAKERS)


def open_vendor(source: Path) -> PlaneFile:
    """Open a maker's file; its scenes are positions.

    Raises
    ------
    DataError
        If bioio or its plugin is not installed, or cannot read the file.
    """
    with source.open("rb") as file:
        start = file.read(START_BYTES)
    maker = next(one for one in MAKERS if one.fits(start))
    bioio = _bioio(source, maker)
    unknown = import_module("bioio_base.exceptions").UnsupportedFileFormatError
    with expecting("a file that bioio reads", source, *BAD_VENDOR):
        try:
            image = bioio.BioImage(source)
        except unknown as error:
            raise DataError(
                f"{source}: expected a whole {maker.name} file and {maker.plugin}, which reads it, "
                f"found that one of them is missing: pip install {maker.plugin}"
            ) from error
        return _opened(image, source)


def _bioio(source: Path, maker: _Maker) -> Any:
    try:
        return import_module("bioio")
    except ModuleNotFoundError as error:
        raise DataError(
            f"{source}: expected bioio, which reads {maker.name} files, found it not installed: "
            f"pip install bioio {maker.plugin}"
        ) from error


def _opened(image: Any, source: Path) -> PlaneFile:
    pixels = [_scene(image, name) for name in image.scenes]
    names, shape = pixels[0].dims, pixels[0].shape
    if names[-2:] != ("Y", "X") or any(one.shape != shape or one.dims != names for one in pixels):
        raise DataError(
            f"{source}: expected scenes of one shape [..., y, x], found "
            f"{sorted({(one.dims, one.shape) for one in pixels})}"
        )
    sizes = (len(pixels), *shape[:-2])
    axes = tuple(AXIS_NAMES.get(name, name.lower()) for name in names[:-2])
    each = int(np.prod(shape[:-2]))

    def read(number: int) -> Pixels:
        place = np.unravel_index(number % each, shape[:-2])
        with expecting(f"a readable frame {number}", source, *BAD_VENDOR):
            plane = np.asarray(pixels[number // each].data[tuple(int(at) for at in place)])
        if not plane.any():  # bioio fills up with zeros what was never recorded
            raise DataError(f"{source}: expected a frame {number}, found nothing but zeros")
        return plane

    scale = image.physical_pixel_sizes
    x_nm, y_nm = positive(scale.X, 1e3), positive(scale.Y, 1e3)
    return PlaneFile(
        source=source,
        frame_shape=(shape[-2], shape[-1]),
        dtype=pixels[0].dtype,
        grid=consecutive(("position", *axes), sizes),
        read=read,
        close=lambda: None,  # bioio opens the file for every frame
        pixel_nm=x_nm,
        z_step_nm=positive(scale.Z, 1e3),
        channel_names=names_of([str(name) for name in image.channel_names or ()]),
        warnings=not_square(x_nm, y_nm, source),
    )


def _scene(image: Any, name: str) -> Any:
    """Return the array of a scene with the names of its axes; nothing is read yet."""
    image.set_scene(name)
    return image.reader.xarray_dask_data
