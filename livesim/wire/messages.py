"""Describe the messages of streams and results: their headers, and the values that they carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from livesim.config.channels import ChannelNumber
from livesim.values.frames import FrameAxes, RawFrame, Rolling, StackIndex
from livesim.values.numbers import Count, NonNegative, Positive
from livesim.values.pattern import Pattern
from livesim.values.results import Image, Result, VolumePart
from livesim.values.verdict import MAPS
from livesim.wire.header import Header

StreamId = Annotated[str, Field(min_length=1, max_length=200)]
FrameDtype = Literal["uint8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
Sizes = Annotated[
    dict[Annotated[str, Field(max_length=40)], Annotated[int, Field(ge=1)]], Field(max_length=16)
]
Shape = tuple[Annotated[int, Field(gt=0)], Annotated[int, Field(gt=0)]]
MapName = Literal["error", "shown", "residual"]


class FrameHeader(Header):
    """What is known of a raw frame, apart from its pixels."""

    kind: Literal["frame"] = "frame"
    stream: StreamId
    sequence: Count
    axes: FrameAxes
    shape: Shape
    dtype: FrameDtype
    exposure_ms: NonNegative = 0.0
    camera_ns: Count = 0
    sent_ns: Count = 0


class StreamStart(Header):
    """What a source says before its first frame."""

    kind: Literal["start"] = "start"
    stream: StreamId
    source: Annotated[str, Field(max_length=300)] = ""
    """Who sends: a file's name, "Micro-Manager", "simulated microscope"."""
    settings: dict[str, Any] | None = None
    """The microscope's settings as in its TOML file; None leaves them to the engine's own."""
    pixel_nm: Positive | None = None
    sizes: Sizes | None = None
    """Expected length of each axis by name; None where the source does not know."""
    exposure_ms: Positive | None = None
    interval_s: Positive | None = None
    sent_ns: Count = 0
    patterns: Annotated[
        dict[ChannelNumber, Pattern] | None, Field(exclude_if=lambda known: known is None)
    ] = None
    """Channel -> its illumination, as far as the source knows it; others are estimated."""


class StreamEnd(Header):
    """What a source says after its last frame."""

    kind: Literal["end"] = "end"
    stream: StreamId
    sent: Count = 0
    unsent: Count = 0
    """Frames the source could not send."""
    aborted: bool = False
    """The source was stopped before its end."""


class ResultHeader(Header):
    """What is known of a result, apart from its pixels."""

    kind: Literal["result"] = "result"
    stream: StreamId
    index: StackIndex
    shape: Shape
    widefield_shape: Shape
    plain: bool = False
    """Whether the reconstruction without networks follows, of the image's shape."""
    step_one: bool = False
    """Whether what step one alone gives follows then, of the same shape."""
    network: bool = False
    """Whether what the networks alone give follows then, of the same shape."""
    last_received_ns: Count = 0
    published_ns: Count = 0
    rolling: Rolling | None = None
    provisional: bool = False
    """Whether a second, fuller result of the same stack may follow."""
    searching: bool = False
    """Whether the image is the widefield image once more, while the pattern is searched for."""
    volume: Annotated[VolumePart | None, Field(exclude_if=lambda part: part is None)] = None
    """Of which volume it is a plane, where there are volumes."""

    dtype: ClassVar[str] = "float32"


class MapsHeader(Header):
    """What is known of the maps of a review, apart from their pixels."""

    kind: Literal["maps"] = "maps"
    stream: StreamId
    index: StackIndex
    shape: Shape
    names: Annotated[tuple[MapName, ...], Field(min_length=1, max_length=len(MAPS))]

    dtype: ClassVar[str] = "float16"


@dataclass(frozen=True, slots=True, eq=False)
class TrustMaps:
    """Where a result can be trusted, as the engine has looked at it."""

    stream: str
    index: StackIndex
    """Of the result."""
    maps: Mapping[str, Image]
    """Name out of `livesim.values.verdict.MAPS` -> [y, x] at the centres of the raw pixels."""


Published = Result | TrustMaps | StreamStart | StreamEnd
"""What the results' socket carries."""
Message = RawFrame | Published
