"""Zarr folders that were stopped, and those of several positions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import zarr

from tests.support.reader_faults.case import (
    BOTH,
    FIRST_AND_PART,
    FRAMES,
    POSITIONS,
    SECOND_STOPPED,
    TRUTH,
    Case,
    X,
    Y,
    at_times,
)
from tests.support.reader_faults.tiff import TORN


def zarr_array(frames=FRAMES, planned=90, name="raw.zarr", **options):
    """Return a builder of a Zarr array of which only the first frames were written."""

    def build(folder: Path) -> Path:
        shape = (planned, *frames.shape[1:])
        chosen = {"chunks": (1, Y, X), "dtype": np.uint16} | options
        zarr.create_array(folder / name, shape=shape, **chosen)[: len(frames)] = frames
        return folder / name

    return build


def ome_axes(names):
    types = {"t": "time", "c": "channel", "y": "space", "x": "space", "z": "space"}
    return [{"name": name, **({"type": types[name]} if name in types else {})} for name in names]


def multiscale(group, path, frames, names="tyx", **options):
    """Write one image below an OME-Zarr group; return what its attributes say."""
    group.create_array(path, data=frames, chunks=(*(1,) * (frames.ndim - 2), Y, X), **options)
    return {"axes": ome_axes(names), "datasets": [{"path": path}]}


def ome_image(group, frames, names="tyx"):
    image = multiscale(group, "0", frames, names)
    say(group, multiscales=[image])
    return group


def say(group, **values):
    if group.metadata.zarr_format == 3:
        group.attrs["ome"] = {"version": "0.5", **values}
    else:
        group.attrs.update(values)


def stopped_ome_zarr(folder: Path) -> Path:
    group = zarr.create_group(folder / "raw.ome.zarr")
    pixels = group.create_array("0", shape=(90, Y, X), chunks=(1, Y, X), dtype=np.uint16)
    pixels[:22] = FRAMES[:22]
    say(group, multiscales=[{"axes": ome_axes("tyx"), "datasets": [{"path": "0"}]}])
    return folder / "raw.ome.zarr"


def zarr_with_a_hole(folder: Path) -> Path:
    path = zarr_array(planned=27)(folder)
    (path / "c" / "13" / "0" / "0").unlink()
    return path


def zarr_with_a_torn_frame(folder: Path) -> Path:
    """A frame of four chunks, of which a crash left three."""
    path = zarr_array(planned=27, chunks=(1, Y // 2, X // 2))(folder)
    (path / "c" / "26" / "1" / "1").unlink()
    return path


def zarr_named(folder: Path) -> Path:
    names = ("time", "angle", "phase", "y", "x")
    shape = (10, 3, 3, Y, X)
    array = zarr.create_array(
        folder / "raw.zarr", shape=shape, chunks=(1, 1, 3, Y, X), dtype="u2", dimension_names=names
    )
    array[:2] = FRAMES[:18].reshape(2, 3, 3, Y, X)
    array[2, 0] = FRAMES[18:21]
    return folder / "raw.zarr"


LEFT = "found 4 at time 2 and none in 7 others; the 2 whole ones are used"
STOPPED_ZARR = (
    Case("OME-Zarr 0.5", "stopped at 22 of 90 frames", stopped_ome_zarr, at_times(0, 1), LEFT),
    Case("Zarr 3", "stopped, in chunks of 4", zarr_array(FRAMES[:22], chunks=(4, Y, X)),
         at_times(0, 1), LEFT),
    Case("Zarr 3", "stopped, in shards of 10", zarr_array(FRAMES[:22], shards=(10, Y, X)),
         at_times(0, 1), LEFT),
    Case("Zarr 3", "stopped, in shards of 12 with chunks of 4",
         zarr_array(FRAMES[:22], shards=(12, Y, X), chunks=(4, Y, X), planned=96),
         at_times(0, 1), "found 4 at time 2 and none in 8 others; the 2 whole ones are used"),
    Case("Zarr 2", "stopped", zarr_array(FRAMES[:22], zarr_format=2), at_times(0, 1), LEFT),
    Case("Zarr 2", "stopped, nested folders, tiles",
         zarr_array(FRAMES[:22], zarr_format=2, chunks=(1, Y // 2, X),
                    chunk_key_encoding={"name": "v2", "separator": "/"}),
         at_times(0, 1), LEFT),
    Case("Zarr 3", "stopped, in chunks of 4 that NaN fills up",
         zarr_array(FRAMES[:22].astype(np.float32), chunks=(4, Y, X), dtype=np.float32,
                    fill_value=np.nan),
         at_times(0, 1), LEFT),
    Case("Zarr 3", "stopped, named axes", zarr_named, at_times(0, 1),
         "found 3 at time 2 and none in 7 others; the 2 whole ones are used"),
    Case("Zarr 3", "a chunk missing", zarr_with_a_hole, at_times(0, 2),
         r"found 8 at time 1 \(without angle 1, phase 1\); the 2 whole ones are used"),
    Case("Zarr 3", "a frame of which a part is missing", zarr_with_a_torn_frame, at_times(0, 1),
         r"found 8 at time 2 \(without angle 2, phase 2\); the 2 whole ones are used"),
    Case("Zarr 3", "planned as 22 frames", zarr_array(FRAMES[:22], planned=22),
         at_times(0, 1), TORN),
)  # fmt: skip


def named_series(names, zarr_format=3, listed=True):
    """Return a builder of a group of positions, as bioformats2raw lays it out."""

    def build(folder: Path) -> Path:
        root = zarr.create_group(folder / "raw.ome.zarr", zarr_format=zarr_format)
        say(root, **{"bioformats2raw.layout": 3})
        for position, name in enumerate(names):
            ome_image(root.create_group(name), TRUTH[position])
        if listed:
            say(root.create_group("OME"), series=list(names))
        return folder / "raw.ome.zarr"

    return build


def groups_without_a_word(folder: Path) -> Path:
    """Positions 2 and 10, which sort the other way round by their letters."""
    root = zarr.create_group(folder / "raw.zarr")
    for position, name in enumerate(("pos2", "pos10")):
        ome_image(root.create_group(name), TRUTH[position])
    return folder / "raw.zarr"


def plate(zarr_format=3, fields=1):
    """Return a builder of a plate: its fields are positions, well by well."""

    def build(folder: Path) -> Path:
        root = zarr.create_group(folder / "raw.ome.zarr", zarr_format=zarr_format)
        wells = ["A/1"] if fields == 2 else ["A/1", "B/2"]
        say(root, plate={"wells": [{"path": path} for path in wells], "name": "p"})
        position = 0
        for path in wells:
            well = root.create_group(path)
            say(well, well={"images": [{"path": f"f{n}"} for n in range(fields)]})
            for number in range(fields):
                ome_image(well.create_group(f"f{number}"), TRUTH[position])
                position += 1
        return folder / "raw.ome.zarr"

    return build


def one_well(folder: Path) -> Path:
    return plate(fields=2)(folder) / "A" / "1"


def several_multiscales(folder: Path) -> Path:
    root = zarr.create_group(folder / "raw.ome.zarr", zarr_format=2)
    say(root, multiscales=[multiscale(root, str(p), TRUTH[p]) for p in range(POSITIONS)])
    return folder / "raw.ome.zarr"


def of_different_size(cut_frames):
    def build(folder: Path) -> Path:
        root = zarr.create_group(folder / "raw.ome.zarr", zarr_format=2)
        images = [multiscale(root, "0", FRAMES), multiscale(root, "1", cut_frames(TRUTH[1]))]
        say(root, multiscales=images)
        return folder / "raw.ome.zarr"

    return build


ZARR_POSITIONS = (
    Case("OME-Zarr 0.5", "positions with names", named_series(("Pos0", "Pos1")), BOTH),
    Case("OME-Zarr 0.5", "positions in an order of their own", named_series(("b", "a")), BOTH),
    Case("OME-Zarr 0.4", "positions with names", named_series(("Pos0", "Pos1"), 2), BOTH),
    Case("OME-Zarr 0.5", "positions, not listed", named_series(("p0", "p1"), listed=False), BOTH),
    Case("OME-Zarr 0.5", "groups of images, nothing said", groups_without_a_word, BOTH),
    Case("OME-Zarr 0.5", "plate of two wells", plate(), BOTH),
    Case("OME-Zarr 0.5", "plate of one well with two fields", plate(fields=2), BOTH),
    Case("OME-Zarr 0.4", "plate of two wells", plate(2), BOTH),
    Case("OME-Zarr 0.5", "one well of a plate", one_well, BOTH),
    Case("OME-Zarr 0.4", "several images in one group", several_multiscales, BOTH),
    Case(
        "OME-Zarr 0.4",
        "positions of different length",
        of_different_size(lambda frames: frames[:13]),
        FIRST_AND_PART,
        SECOND_STOPPED,
    ),
    Case(
        "OME-Zarr 0.4",
        "several images of different frames in one group",
        of_different_size(lambda frames: frames[..., :8]),
        None,
        r"expected positions of one shape and type, found \(27, .* and \(27, 12, 8\) ",
    ),
)
