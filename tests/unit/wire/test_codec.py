"""Values <-> parts of a message."""

from __future__ import annotations

import json

import numpy as np
import pytest

from livesim.values.frames import FrameAxes, RawFrame, StackIndex
from livesim.values.results import Result, VolumePart
from livesim.wire import codec
from livesim.wire.codec import decode, encode
from livesim.wire.header import WireError
from livesim.wire.messages import StreamEnd, StreamStart, TrustMaps

AXES = FrameAxes(time=4, channel=1, z=2, position=3, angle=2, phase=1)


def frame(pixels) -> RawFrame:
    return RawFrame("s", 7, AXES, pixels, exposure_ms=5.0, camera_ns=11, sent_ns=12)


def image(shape, dtype="float32"):
    return np.random.default_rng(1).normal(size=shape).astype(dtype)


def result(**changes) -> Result:
    values = {"image": image((8, 12)), "widefield": image((4, 6))} | changes
    return Result("s", StackIndex(1, 2, 3, 4), last_received_ns=5, published_ns=6, **values)


def changed(parts, **changes):
    header = json.loads(parts[0]) | changes
    return [json.dumps(header).encode(), *parts[1:]]


@pytest.mark.parametrize(
    "dtype", ["uint8", "uint16", "int16", "uint32", "int32", "float32", "float64", ">u2"]
)
def test_a_frame_comes_back_as_it_went(dtype):
    sent = frame(np.arange(35).reshape(5, 7).astype(dtype))
    got = decode(encode(sent), received_ns=13)
    assert isinstance(got, RawFrame)
    np.testing.assert_array_equal(got.pixels, sent.pixels)
    assert got.pixels.dtype == sent.pixels.dtype.newbyteorder("=")
    assert (got.stream, got.sequence, got.axes, got.exposure_ms) == ("s", 7, AXES, 5.0)
    assert (got.camera_ns, got.sent_ns, got.received_ns) == (11, 12, 13)


@pytest.mark.parametrize(
    "view", [np.s_[::2, ::3], np.s_[::-1], np.s_[:, 1:]], ids=["strided", "flipped", "cut"]
)
def test_views_are_sent_as_they_look(view):
    pixels = np.arange(80, dtype=np.uint16).reshape(8, 10)[view]
    np.testing.assert_array_equal(decode(encode(frame(pixels))).pixels, pixels)


def test_pixels_are_not_copied_and_cannot_be_changed():
    pixels = np.zeros((4, 6), np.uint16)
    parts = encode(frame(pixels))
    got = decode(parts)
    pixels[0, 0] = 9
    assert got.pixels[0, 0] == 9
    assert np.shares_memory(got.pixels, pixels)
    with pytest.raises(ValueError, match="read-only"):
        got.pixels[0, 0] = 1


def test_a_result_brings_its_widefield():
    sent = result()
    got = decode(encode(sent))
    assert isinstance(got, Result)
    np.testing.assert_array_equal(got.image, sent.image)
    np.testing.assert_array_equal(got.widefield, sent.widefield)
    assert (got.index, got.last_received_ns, got.published_ns) == (StackIndex(1, 2, 3, 4), 5, 6)


def test_a_plane_says_of_which_volume_it_is_and_others_are_as_before():
    preview = decode(encode(result(volume=VolumePart(3, 32), provisional=True)))
    assert (preview.volume, preview.is_preview) == (VolumePart(3, 32), True)
    assert b"volume" not in encode(result())[0]
    with pytest.raises(WireError, match="volume"):
        decode(changed(encode(result()), volume={"have": 0, "of": 32}))


@pytest.mark.parametrize("what", ["provisional", "searching"])
def test_a_result_says_what_may_follow_it(what):
    got = decode(encode(result(**{what: True})))
    assert isinstance(got, Result)
    assert {name: getattr(got, name) for name in ("provisional", "searching")} == {
        "provisional": what == "provisional",
        "searching": what == "searching",
    }


@pytest.mark.parametrize("names", [(), ("plain",), ("network",), ("plain", "step_one", "network")])
def test_the_stages_of_a_result_that_are_there_come_back(names):
    sent = result(**{name: image((8, 12)) * len(name) for name in names})
    got = decode(encode(sent))
    for name in ("plain", "step_one", "network"):
        np.testing.assert_array_equal(getattr(got, name), getattr(sent, name))
    with pytest.raises(WireError, match=f"expected {2 + len(names)} pixel buffers"):
        decode(encode(sent)[:-1])


def test_stages_of_another_size_are_not_sent():
    with pytest.raises(WireError, match=r"expected images of the shape \(8, 12\), found \(4, 4\)"):
        encode(result(step_one=image((4, 4))))


