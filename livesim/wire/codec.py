"""Encode a value as the parts of a message, and decode them again; no socket is involved.

A message is a UTF-8 JSON header whose first field is the version of the format, followed by the
pixels as raw little-endian bytes in C order. Raw frames carry one pixel buffer. Results carry two,
the image and the widefield image, and where networks made the image a third, the reconstruction
without them: a restored image is never shown without the plain ones beside it, so they must arrive
together or not at all, and as separate buffers none is copied. What step one alone and what the
networks alone give follow while a viewer asks for them (`StatusRequest.stages`). The maps of a
review follow the result that they are about, as 16-bit floats. Stream starts and ends carry no
pixels. Nothing is ever unpickled.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any, Self, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from livesim.config.errors import sentence
from livesim.values.frames import Pixels, RawFrame
from livesim.values.quoting import briefly
from livesim.values.results import Image, Result
from livesim.wire.header import MAX_HEADER_BYTES, WireError, check_version
from livesim.wire.messages import (
    FrameDtype,
    FrameHeader,
    MapsHeader,
    Message,
    ResultHeader,
    Shape,
    StreamEnd,
    StreamStart,
    TrustMaps,
)

MAX_PIXEL_BYTES = 1 << 30
"""Far above any result, far below what would exhaust a machine."""
MAX_FRAME_BYTES = 1 << 28
"""Of a raw frame: 11 500 x 11 500 pixels of 16 bits."""

_OF_FRAMES = ("stream", "sequence", "axes", "exposure_ms", "camera_ns", "sent_ns")
"""What a header says of a raw frame under the frame's own names."""
_OF_RESULTS = (
    "stream",
    "index",
    "last_received_ns",
    "published_ns",
    "rolling",
    "provisional",
    "searching",
    "volume",
)
"""Of a result, likewise."""

Buffer = bytes | memoryview


class _Envelope(BaseModel):
    """Just enough of any header to say what is wrong with it."""

    model_config = ConfigDict(extra="ignore", strict=True)

    version: int
    kind: str


def encode(message: Message) -> list[Buffer]:
    """Turn a value into the parts of a message; pixels are not copied where that can be avoided.

    Raises
    ------
    WireError
        If the pixels have a shape, dtype or size that the wire does not carry.
    """
    if isinstance(message, RawFrame):
        pixels = _bytes_of(message.pixels, MAX_FRAME_BYTES)
        return [_frame_header(message).model_dump_json().encode(), pixels]
    if isinstance(message, Result):
        header = _result_header(message).model_dump_json().encode()
        return [header, *(_bytes_of(pixels) for pixels in _images(message))]
    if isinstance(message, TrustMaps):
        return [_maps_header(message).model_dump_json().encode(), *_halved(message)]
    return [message.model_dump_json().encode()]


def decode(parts: Sequence[Buffer], received_ns: int = 0) -> Message:
    """Turn the parts of a message into a value whose pixels are read-only views of the parts.

    Raises
    ------
    WireError
        If the message has an unknown version or kind, a wrong header, or pixel buffers of
        another number or size than its header says.
    """
    header = _parse_header(parts)
    buffers = parts[1:]
    if isinstance(header, FrameHeader):
        return _frame(header, buffers, received_ns)
    if isinstance(header, ResultHeader):
        return _result(header, buffers)
    if isinstance(header, MapsHeader):
        return _maps(header, buffers)
    _expect_buffers(header.kind, buffers, 0)
    return header


AnyHeader = FrameHeader | StreamStart | StreamEnd | ResultHeader | MapsHeader
_HEADERS: dict[str, type[AnyHeader]] = {
    "frame": FrameHeader,
    "start": StreamStart,
    "end": StreamEnd,
    "result": ResultHeader,
    "maps": MapsHeader,
}


def _parse_header(parts: Sequence[Buffer]) -> AnyHeader:
    if not parts:
        raise WireError("expected a header, found an empty message")
    if len(parts[0]) > MAX_HEADER_BYTES:
        raise WireError(f"expected a header up to {MAX_HEADER_BYTES} B, found {len(parts[0])} B")
    text = bytes(parts[0])
    try:
        envelope = _Envelope.model_validate_json(text)
        check_version(envelope.version)
        if envelope.kind not in _HEADERS:
            raise WireError(
                f"expected a message of kind {', '.join(_HEADERS)}, found {briefly(envelope.kind)}"
            )
        return _HEADERS[envelope.kind].model_validate_json(text)
    except ValidationError as error:
        raise WireError(f"expected a message header ({sentence(error)})") from error


class _FrameSize(BaseModel):
    """A shape and dtype as any message with pixels states them."""

    shape: Shape
    dtype: FrameDtype

    @classmethod
    def of(cls, pixels: Pixels) -> Self:
        try:
            return cls.model_validate({"shape": pixels.shape, "dtype": pixels.dtype.name})
        except ValidationError as error:
            raise WireError(
                f"expected pixels [y, x] of {', '.join(get_args(FrameDtype))}, "
                f"found shape {pixels.shape} of {pixels.dtype.name}"
            ) from error


