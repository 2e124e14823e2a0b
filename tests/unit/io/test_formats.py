"""Every format, written by its own library, read back frame by frame against what was written."""

import json
import struct

import mrc
import numpy as np
import pytest
import tifffile
import zarr

from livesim.config.settings import PatternSettings, Settings
from livesim.io.read.open import FILES, FOLDERS, format_of, open_recording
from livesim.io.read.vendor import open_vendor
from livesim.io.recipe import Recipe
from livesim.io.write.output_layout import RawLayout
from livesim.io.write.recorder import RawRecorder
from livesim.values.errors import DataError
from livesim.values.frames import RawStack, StackIndex
from tests.support.reader_faults.ndtiff import ndtiff

TIMES, ANGLES, PHASES, Y, X = 2, 3, 3, 12, 16
FRAMES = ANGLES * PHASES
PATTERN = PatternSettings()
# Every pixel differs, so that a wrong frame, a wrong plane or a transposition cannot pass.
TRUTH = np.arange(TIMES * FRAMES * Y * X, dtype=np.uint16).reshape(TIMES, ANGLES, PHASES, Y, X)
SEQUENCE = TRUTH.reshape(-1, Y, X)
PIXEL_NM = 86.7
PER_UM = (1000 / PIXEL_NM,) * 2


def write_pages(path):
    tifffile.imwrite(path, SEQUENCE, metadata=None)


def write_separate_pages(path):
    with tifffile.TiffWriter(path) as tif:
        for frame in SEQUENCE:
            tif.write(frame, contiguous=False)


def write_stacks_one_by_one(path):
    with tifffile.TiffWriter(path) as tif:
        for stack in TRUTH:
            tif.write(stack, contiguous=False, photometric="minisblack")


def write_array(path):
    tifffile.imwrite(path, TRUTH, photometric="minisblack")


def write_planar_array(path):
    """What tifffile makes of an array [..., 3, y, x] unless told otherwise: planar "RGB"."""
    tifffile.imwrite(path, TRUTH, photometric="rgb", planarconfig="separate")


def write_compressed_planar_array(path):
    tifffile.imwrite(path, TRUTH, photometric="rgb", planarconfig="separate", compression="zlib")


def write_big_endian(path):
    tifffile.imwrite(path, SEQUENCE, byteorder=">")


def write_bigtiff(path):
    tifffile.imwrite(path, SEQUENCE, bigtiff=True)


def write_imagej_z(path):
    tifffile.imwrite(
        path,
        TRUTH.reshape(TIMES, FRAMES, Y, X),
        imagej=True,
        resolution=PER_UM,
        metadata={"axes": "TZYX", "unit": "um", "finterval": 0.5},
    )


def write_imagej_t(path):
    tifffile.imwrite(path, SEQUENCE, imagej=True, metadata={"axes": "TYX"})


def write_ome_time(path):
    metadata = {
        "axes": "TYX", "PhysicalSizeX": PIXEL_NM / 1000, "TimeIncrement": 500.0,
        "TimeIncrementUnit": "ms", "Plane": {"ExposureTime": [0.005] * len(SEQUENCE)},
    }  # fmt: skip
    tifffile.imwrite(path, SEQUENCE, ome=True, metadata=metadata)


def write_ome_named(path):
    """OME-TIFF with angle and phase as OME's own "modulo" axes."""
    tifffile.imwrite(path, TRUTH, ome=True, metadata={"axes": "TAPYX"})


def write_dv(path):
    mrc.imwrite(str(path), SEQUENCE, resolution=(PIXEL_NM / 1000, PIXEL_NM / 1000, 0.125))


def write_dv_signed(path):
    mrc.imwrite(str(path), SEQUENCE.astype(np.int16))


def write_zarr_v2(path):
    zarr.create_array(path, data=TRUTH, zarr_format=2)


def write_zarr_v3_named(path):
    names = ("time", "angle", "phase", "y", "x")
    zarr.create_array(path, data=TRUTH, dimension_names=names, chunks=(1, 1, 2, Y, X))


def write_zarr_group_of_one(path):
    zarr.create_group(path).create_array("raw", data=SEQUENCE)