@pytest.mark.parametrize(
    "message",
    [
        StreamStart(
            stream="s",
            source="a.tif",
            settings={"optics": {"numerical_aperture": 1.4}},
            pixel_nm=80.0,
            sizes={"time": 3},
        ),
        StreamEnd(stream="s", sent=9, unsent=1, aborted=True),
    ],
)
def test_starts_and_ends_come_back(message):
    assert decode(encode(message)) == message


def test_the_version_comes_first():
    for message in (frame(np.zeros((2, 2), np.uint8)), result(), StreamEnd(stream="s")):
        assert bytes(encode(message)[0]).startswith(b'{"version":4,')


FRAME = encode(frame(np.zeros((4, 6), np.uint16)))
RESULT = encode(result())


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([], "found an empty message"),
        ([b"\x80\x04pickle"], "expected a message header"),
        ([b"[1]"], "expected a message header"),
        ([b"\xff\xfe{}"], "expected a message header"),
        (changed(FRAME, version=1), "expected version 4 of the wire format, found 1"),
        (changed(FRAME, version="1"), "version"),
        (changed(FRAME, kind="movie"), "found 'movie'"),
        (changed(FRAME, colour="red"), "colour"),
        (changed(FRAME, shape=[4, 7]), "expected 56 B for 4 x 7 pixels of uint16, found 48 B"),
        (changed(FRAME, shape=[4]), "shape"),
        (changed(FRAME, shape=[0, 6]), "shape.0"),
        (changed(FRAME, shape=[10**6, 10**6]), "expected at most"),
        (changed(FRAME, dtype="object"), "dtype"),
        (changed(FRAME, dtype="uint8"), "expected 24 B"),
        (changed(FRAME, axes={"time": -1}), "time from 0"),
        (changed(FRAME, sequence=-1), "sequence"),
        (FRAME[:1], "expected 1 pixel buffers in a message of kind 'frame', found 0"),
        ([*FRAME, b"more"], "found 2"),
        (RESULT[:2], "expected 2 pixel buffers"),
        ([b" " * (codec.MAX_HEADER_BYTES + 1)], "expected a header up to"),
    ],
)
def test_what_cannot_be_used_is_said(parts, words):
    with pytest.raises(WireError, match=words.replace("(", r"\(")):
        decode(parts)


def test_a_header_of_the_most_bytes_is_taken():
    end = StreamEnd(stream="s")
    (header,) = encode(end)
    assert decode([bytes(header).ljust(codec.MAX_HEADER_BYTES)]) == end


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((2, 3, 4), np.uint16), np.zeros((0, 4), np.uint16), np.zeros((2, 2), np.complex64)],
)
def test_what_cannot_be_sent_is_said(pixels):
    with pytest.raises(WireError, match="expected pixels"):
        encode(frame(pixels))


def test_results_are_float32():
    with pytest.raises(WireError, match="expected a float32 result, found float64"):
        encode(result(image=image((8, 12), "float64")))


def test_too_many_pixels_are_refused(monkeypatch):
    monkeypatch.setattr(codec, "MAX_FRAME_BYTES", 10)
    with pytest.raises(WireError, match="expected at most 10 B of pixels, found 24 B"):
        encode(frame(np.zeros((4, 6), np.uint8)))


MAPS = {"residual": image((4, 6)), "error": 1e6 * image((4, 6))}


def test_maps_of_a_review_come_back_with_three_digits():
    sent = TrustMaps("s", StackIndex(1, 2, 3, 4), MAPS)
    got = decode(encode(sent))
    assert isinstance(got, TrustMaps)
    assert (got.stream, got.index, list(got.maps)) == ("s", sent.index, list(MAPS))
    np.testing.assert_allclose(got.maps["residual"], MAPS["residual"], rtol=1e-3, atol=1e-6)
    assert np.isfinite(got.maps["error"]).all()
    assert got.maps["residual"].dtype == np.float32


def test_one_map_is_enough():
    (name, shown), *_ = MAPS.items()
    got = decode(encode(TrustMaps("s", StackIndex(), {name: shown})))
    assert list(got.maps) == [name]


@pytest.mark.parametrize(
    ("maps", "words"),
    [
        ({}, "expected maps of one shape"),
        ({"residual": image((4, 6)), "shown": image((6, 4))}, "expected maps of one shape"),
        ({"other": image((4, 6))}, "expected maps that the wire carries"),
    ],
)
def test_maps_that_cannot_be_sent_are_refused(maps, words):
    with pytest.raises(WireError, match=words):
        encode(TrustMaps("s", StackIndex(), maps))


def test_maps_of_the_wrong_number_or_size_are_refused():
    parts = encode(TrustMaps("s", StackIndex(), MAPS))
    with pytest.raises(WireError, match="expected 2 pixel buffers"):
        decode(parts[:2])
    with pytest.raises(WireError, match="expected 96 B for 6 x 8 pixels of float16"):
        decode(changed(parts, shape=[6, 8]))