def _frame_header(frame: RawFrame) -> FrameHeader:
    size = _FrameSize.of(frame.pixels)
    return FrameHeader(shape=size.shape, dtype=size.dtype, **_named(frame, _OF_FRAMES))


def _named(value: object, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}


def _images(result: Result) -> list[Image]:
    """Return a result's images in the order of the wire."""
    images = (result.image, result.widefield, result.plain, result.step_one, result.network)
    return [one for one in images if one is not None]


def _result_header(result: Result) -> ResultHeader:
    for pixels in _images(result):
        if _FrameSize.of(pixels).dtype != ResultHeader.dtype:
            raise WireError(f"expected a float32 result, found {pixels.dtype.name}")
    for beside in (result.plain, result.step_one, result.network):
        if beside is not None and beside.shape != result.image.shape:
            raise WireError(
                f"expected images of the shape {result.image.shape}, found {beside.shape}"
            )
    return ResultHeader(
        shape=_FrameSize.of(result.image).shape,
        widefield_shape=_FrameSize.of(result.widefield).shape,
        plain=result.plain is not None,
        step_one=result.step_one is not None,
        network=result.network is not None,
        **_named(result, _OF_RESULTS),
    )


def _frame(header: FrameHeader, buffers: Sequence[Buffer], received_ns: int) -> RawFrame:
    _expect_buffers(header.kind, buffers, 1)
    pixels = _pixels(buffers[0], header.shape, header.dtype)
    return RawFrame(pixels=pixels, received_ns=received_ns, **_named(header, _OF_FRAMES))


def _result(header: ResultHeader, buffers: Sequence[Buffer]) -> Result:
    _expect_buffers(header.kind, buffers, 2 + header.plain + header.step_one + header.network)
    beside = iter([_pixels(buffer, header.shape, header.dtype) for buffer in buffers[2:]])
    return Result(
        image=_pixels(buffers[0], header.shape, header.dtype),
        widefield=_pixels(buffers[1], header.widefield_shape, header.dtype),
        plain=next(beside) if header.plain else None,
        step_one=next(beside) if header.step_one else None,
        network=next(beside) if header.network else None,
        **_named(header, _OF_RESULTS),
    )


def _maps_header(message: TrustMaps) -> MapsHeader:
    shapes = {image.shape for image in message.maps.values()}
    if len(shapes) != 1:
        raise WireError(f"expected maps of one shape, found {sorted(shapes)}")
    values = {
        "stream": message.stream,
        "index": message.index,
        "shape": shapes.pop(),
        "names": tuple(message.maps),
    }
    try:
        return MapsHeader.model_validate(values)
    except ValidationError as error:
        raise WireError(f"expected maps that the wire carries ({sentence(error)})") from error


def _halved(message: TrustMaps) -> list[Buffer]:
    """Return the maps as 16-bit floats: three digits are more than an eye sees of a map."""
    most = np.finfo(MapsHeader.dtype).max
    images = (np.clip(image, -most, most) for image in message.maps.values())
    return [_bytes_of(image.astype(MapsHeader.dtype)) for image in images]


def _maps(header: MapsHeader, buffers: Sequence[Buffer]) -> TrustMaps:
    _expect_buffers(header.kind, buffers, len(header.names))
    images = (_pixels(buffer, header.shape, header.dtype) for buffer in buffers)
    whole = (image.astype(np.float32) for image in images)
    maps = {str(name): image for name, image in zip(header.names, whole, strict=True)}
    return TrustMaps(stream=header.stream, index=header.index, maps=maps)


def _expect_buffers(kind: str, buffers: Sequence[Buffer], count: int) -> None:
    if len(buffers) != count:
        raise WireError(
            f"expected {count} pixel buffers in a message of kind '{kind}', found {len(buffers)}"
        )


def _bytes_of(pixels: Pixels, most: int = MAX_PIXEL_BYTES) -> memoryview:
    little = pixels.dtype.newbyteorder("<")
    contiguous = np.ascontiguousarray(pixels, dtype=little)
    if contiguous.nbytes > most:
        raise WireError(f"expected at most {most} B of pixels, found {contiguous.nbytes} B")
    # Viewed as bytes first: memoryview refuses to cast formats with an explicit byte order.
    return contiguous.reshape(-1).view(np.uint8).data


def _pixels(buffer: Buffer, shape: tuple[int, int], dtype: str) -> NDArray[Any]:
    little = np.dtype(dtype).newbyteorder("<")
    expected = math.prod(shape) * little.itemsize
    if expected > MAX_PIXEL_BYTES:
        raise WireError(f"expected at most {MAX_PIXEL_BYTES} B of pixels, found {expected} B")
    if len(buffer) != expected:
        raise WireError(
            f"expected {expected} B for {shape[0]} x {shape[1]} pixels of {dtype}, "
            f"found {len(buffer)} B"
        )
    pixels = np.frombuffer(buffer, dtype=little).reshape(shape)
    if sys.byteorder == "big":
        pixels = pixels.astype(dtype)
    pixels.flags.writeable = False
    return pixels