def _ome_zarr(path, zarr_format):
    group = zarr.create_group(path, zarr_format=zarr_format)
    group.create_array("0", data=TRUTH, chunks=(1, 3, 3, Y, X))
    types = {"t": "time", "y": "space", "x": "space"}
    units = {"t": "second", "y": "micrometer", "x": "micrometer"}
    axes = [
        {"name": name, **({"type": types[name], "unit": units[name]} if name in types else {})}
        for name in ("t", "angle", "phase", "y", "x")
    ]
    scale = [0.5, 1.0, 1.0, PIXEL_NM / 1000, PIXEL_NM / 1000]
    transformations = [{"type": "scale", "scale": scale}]
    image = {
        "axes": axes,
        "datasets": [{"path": "0", "coordinateTransformations": transformations}],
    }
    return group, image


def write_ome_zarr_04(path):
    group, image = _ome_zarr(path, 2)
    group.attrs["multiscales"] = [{"version": "0.4", **image}]


def write_ome_zarr_05(path):
    group, image = _ome_zarr(path, 3)
    group.attrs["ome"] = {"version": "0.5", "multiscales": [image]}


def write_own_recording(path):
    settings = Settings.model_validate({"optics": {"numerical_aperture": 1.4, "emission_nm": 525}})
    layout = RawLayout(angles=ANGLES, phases=PHASES, y=Y, x=X, pixel_nm=PIXEL_NM, interval_s=0.5)
    with RawRecorder(path, layout, Recipe(settings=settings)) as recorder:
        for time, pixels in enumerate(TRUTH):
            index = StackIndex(time=time)
            recorder.write(RawStack("s", index, pixels, exposure_ms=5.0, last_received_ns=time))


def write_ndtiff(path, coordinates):
    """Write the frames at the coordinates [({axis: value}, frame), ...] in that order."""
    summary = {"PixelSize_um": PIXEL_NM / 1000, "Interval_ms": 500}
    return ndtiff(coordinates, summary, {"Exposure": 5.0})(path.parent)


def named_coordinates():
    for (time, angle, phase), frame in zip(np.ndindex(TIMES, 3, 3), SEQUENCE, strict=True):
        yield {"time": time, "angle": angle, "phase": phase}, frame


def write_ndtiff_named(path):
    return write_ndtiff(path, named_coordinates())


