"""`livesim export` into a movie, decoded again."""

import av
import numpy as np
import pytest
import zarr

from livesim.commands.export.movie import GAP, SMALLEST_SIDE
from livesim.config.settings import SettingsError
from livesim.io.recipe import Recipe
from livesim.io.write.movie import MovieWriter
from livesim.io.write.output_layout import ERROR_SUFFIX, OutputLayout
from livesim.io.write.results import open_writer
from livesim.values.frames import StackIndex
from livesim.values.results import Result
from tests.support.recorded import (
    PIXEL_NM,
    SETTINGS,
    X,
    Y,
    export,
    open_results,
    received_ns,
    record,
    times,
)

ZOOM = 6
"""512 / 96, rounded up."""
SIZE = (ZOOM * 2 * Y, ZOOM * 2 * X)


def decoded(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def flat(folder, values, channels=1):
    """Record images of one value each, but for a dark left half."""
    with open_results(folder) as recorder:
        for time, value in enumerate(values):
            for channel in range(channels):
                picture = np.zeros((2 * Y, 2 * X), np.float32)
                picture[:, X:] = value
                index = StackIndex(time=time, channel=channel)
                recorder.write(Result("test", index, picture, picture, received_ns(index), 1))
    return folder


def longest_white_run(row):
    edges = np.flatnonzero(np.diff(np.concatenate([[0], row > 230, [0]]).astype(int)))
    return max((edges[1::2] - edges[::2]).tolist(), default=0)


def test_brightness_frames_and_size_are_as_asked(tmp_path):
    flat(tmp_path, [100.0, 50.0, 25.0])
    export(tmp_path, tmp_path / "a.mp4", "--contrast", "0:100", "--fps", "5")
    frames = decoded(tmp_path / "a.mp4")
    assert [frame.shape for frame in frames] == [(*SIZE, 3)] * 3
    centre = [float(f[SIZE[0] // 2, SIZE[1] * 3 // 4].mean()) for f in frames]
    # The same black and white throughout; 8 bits, and a little for the encoder.
    np.testing.assert_allclose(centre, (255, 127, 63), atol=3)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].average_rate == 5


def with_errors(path):
    """Write a restored file of one channel and its error."""
    layout = OutputLayout(
        y=2 * Y, x=2 * X, pixel_nm=40.0, channel=2, channel_names=("GFP", f"GFP{ERROR_SUFFIX}")
    )
    with open_writer(path, layout, Recipe(settings=SETTINGS)) as writer:
        for channel, value in enumerate((50.0, 3.0)):
            image = np.full((2 * Y, 2 * X), value, np.float32)
            writer.write(StackIndex(channel=channel), image)
    return path


def test_an_error_is_no_colour_of_a_movie_and_stays_with_the_values(tmp_path):
    restored = with_errors(tmp_path / "a.ome.tif")
    export(restored, tmp_path / "a.mp4", "--contrast", "0:100", "--no-marks")
    (frame,) = decoded(tmp_path / "a.mp4")
    np.testing.assert_allclose(frame.mean(axis=(0, 1)), 127, atol=3)  # grey, of one channel
    export(restored, tmp_path / "error.mp4", "--channel", "1", "--contrast", "0:6", "--no-marks")
    np.testing.assert_allclose(decoded(tmp_path / "error.mp4")[0].mean(), 127, atol=3)
    export(restored, tmp_path / "b.ome.zarr")
    assert zarr.open_array(tmp_path / "b.ome.zarr" / "0", mode="r")[0, :, 0, 0, 0].tolist() == [
        50.0,
        3.0,
    ]


def test_the_bar_is_as_long_as_it_says_and_the_time_is_stamped(tmp_path):
    flat(tmp_path, [0.0, 0.0])
    export(tmp_path, tmp_path / "a.mp4", "--contrast", "0:100")
    export(tmp_path, tmp_path / "bare.mp4", "--contrast", "0:100", "--no-marks")
    first, second = decoded(tmp_path / "a.mp4")
    unit_um = PIXEL_NM / 2000 / ZOOM
    # 768 pixels are 5.12 µm: a bar of 1 µm.
    drawn = max(longest_white_run(row) for row in first[-60:, :, 1])
    assert drawn == pytest.approx(1.0 / unit_um, abs=2)
    stamp = (slice(-60, None), slice(0, SIZE[1] // 2))
    assert (first[stamp] > 200).sum() > 100
    assert np.abs(first[stamp].astype(int) - second[stamp]).max() > 100  # 0.000 and 0.250
    assert decoded(tmp_path / "bare.mp4")[0].max() < 5


def test_contrast_is_that_of_the_whole_movie(tmp_path):
    flat(tmp_path, [10.0, 100.0, 40.0])
    export(tmp_path, tmp_path / "a.mp4", "--no-marks")
    centre = [float(f[SIZE[0] // 2, -20].mean()) for f in decoded(tmp_path / "a.mp4")]
    np.testing.assert_allclose(centre, (25, 255, 102), atol=4)


def test_widefield_stands_beside_the_result(tmp_path):
    folder = record(tmp_path / "stream", times(2))
    export(folder, tmp_path / "a.mp4", "--beside", "widefield")
    frames = decoded(tmp_path / "a.mp4")
    assert frames[0].shape == (SIZE[0], 2 * SIZE[1] + GAP, 3)
    gap = frames[0][:, SIZE[1] + 1 : SIZE[1] + GAP - 1]
    assert gap.max() < 60
    left, right = frames[0][200:300, 100:600], frames[0][200:300, -600:-100]
    # Noise of one pixel fills a cell of 6; interpolated to twice the sampling it is smoother.
    roughness = [np.abs(np.diff(half.astype(float), axis=1)).mean() for half in (left, right)]
    assert roughness[0] < 0.8 * roughness[1]


def test_channels_are_merged_in_their_colours(tmp_path):
    flat(tmp_path, [100.0], channels=2)
    flags = ("--contrast", "0:100,0:200", "--no-marks")
    export(tmp_path, tmp_path / "both.mp4", *flags)
    export(tmp_path, tmp_path / "second.mp4", "--channel", "1", "--lut", "cyan", *flags[2:])
    (both,) = decoded(tmp_path / "both.mp4")
    # Green at full, magenta at half.
    np.testing.assert_allclose(both[SIZE[0] // 2, -40], (127, 255, 127), atol=4)
    (second,) = decoded(tmp_path / "second.mp4")
    np.testing.assert_allclose(second[SIZE[0] // 2, -40], (0, 255, 255), atol=4)


def test_a_lost_result_is_said_to_be_none(tmp_path):
    with open_results(tmp_path) as recorder:
        for time in (0, 2):
            picture = np.ones((2 * Y, 2 * X), np.float32)
            index = StackIndex(time=time)
            recorder.write(Result("test", index, picture, picture, received_ns(index), 1))
    export(tmp_path, tmp_path / "a.mp4", "--contrast", "0:1")
    frames = decoded(tmp_path / "a.mp4")
    assert len(frames) == 3
    words = frames[1][SIZE[0] // 2 - 20 : SIZE[0] // 2 + 20]
    assert words[:, : SIZE[1] // 4].max() < 10
    assert words[:, SIZE[1] // 4 : -SIZE[1] // 4].max() > 200


def test_several_planes_need_a_choice(tmp_path):
    record(tmp_path, [StackIndex(z=z) for z in range(2)])
    with pytest.raises(SettingsError, match=r"expected --z PLACE or --max-projection"):
        export(tmp_path, tmp_path / "a.mp4")
    export(tmp_path, tmp_path / "a.mp4", "--max-projection")
    assert len(decoded(tmp_path / "a.mp4")) == 1


def test_odd_sizes_are_made_even(tmp_path):
    picture = np.full((33, 51, 3), 200, np.uint8)
    with MovieWriter(tmp_path / "odd.mp4", (33, 51), 10) as movie:
        for _ in range(3):
            movie.write(picture)
        with pytest.raises(ValueError, match=r"expected a picture of \(33, 51, 3\)"):
            movie.write(picture[1:])
    frames = decoded(tmp_path / "odd.mp4")
    assert [frame.shape for frame in frames] == [(34, 52, 3)] * 3
    np.testing.assert_allclose(frames[1][:31, :49], 200, atol=3)


def test_small_images_are_enlarged_until_the_stamp_can_be_read():
    assert SIZE[0] >= SMALLEST_SIDE
