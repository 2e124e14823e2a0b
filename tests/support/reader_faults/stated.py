"""Files that state another number of frames than they have, and files of other writers."""

from __future__ import annotations

import os
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import tifffile
import zarr
from ome_writers import AcquisitionSettings, Dimension, create_stream
from PIL import Image

from tests.support.reader_faults.case import ALL, FRAMES, Case, X, Y, at_times, cut
from tests.support.reader_faults.tiff import TORN, array, pages
from tests.support.reader_faults.tiff_folder import folder_of
from tests.support.reader_faults.tiff_pages import odd_pages
from tests.support.reader_faults.zarr import ome_axes, say, zarr_array


def imagej(text, **options):
    """Return a builder of the frames with a description of ImageJ."""
    return array(metadata=None, description=f"ImageJ=1.53\n{text}\n", **options)


def in_one_block(folder: Path) -> Path:
    """One directory and its frames behind each other, as ImageJ writes files beyond 4 GB."""
    path = folder / "raw.tif"
    text = "ImageJ=1.53\nimages=27\nframes=27\n"
    tifffile.imwrite(path, FRAMES[0], description=text, metadata=None)
    with path.open("ab") as file:
        file.write(FRAMES[1:].tobytes())
    return path


def by_pillow(frames=FRAMES, **options):
    """Return a builder of a TIFF that Pillow writes."""

    def build(folder: Path) -> Path:
        first, *others = [Image.fromarray(frame) for frame in frames]
        first.save(folder / "raw.tif", save_all=True, append_images=others, **options)
        return folder / "raw.tif"

    return build


def by_imageio(folder: Path) -> Path:
    imageio.imwrite(folder / "raw.tif", FRAMES)
    return folder / "raw.tif"


def by_ome_writers(frames, name="raw.ome.tiff"):
    """Return a builder of an acquisition that is planned as 90 frames."""

    def build(folder: Path) -> Path:
        axes = [("t", 90, "time"), ("y", Y, "space"), ("x", X, "space")]
        settings = AcquisitionSettings(
            root_path=folder / name,
            dimensions=[Dimension(name=one, count=size, type=kind) for one, size, kind in axes],
            dtype="uint16",
        )
        with create_stream(settings) as stream:
            for frame in frames:
                stream.append(frame)
        return folder / name

    return build


def being_written(folder: Path) -> Path:
    """A file whose writer has not ended, and will not before the test does."""
    path = folder / "raw.tif"
    with tifffile.TiffWriter(path) as tif:
        for frame in FRAMES[:22]:
            tif.write(frame, metadata=None, contiguous=False)
        blob = path.read_bytes()
    path.write_bytes(blob)
    return path


def named(name):
    def build(folder: Path) -> Path:
        return pages()(folder).rename(folder / name)

    return build


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "raw.tif")
    return folder / "raw.tif"


def folder_with_a_pipe(folder: Path) -> Path:
    folder_of("img_{}.tif", range(26))(folder)
    os.mkfifo(folder / "img_26.tif")
    return folder


def link(folder: Path) -> Path:
    (folder / "link.tif").symlink_to(pages()(folder))
    return folder / "link.tif"


def content(blob, name="raw.tif"):
    """Return a builder of a file with these bytes."""

    def build(folder: Path) -> Path:
        (folder / name).write_bytes(blob)
        return folder / name

    return build


def attributes_alone(**values):
    """Return a builder of an OME-Zarr group whose attributes are not true."""

    def build(folder: Path) -> Path:
        group = zarr.create_group(folder / "raw.zarr")
        group.create_array("0", data=FRAMES)
        say(group, **values)
        return folder / "raw.zarr"

    return build


IMAGES = [{"axes": ome_axes("tyx"), "datasets": [{"path": "1"}]}]
SCALED = [{"axes": ome_axes("tyx"), "datasets": [{"path": "0", "coordinateTransformations": [
    {"type": "scale", "scale": ["one", 1, 1]}]}]}]  # fmt: skip
