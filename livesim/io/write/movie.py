"""Write pictures into an MP4 (H.264) that every player and slide program shows."""

from __future__ import annotations

from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from livesim.config.settings import SettingsError
from livesim.io.write.placement import Placement
from livesim.values.extras import install_command

QUALITY = "17"
"""x264's constant rate factor: noise and fine detail survive, at about a tenth of the size."""
BT709 = 1
LIMITED_RANGE = 1
"""As FFmpeg numbers colour space and range: what players assume of H.264."""


class MovieWriter:
    """Write an MP4 picture by picture; one is held at a time.

    Parameters
    ----------
    path
        The file; it appears when the context ends without an error.
    shape
        (y, x) of the pictures; of an odd one, a black row or column makes it even.
    fps
        Pictures a second.
    title
        Stored in the file.
    overwrite
        Replace an existing file.

    Raises
    ------
    SettingsError
        If PyAV, which encodes, is not installed.
    DataError
        If the file exists already and `overwrite` is false, or its folder does not exist.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, int],
        fps: float,
        title: str = "",
        *,
        overwrite: bool = False,
    ) -> None:
        check_encoder()
        import av  # an extra, and heavy

        self._frame = av.VideoFrame.from_ndarray
        self._shape = shape
        self._padding = ((0, shape[0] % 2), (0, shape[1] % 2), (0, 0))
        self._placement = Placement(path, overwrite=overwrite)
        with self._placement.preparing():
            self._container = av.open(
                str(self._placement.partial), "w", format="mp4", options={"movflags": "faststart"}
            )
            self._container.metadata["title"] = title
            rate = Fraction(fps).limit_denominator(1001)
            self._stream = self._container.add_stream("libx264", rate, options={"crf": QUALITY})
            self._stream.height, self._stream.width = (
                shape[0] + shape[0] % 2,
                shape[1] + shape[1] % 2,
            )
            self._stream.pix_fmt = "yuv420p"
            self._stream.codec_context.colorspace = BT709
            self._stream.codec_context.color_range = LIMITED_RANGE

    def write(self, picture: NDArray[np.uint8]) -> None:
        """Append a picture, [y, x, 3] red, green, blue.

        Raises
        ------
        ValueError
            If its size is another one.
        """
        if picture.shape != (*self._shape, 3):
            raise ValueError(f"expected a picture of {(*self._shape, 3)}, found {picture.shape}")
        frame = self._frame(np.ascontiguousarray(np.pad(picture, self._padding)), format="rgb24")
        shown = frame.reformat(
            format="yuv420p", dst_colorspace=BT709, dst_color_range=LIMITED_RANGE
        )
        self._container.mux(self._stream.encode(shown))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: object
    ) -> None:
        with self._placement:
            if kind is None:
                self._container.mux(self._stream.encode(None))
            self._container.close()
            if kind is None:
                self._placement.commit()
        self._placement.refuse(error)


def check_encoder() -> None:
    """Raise SettingsError where no movie can be made here."""
    if find_spec("av") is None:
        raise SettingsError(
            f"expected PyAV, which encodes movies, found none ({install_command('movie')})"
        )
