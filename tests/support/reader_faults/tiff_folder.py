"""Folders of TIFF files that say nothing but what their names say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

from tests.support.reader_faults.case import ALL, FRAMES, TIMES, Case, at_times

ORDER = "expected a file that says in which order its frames were taken, found 27 TIFF files: "
BY_NUMBER = f"{ORDER}taken by the number in their names, from "


def folder_of(name, numbers=range(27), lost=(), frames=FRAMES, each=1, change=None, **options):
    """Return a builder of a folder of files; `name` formats a number, or (time, angle, phase)."""

    def build(folder: Path) -> Path:
        for at, number in enumerate(numbers):
            place = number if isinstance(number, tuple) else (number,)
            own = frames[each * at : each * at + each].squeeze()
            if at not in lost:
                made = change[1](own) if change and at == change[0] else own
                tifffile.imwrite(folder / name.format(*place), made, metadata=None, **options)
        (folder / "microscope.toml").write_text("# of the microscope")
        return folder

    return build


def and_file(name, build, content=FRAMES[0]):
    """Return a builder that adds another file to a folder."""

    def added(folder: Path) -> Path:
        path = build(folder)
        if isinstance(content, bytes):
            (path / name).write_bytes(content)
        else:
            tifffile.imwrite(path / name, content, metadata=None)
        return path

    return added


PLACES = list(np.ndindex(TIMES, 3, 3))
OF_THE_DAY = [213759 + 7 * at + 31 * (at // 9) for at in range(27)]
TIFF_FOLDERS = (
    Case("folder of TIFF files", "numbers of one and two digits", folder_of("img_{}.tif"), ALL,
         f"{BY_NUMBER}img_0.tif to img_26.tif", loses=False),
    Case("folder of TIFF files", "numbers from 1 on, padded",
         folder_of("img{:04d}.TIF", range(1, 28)), ALL, BY_NUMBER, loses=False),
    Case("folder of TIFF files", "another number that stays",
         folder_of("488nm_{}_x.tiff"), ALL, BY_NUMBER, loses=False),
    Case("folder of TIFF files", "every tenth number",
         folder_of("{}.tif", range(100, 370, 10)), ALL, BY_NUMBER, loses=False),
    Case("folder of TIFF files", "the time of the day",
         folder_of("cam {}.tif", OF_THE_DAY), ALL, BY_NUMBER, loses=False),
    Case("folder of TIFF files", "hidden files beside them",
         and_file("._img_0.tif", folder_of("img_{}.tif"), b"no TIFF"), ALL, BY_NUMBER,
         loses=False),
    Case("folder of TIFF files", "a file missing", folder_of("img_{}.tif", lost=[13]),
         at_times(0, 2), r"26 TIFF files: .* found 8 at time 1 \(without angle 1, phase 1\)"),
    Case("folder of TIFF files", "a file that is no TIFF",
         and_file("img_13.tif", folder_of("img_{}.tif", lost=[13]), b"no TIFF"), at_times(0, 2),
         r"img_13.tif: expected a TIFF file, found"),
    Case("folder of TIFF files", "a file that is empty",
         and_file("img_13.tif", folder_of("img_{}.tif", lost=[13]), b""), at_times(0, 2),
         r"img_13.tif: expected a TIFF file, found"),
    Case("folder of TIFF files", "a file of another size",
         folder_of("img_{}.tif", change=(13, lambda frame: frame[:9])), at_times(0, 2),
         "expected frames of 12 x 16 pixels, uint16, found 9 x 16, uint16, in frame 13"),
    Case("folder of TIFF files", "a file of bytes",
         folder_of("img_{}.tif", change=(13, lambda frame: frame.astype("u1"))), at_times(0, 2),
         "expected frames of 12 x 16 pixels, uint16, found 12 x 16, uint8, in frame 13"),
    Case("folder of TIFF files", "a file of two frames",
         and_file("img_13.tif", folder_of("img_{}.tif", lost=[13]), FRAMES[:2]), at_times(0, 2),
         "img_13.tif: expected 1 frame as in the first file, found 2"),
    Case("folder of TIFF files", "stopped in mid-stack", folder_of("img_{}.tif", range(22)),
         at_times(0, 1), "22 TIFF files: taken by .* found 4 at time 2; the 2 whole ones are used"),
    Case("folder of TIFF files", "a raw stack in each",
         folder_of("t{}.tif", range(3), each=9), ALL,
         "found 3 TIFF files of 9 frames each: taken by the number in their names, from t0.tif",
         loses=False),
    Case("folder of TIFF files", "numbers behind words",
         folder_of("cell3_phase{2}_angle{1}_t{0:03d}.tif", PLACES), ALL,
         r"taken by the numbers in their names \(phase, angle, time\)", loses=False),
    Case("folder of TIFF files", "numbers behind words, a file missing",
         folder_of("t{}_a{}_ph{}.tif", PLACES, lost=[13]), at_times(0, 2),
         r"taken by the numbers in .* found 8 at time 1 \(without angle 1, phase 1\)"),
    Case("folder of TIFF files", "two numbers without words",
         folder_of("{}-{}.tif", [(t, n) for t in range(3) for n in range(9)]), None,
         "expected TIFF files that are counted by one number, or by several behind words"),
    Case("folder of TIFF files", "numbers behind a p, the phase beside an angle",
         folder_of("t{}_a{}_p{}.tif", PLACES), ALL,
         r"taken by the numbers in their names \(time, angle, phase\)", loses=False),
    Case("folder of TIFF files", "numbers behind a p, the phase or the position",
         folder_of("t{}_p{}.tif", [(t, p) for t in range(3) for p in range(9)]), None,
         "expected TIFF files that are counted by one number, or by several behind words"),
    Case("folder of TIFF files", "numbers behind a p, files of several frames",
         folder_of("t{}_a{}_p{}.tif", PLACES[:9], each=3, photometric="minisblack"), None,
         "expected TIFF files that are counted by one number, or by several behind words"),
    Case("folder of TIFF files", "the frames of a raw stack behind SIM",
         folder_of("t{}_SIM{:02d}.tif", [(t, n + 1) for t in range(3) for n in range(9)]), ALL,
         r"taken by the numbers in their names \(time, sim\)", loses=False),
    Case("folder of TIFF files", "other names among them",
         and_file("beads.tif", folder_of("img_{}.tif")), None,
         "expected TIFF files whose names differ in their numbers alone, found beads.tif and img_"),
    Case("folder of TIFF files", "names without numbers",
         and_file("b.tif", and_file("a.tif", lambda folder: folder)), None,
         "expected TIFF files whose names differ in their numbers alone, found a.tif and b.tif"),
    Case("folder of TIFF files", "one number twice",
         and_file("img_013.tif", folder_of("img_{}.tif")), None,
         "expected TIFF files with a number each, found several with the same"),
    Case("folder of TIFF files", "nothing but hidden files",
         and_file("._img_0.tif", lambda folder: folder, b"no TIFF"), None,
         "expected at least 2 TIFF files that are not hidden, found 0"),
    Case("folder of TIFF files", "colour images",
         folder_of("img_{}.tif", frames=np.stack([FRAMES] * 3, -1), photometric="rgb"), None,
         "expected grey frames .y, x., found colour .RGB. images"),
)  # fmt: skip