FEW = (1 + np.arange(27 * Y * X) % 250).astype(np.uint8).reshape(27, Y, X)
FEW_STACKS = at_times(0, 1, 2, frames=FEW)
HALVES = (FRAMES % 2000 + 0.5).astype(np.float16)
BYTES = "expected camera counts of more than 8 bits, found uint8"
OF_FORMATS = "expected TIFF, DeltaVision .*found a file that begins with b"
STATED = (
    Case("TIFF, shape stated", "of 54 frames in place of 27",
         array(metadata=None, description='{"shape": [54, 12, 16]}'), ALL,
         "expected 54 frames as the file says, found 27.* found none in 3; the 3 "),
    Case("TIFF, shape stated", "a description that is cut off",
         array(metadata=None, description='{"shape": [27, 12'), None,
         "expected a TIFF file, found an error: invalid image description"),
    Case("ImageJ", "states 90 frames in place of 27", imagej("images=90\nframes=90"), ALL,
         "expected 90 frames as the file says, found 27"),
    Case("ImageJ", "states 90 frames in place of 27 pages",
         odd_pages(first="ImageJ=1.53\nimages=90\nframes=90\n"), ALL,
         "expected 90 frames as the file says, found 27"),
    Case("ImageJ", "states 28 frames in place of 27", imagej("images=28\nframes=28"), ALL,
         "expected 28 frames as the file says, found 27"),
    Case("ImageJ", "states 9 frames in place of 27", imagej("images=9\nframes=9"), at_times(0),
         "expected 9 frames as the file says, found 27: those behind the others are left out"),
    Case("ImageJ", "states no frames", imagej("images=0"), ALL,
         "expected a whole TIFF file, found a damaged one: ImageJ series metadata invalid"),
    Case("ImageJ", "frames in one block behind one directory", in_one_block, ALL),
    Case("ImageJ", "frames in one block, cut off",
         cut(in_one_block, lambda path: path.stat().st_size - 5 * Y * X * 2), at_times(0, 1),
         "expected 27 frames as the file says, found 22"),
    Case("OME-TIFF", "XML that is damaged",
         array(metadata=None, description="<?xml version='1.0'?><OME><Image></OME>"), ALL),
    Case("TIFF", "XML of another kind", array(metadata=None, description="<a/>"), ALL),
    Case("TIFF", "BigTIFF", array(bigtiff=True, metadata=None), ALL),
    Case("TIFF", "written by Pillow", by_pillow(), ALL),
    Case("TIFF", "written by Pillow, LZW", by_pillow(compression="tiff_lzw"), ALL),
    Case("TIFF", "written by Pillow, 32 bits", by_pillow(FRAMES.astype(np.int32)), None,
         "8 or 16 bits, or floating-point numbers, found int32: save them as uint16"),
    Case("TIFF", "written by imageio", by_imageio, ALL),
    Case("TIFF", "a palette", array(FEW, photometric="palette", metadata=None,
         colormap=np.zeros((3, 256), np.uint16)), FEW_STACKS, BYTES, loses=False),
    Case("TIFF", "three planes of colour",
         pages(np.stack([FRAMES] * 3, 1), photometric="rgb", planarconfig="separate"), None,
         "expected one way to find 9 frames .*among the axes frames 27 x frames 3, found 2"),
    Case("TIFF", "two values at each place", array(np.stack([FRAMES] * 2, -1), metadata=None,
         photometric="minisblack", planarconfig="contig"), None, "expected grey frames"),
    Case("TIFF", "16-bit float", pages(HALVES), at_times(0, 1, 2, frames=HALVES.astype("f4")),
         "found float16: offset and gain in .camera. have", loses=False),
    Case("TIFF", "complex numbers", pages(FRAMES.astype(np.complex64)), None,
         "8 or 16 bits, or floating-point numbers, found complex64"),
    Case("TIFF", "being written", being_written, at_times(0, 1), TORN),
    Case("OME-TIFF", "written by ome-writers, stopped", by_ome_writers(FRAMES[:22]),
         at_times(0, 1), TORN),
    Case("OME-Zarr 0.5", "written by ome-writers, stopped",
         by_ome_writers(FRAMES[:22], "raw.ome.zarr"), at_times(0, 1), "found 4 at time 2"),
    Case("TIFF", "a name with blanks, a line's end and other letters", named(" µ 日本\n%s.tif"),
         ALL),
    Case("TIFF", "a name of 240 letters", named("x" * 236 + ".tif"), ALL),
    Case("TIFF", "a name that is longer than disks allow",
         lambda folder: folder / ("x" * 400 + ".tif"), None, "expected something readable, found"),
    Case("TIFF", "a symbolic link", link, ALL),
    Case("TIFF", "a pipe", pipe, None, "expected a file or folder, found a pipe or a device"),
    Case("folder of TIFF files", "a pipe among them", folder_with_a_pipe, at_times(0, 1),
         "26 TIFF files: .* found 8 at time 2 "),
    Case("TIFF", "a byte", content(b"I"), None, OF_FORMATS),
    Case("TIFF", "nothing but a header", content(b"II*\0\x08\0\0\0"), None,
         "expected a TIFF file with images, found none in it"),
    Case("TIFF", "a directory of rubbish", content(b"II*\0\x08\0\0\0" + b"\xff" * 200), None,
         "expected a TIFF file, found an error: suspicious number of tags"),
    Case("TIFF", "another picture under its name", content(b"\x89PNG\r\n\x1a\n" + bytes(50)), None,
         OF_FORMATS),
    Case("DeltaVision", "a header of zeros",
         content(bytes(96) + b"\xa0\xc0" + bytes(926), "raw.dv"), None,
         "expected frames, found a header of the shape"),
    Case("Zarr 3", "no frames", zarr_array(FRAMES[:0], planned=0), None,
         "expected frames, found an array of the shape .0, 12, 16."),
    Case("OME-Zarr 0.5", "no image is listed", attributes_alone(multiscales=[]), ALL),
    Case("OME-Zarr 0.5", "an image that is not there", attributes_alone(multiscales=IMAGES), None,
         "expected a Zarr array or OME-Zarr image, found an error: no entry '1'"),
    Case("OME-Zarr 0.5", "a scale in words", attributes_alone(multiscales=SCALED), None,
         "expected a Zarr array or OME-Zarr image, found an error: "),
    Case("OME-Zarr 0.5", "a plate without wells", attributes_alone(plate={"wells": []}), ALL),
    Case("OME-Zarr 0.5", "a plate whose well is not there",
         attributes_alone(plate={"wells": [{"path": "A/1"}]}), None, "found an error: no entry"),
)  # fmt: skip