def write_ndtiff_sim(path):
    frames = enumerate(SEQUENCE)
    return write_ndtiff(path, (({"time": n // 9, "sim": n % 9}, frame) for n, frame in frames))


def write_ndtiff_time(path):
    return write_ndtiff(path, (({"time": n + 5}, frame) for n, frame in enumerate(SEQUENCE)))


def write_ndtiff_backwards(path):
    """Phases in descending order: what counts is the axes, not the place in the file."""
    return write_ndtiff(path, sorted(named_coordinates(), key=lambda one: -one[0]["phase"]))


def write_single_files(path):
    path.mkdir()
    frame = {"PixelSizeUm": PIXEL_NM / 1000, "Exposure-ms": 5.0}
    said = {"Summary": {"Interval_ms": 500}, "FrameKey-0-0-0": frame}
    (path / "metadata.txt").write_text(json.dumps(said))
    for number, pixels in enumerate(SEQUENCE):
        tifffile.imwrite(path / f"img_{number:09d}_Default_000.tif", pixels)


VENDORS = next(one.name for one in FILES if one.open is open_vendor)


# format: how to write it, file name, (pixel_nm, exposure_ms, interval_s) as stated by it
FORMATS = {
    "plain pages": (write_pages, "raw.tif", (None, None, None)),
    "separate pages": (write_separate_pages, "raw.tif", (None, None, None)),
    "stack by stack": (write_stacks_one_by_one, "raw.tif", (None, None, None)),
    "array": (write_array, "raw.tif", (None, None, None)),
    "planar array": (write_planar_array, "raw.tif", (None, None, None)),
    "compressed planar array": (write_compressed_planar_array, "raw.tif", (None, None, None)),
    "big endian": (write_big_endian, "raw.tif", (None, None, None)),
    "BigTIFF": (write_bigtiff, "raw.tif", (None, None, None)),
    "any suffix": (write_pages, "raw.data", (None, None, None)),
    "ImageJ z": (write_imagej_z, "raw.tif", (PIXEL_NM, None, 0.5)),
    "ImageJ t": (write_imagej_t, "raw.tif", (None, None, None)),
    "OME-TIFF time": (write_ome_time, "raw.ome.tif", (PIXEL_NM, 5.0, 0.5)),
    "OME-TIFF named": (write_ome_named, "raw.ome.tif", (None, None, None)),
    "DeltaVision": (write_dv, "raw.dv", (PIXEL_NM, None, None)),
    "DeltaVision, signed": (write_dv_signed, "raw.mrc", (None, None, None)),
    "Zarr v2": (write_zarr_v2, "raw.zarr", (None, None, None)),
    "Zarr v3, named": (write_zarr_v3_named, "raw.zarr", (None, None, None)),
    "Zarr group": (write_zarr_group_of_one, "raw.zarr", (None, None, None)),
    "OME-Zarr 0.4": (write_ome_zarr_04, "raw.ome.zarr", (PIXEL_NM, None, 0.5)),
    "OME-Zarr 0.5": (write_ome_zarr_05, "raw.ome.zarr", (PIXEL_NM, None, 0.5)),
    "livesim": (write_own_recording, "raw.zarr", (PIXEL_NM, 5.0, 0.5)),
    "NDTiff named": (write_ndtiff_named, "raw", (PIXEL_NM, 5.0, 0.5)),
    "NDTiff sim": (write_ndtiff_sim, "raw", (PIXEL_NM, 5.0, 0.5)),
    "Micro-Manager's single files": (write_single_files, "raw", (PIXEL_NM, 5.0, 0.5)),
    "NDTiff time": (write_ndtiff_time, "raw", (PIXEL_NM, 5.0, 0.5)),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_gives_back_what_was_written(name, tmp_path):
    write, file, stated = FORMATS[name]
    path = tmp_path / file
    path = write(path) or path
    with open_recording(path, PATTERN) as recording:
        assert recording.source == path
        assert recording.frame_shape == (Y, X)
        assert recording.stack_shape == (ANGLES, PHASES)
        assert recording.dtype == np.uint16
        assert recording.warnings == ()
        found = (recording.pixel_nm, recording.exposure_ms, recording.interval_s)
        assert [one if one is None else pytest.approx(one, rel=1e-5) for one in stated] == [*found]
        assert recording.indices == [StackIndex(time=time) for time in range(TIMES)]
        for index in reversed(recording.indices):
            stack = recording.stack(index)
            assert stack.pixels.dtype == np.uint16
            assert np.array_equal(stack.pixels, TRUTH[index.time])
        for number, frame in enumerate(recording.frames()):
            assert frame.sequence == number
            place = (frame.axes.time, frame.axes.angle, frame.axes.phase)
            assert place == np.unravel_index(number, TRUTH.shape[:3])
            assert frame.pixels.dtype.isnative
            assert type(frame.pixels) is np.ndarray  # a map of the file would end with it
            assert np.array_equal(frame.pixels, SEQUENCE[number])
        assert number == len(SEQUENCE) - 1
    with pytest.raises(DataError, match="expected an open file, found a closed one"):
        recording.plane(0)


def test_every_format_that_is_read_is_written_here(tmp_path):
    written = set()
    for at, (write, file, _) in enumerate(FORMATS.values()):
        folder = tmp_path / str(at)
        folder.mkdir()
        written.add(format_of(write(folder / file) or folder / file).name)
    written.add(VENDORS)  # in test_vendor.py
    # In tests/support/reader_faults.
    written |= {"OME-TIFF of several files", "OME-TIFF's companion files", "single TIFF files"}
    known = {one.name for one in (*FILES, *FOLDERS)}
    assert known - written == set(), "expected a line in FORMATS for every format, found none of"


def read_all(path):
    with open_recording(path, PATTERN) as recording:
        return list(recording.frames())


SINGLE_FILES = [
    name for name in FORMATS if not name.startswith(("Zarr", "OME-Z", "NDT", "livesim", "Micro"))
]
"""What damage to a file in a folder leads to, tests/support/reader_faults lists one by one."""


@pytest.mark.parametrize("keep", [0.02, 0.3])
@pytest.mark.parametrize("name", SINGLE_FILES)
def test_what_is_left_of_a_cut_file_gets_one_sentence(name, keep, tmp_path):
    write, file, _ = FORMATS[name]
    path = write(tmp_path / file) or tmp_path / file
    blob = path.read_bytes()
    path.write_bytes(blob[: int(len(blob) * keep)])
    with pytest.raises(DataError, match=r"expected .*, found ") as caught:
        read_all(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_ndtiff_frames_come_as_acquired(tmp_path):
    with open_recording(write_ndtiff_backwards(tmp_path / "raw"), PATTERN) as recording:
        assert np.array_equal(recording.stack(StackIndex(time=1)).pixels, TRUTH[1])
        assert [frame.axes.phase for frame in recording.frames()] == [2] * 6 + [1] * 6 + [0] * 6


def test_ndtiff_channels_may_be_names(tmp_path):
    frames = (
        ({"channel": channel, "z": z - 4, "angle": angle, "phase": phase}, TRUTH[z, angle, phase])
        for z, channel, angle, phase in (
            (z, channel, angle, phase)
            for z in range(2)
            for channel in ("red", "green")
            for angle, phase in np.ndindex(3, 3)
        )
    )
    with open_recording(write_ndtiff(tmp_path / "raw", frames), PATTERN) as recording:
        assert recording.sizes.channel == recording.sizes.z == 2
        assert [(index.z, index.channel) for index in recording.indices] == [
            (0, 0), (0, 1), (1, 0), (1, 1),
        ]  # fmt: skip
        stack = recording.stack(StackIndex(channel=1, z=1))
        assert np.array_equal(stack.pixels, TRUTH[1])


def test_one_file_of_an_ndtiff_folder_stands_for_the_folder(tmp_path):
    folder = write_ndtiff_named(tmp_path / "raw")
    (file,) = folder.glob("*.tif")
    with open_recording(file, PATTERN) as recording:
        assert recording.sizes.time == TIMES


def test_a_missing_frame_costs_its_own_stack_only(tmp_path):
    frames = [one for at, one in enumerate(named_coordinates()) if at != 13]
    with open_recording(write_ndtiff(tmp_path / "raw", frames), PATTERN) as recording:
        assert len(list(recording.frames())) == 17
        assert np.array_equal(recording.stack(StackIndex(time=0)).pixels, TRUTH[0])
        with pytest.raises(
            DataError, match=r"expected 9 frames.*time 1.*found 8.*angle 1, phase 1"
        ):
            recording.stack(StackIndex(time=1))


def test_an_unfinished_recording_of_livesim_is_read_as_far_as_it_goes(tmp_path):
    settings = Settings.model_validate({"optics": {"numerical_aperture": 1.4, "emission_nm": 525}})
    layout = RawLayout(angles=ANGLES, phases=PHASES, y=Y, x=X, pixel_nm=PIXEL_NM)
    recorder = RawRecorder(tmp_path / "raw.zarr", layout, Recipe(settings=settings))
    for time in (0, 2):
        recorder.write(RawStack("s", StackIndex(time=time), TRUTH[time // 2]))
    with open_recording(tmp_path / "raw.zarr.partial", PATTERN) as recording:
        assert recording.sizes.time == 3
        assert [index.time for index in recording.indices] == [0, 2]
        assert np.array_equal(recording.stack(StackIndex(time=2)).pixels, TRUTH[1])
        with pytest.raises(DataError, match=r"expected 9 frames.*time 1.*found 0"):
            recording.stack(StackIndex(time=1))
    recorder.close()


@pytest.mark.parametrize("lengthened", [1, 2, 3])
def test_a_recording_whose_engine_was_killed_while_it_grew_is_read(tmp_path, lengthened):
    settings = Settings.model_validate({"optics": {"numerical_aperture": 1.4, "emission_nm": 525}})
    layout = RawLayout(angles=ANGLES, phases=PHASES, y=Y, x=X, pixel_nm=PIXEL_NM)
    recorder = RawRecorder(tmp_path / "raw.zarr", layout, Recipe(settings=settings))
    for time, channel in ((0, 0), (1, 1)):
        index = StackIndex(time=time, channel=channel)
        recorder.write(RawStack("s", index, TRUTH[time], last_received_ns=9 - time))
    group = zarr.open_group(tmp_path / "raw.zarr.partial", mode="r+")
    for name in ("raw", "last_received_ns", "exposure_ms", "written")[:lengthened]:
        array = group[name]
        array.resize((1, 128, 3, 1, *array.shape[4:]))
    with open_recording(tmp_path / "raw.zarr.partial", PATTERN) as recording:
        assert [(one.time, one.channel) for one in recording.indices] == [(1, 1), (0, 0)]
        for index in recording.indices:
            assert np.array_equal(recording.stack(index).pixels, TRUTH[index.time])


def test_series_of_an_ome_tiff_are_positions(tmp_path):
    path = tmp_path / "raw.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tif:
        for stack in TRUTH:
            tif.write(stack.reshape(-1, Y, X), metadata={"axes": "ZYX"})
    with open_recording(path, PATTERN) as recording:
        assert recording.sizes.position == 2
        assert np.array_equal(recording.stack(StackIndex(position=1)).pixels, TRUTH[1])


def test_omx_order_with_one_plane(tmp_path):
    path = tmp_path / "raw.dv"
    frames = np.arange(15 * Y * X, dtype=np.uint16).reshape(15, Y, X)
    mrc.imwrite(str(path), frames)
    pattern = PatternSettings(phases=5, order=("phase", "z", "angle"))
    with open_recording(path, pattern) as recording:
        assert recording.sizes.z == 1
        assert np.array_equal(recording.stack(StackIndex()).pixels.reshape(15, Y, X), frames)


def test_eight_bits_are_read_with_a_warning(tmp_path):
    tifffile.imwrite(tmp_path / "raw.tif", SEQUENCE.astype(np.uint8), metadata=None)
    with open_recording(tmp_path / "raw.tif", PATTERN) as recording:
        assert recording.stack(StackIndex()).pixels.dtype == np.uint8
        (warning,) = recording.warnings
        assert "expected camera counts of more than 8 bits, found uint8" in warning


def test_a_stack_outside_the_recording(tmp_path):
    write_pages(tmp_path / "raw.tif")
    with (
        open_recording(tmp_path / "raw.tif", PATTERN) as recording,
        pytest.raises(DataError, match=r"raw\.tif: expected time 0 to 1, found 2"),
    ):
        recording.stack(StackIndex(time=2))


@pytest.mark.parametrize(
    ("sequence", "shape", "place"),
    [
        (0, (2, 3, 9), lambda wave, time, number: (wave, time, number)),  # z, then t, then w
        (1, (3, 9, 2), lambda wave, time, number: (time, number, wave)),  # w, then z, then t
        (2, (3, 2, 9), lambda wave, time, number: (time, wave, number)),  # z, then w, then t
    ],
)
def test_the_three_sequences_of_deltavision(tmp_path, sequence, shape, place):
    """Two wavelengths, three times and nine frames in z, in each order that the header knows."""
    path = tmp_path / "raw.dv"
    frames = np.arange(54 * Y * X, dtype=np.uint16).reshape(54, Y, X)
    mrc.imwrite(str(path), frames)
    blob = bytearray(path.read_bytes())
    for offset, value in ((180, 3), (182, sequence), (196, 2)):  # times, sequence, wavelengths
        struct.pack_into("<h", blob, offset, value)
    path.write_bytes(blob)
    truth = frames.reshape(*shape, Y, X)
    with open_recording(path, PATTERN) as recording:
        assert (recording.sizes.channel, recording.sizes.time, recording.sizes.z) == (2, 3, 1)
        for frame in recording.frames():
            number = frame.axes.angle * PHASES + frame.axes.phase
            at = place(frame.axes.channel, frame.axes.time, number)
            assert np.array_equal(frame.pixels, truth[at])


def damaged(blob, random):
    """Cut a file off somewhere, or overwrite a few bytes, mostly in its header."""
    if random.random() < 0.4:
        return blob[: random.integers(len(blob))]
    changed = bytearray(blob)
    for _ in range(random.choice([1, 3, 10])):
        changed[random.integers(min(len(blob), random.choice([64, 300, 1024])))] = random.integers(
            256
        )
    return bytes(changed)


@pytest.mark.parametrize("name", FORMATS)
def test_damage_is_never_worse_than_a_data_error(name, tmp_path):
    """A damaged file is read or refused in one sentence; no other error gets out."""
    write, file, _ = FORMATS[name]
    path = tmp_path / file
    path = write(path) or path
    candidates = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    files = sorted(one for one in candidates if one.stat().st_size)
    random = np.random.default_rng(20)
    for _ in range(12):
        victim = files[random.integers(len(files))]
        whole = victim.read_bytes()
        victim.write_bytes(damaged(whole, random))
        found = read_or_refuse(path)
        if isinstance(found, int):
            assert 0 < found <= len(SEQUENCE)
        else:
            assert str(tmp_path) in found
            assert "expected" in found
            assert "\n" not in found
        victim.write_bytes(whole)


def read_or_refuse(path):
    """Return how many frames could be read, or the sentence that says why none could."""
    try:
        with open_recording(path, PATTERN) as recording:
            return sum(1 for _ in recording.frames())
    except DataError as error:
        return str(error)
