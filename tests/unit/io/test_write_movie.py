"""Movies as players see them: their colours, and that pictures of an odd size are whole."""

from __future__ import annotations

import av
import numpy as np
import pytest

from livesim.config.settings import SettingsError
from livesim.io.write import movie as movie_module
from livesim.io.write.movie import MovieWriter
from livesim.values.errors import DataError

TOLERANCE = 3  # of 255, for the encoder


def stored(path, shape, format_):
    """Return the only frame of a movie, its pixels as they are stored or converted."""
    with av.open(str(path)) as container:
        (frame,) = container.decode(video=0)
    assert (frame.height, frame.width) == shape
    return frame.to_ndarray(format=format_)


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((255, 0, 0), (63, 102, 240)),
        ((0, 255, 0), (173, 42, 26)),
        ((0, 0, 255), (32, 240, 118)),
    ],
)
def test_colours_are_those_of_high_definition_video(tmp_path, colour, expected):
    """Y'CbCr of ITU-R BT.709 in 8 bits, from 16 to 235: what players assume of H.264."""
    path = tmp_path / "flat.mp4"
    with MovieWriter(path, (32, 48), 10) as movie:
        movie.write(np.full((32, 48, 3), colour, np.uint8))
    planes = stored(path, (32, 48), "yuv420p")
    brightness, rest = planes[:32], planes[32:].reshape(2, -1)
    found = (brightness.mean(), *rest.mean(axis=1))
    np.testing.assert_allclose(found, expected, atol=TOLERANCE)
    with av.open(str(path)) as container:
        coded = container.streams.video[0].codec_context
        assert (coded.colorspace, coded.color_range) == (1, 1)  # BT.709, limited: ITU-T H.273


def test_an_existing_movie_is_kept(tmp_path):
    path = tmp_path / "mine.mp4"
    path.write_text("mine")
    with pytest.raises(DataError, match="exists already"):
        MovieWriter(path, (32, 48), 10)
    assert path.read_text() == "mine"


def test_without_an_encoder_no_movie_is_begun(tmp_path, monkeypatch):
    monkeypatch.setattr(movie_module, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match="expected PyAV, which encodes movies, found none"):
        MovieWriter(tmp_path / "none.mp4", (32, 48), 10)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("shape", "even"), [((32, 48), (32, 48)), ((33, 48), (34, 48)), ((32, 49), (32, 50))]
)
def test_a_picture_of_an_odd_size_is_whole_and_stays_in_its_place(tmp_path, shape, even):
    picture = np.full((*shape, 3), 80, np.uint8)
    picture[:8, :8] = picture[-9:, -9:] = 200
    path = tmp_path / "odd.mp4"
    with MovieWriter(path, shape, 10) as movie:
        movie.write(picture)
    brightness = stored(path, even, "yuv420p")[: even[0], : even[1]]
    assert np.all(brightness[shape[0] :] < 40)  # black: 16
    assert np.all(brightness[:, shape[1] :] < 40)
    found = stored(path, even, "rgb24")[: shape[0], : shape[1]]
    # Away from edges, where colours are shared by two pixels each way.
    np.testing.assert_allclose(found[:6, :6], 200, atol=4)
    np.testing.assert_allclose(found[-6:-1, -6:-1], 200, atol=4)
    np.testing.assert_allclose(found[12:-12, 12:-12], 80, atol=4)
