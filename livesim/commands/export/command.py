"""Write a recording, or a part of it, in the format that the name of the file asks for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from livesim.commands.export.cut import Cut, Ranges, cuts
from livesim.commands.export.data import export_imagej, export_ome, imagej_steps
from livesim.commands.export.gaps import HOW, LEAVES_OUT, Gaps, extended, timed_by
from livesim.commands.export.movie import MovieRequest, check_movie, export_movie
from livesim.commands.export.source import (
    PLAIN,
    RAW,
    RESULT,
    RecordingFiles,
    has_images,
    nothing_yet,
    open_source,
    recording_files,
    title,
)
from livesim.commands.progress import Step, counted_steps, print_json
from livesim.config.settings import SettingsError
from livesim.io.read.raw_time_lapse import open_widefield
from livesim.io.read.time_lapse import TimeLapse
from livesim.io.recording_files import RAW_NAME
from livesim.io.write.movie import check_encoder
from livesim.io.write.placement import Placement, check_apart
from livesim.values.errors import DataError
from livesim.values.frames import StackIndex
from livesim.values.wording import count

OME = (".ome.tif", ".ome.tiff", ".ome.zarr")
IMAGEJ = (".tif", ".tiff")
MOVIE = (".mp4",)

Row = list[tuple[str, Cut]]
"""(title, cut) of what stands beside each other in a movie; the last is what is exported."""


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What the command line asks for."""

    recording: Path
    out: Path
    movie: MovieRequest
    what: str = RESULT
    beside: str = ""
    """Shown on the left in a movie."""
    ranges: Ranges = field(default_factory=Ranges)
    projected: bool = False
    interval_s: float | None = None
    """From one time point to the next, where what the recording says of it is not wanted."""
    restore: bool = False
    """Whether raw stacks that the live run left without their image are restored first."""
    skip_gaps: bool = False
    """Whether time points with such stacks are left out."""
    overwrite: bool = False
    as_json: bool = False
    tied: bool = False


def export_recording(request: ExportRequest) -> None:
    """Write one file for each position.

    Raises
    ------
    SettingsError
        If what is asked for makes no sense.
    DataError
        If the recording has it not or cannot be read, or a file exists already.
    """
    suffix = _suffix(request)
    with ExitStack() as stack:
        files = recording_files(request.recording)
        whole, gaps = _with_gaps(files, request, stack)
        if request.interval_s is not None:
            whole = whole.every(request.interval_s)
        errors = suffix not in MOVIE
        parts = cuts(whole, request.ranges, projected=request.projected, errors=errors)
        if files.raw is None and request.what in (RESULT, PLAIN):
            gaps = gaps.with_empty(parts)
        parts, wanted, notes = _planned(parts, gaps, request)
        beside = [stack.enter_context(open_source(files, kind)) for kind in _beside(request)]
        rows = [[*(cut.of(other) for other in beside), cut] for cut in parts]
        titles = [title(kind, one) for kind, one in zip(_beside(request), beside, strict=True)]
        titles.append(title(request.what, whole))
        targets = _targets(request.out, suffix, parts)
        for target in targets:
            check_apart(target, [one for one in (files.result, files.raw) if one is not None])
            Placement(target, overwrite=request.overwrite)
        total = len(wanted) + sum(_steps(cut, suffix) for cut in parts)
        with counted_steps("export", total, as_json=request.as_json, tied=request.tied) as step:
            if wanted:
                filled = stack.enter_context(_restored(whole, files, wanted, request, step))
                rows = [[*row[:-1], row[-1].of(filled)] for row in rows]
            full = _with_images(list(zip(targets, rows, strict=True)), notes)
            for target, row in full:
                WRITERS[suffix](list(zip(titles, row, strict=True)), target, request, step)
    _report([target for target, _ in full], notes, request)


def _with_images(
    rows: Sequence[tuple[Path, list[Cut]]], notes: list[str]
) -> list[tuple[Path, list[Cut]]]:
    """Leave out positions without any image, and note it.

    Raises
    ------
    DataError
        If none is left.
    """
    cuts = [row[-1] for _, row in rows]
    empty = [cut.position for cut in cuts if cut.is_empty]
    if len(empty) == len(cuts):
        found = "; ".join((f"{count(sum(map(len, cuts)), 'place')} without a number", *notes))
        raise DataError(f"{cuts[0].whole.source}: expected images to export, found {found}")
    notes += [f"position {at} has no image: there is no file of it" for at in empty]
    return [(target, row) for target, row in rows if row[-1].position not in empty]


def _planned(
    parts: list[Cut], gaps: Gaps, request: ExportRequest
) -> tuple[list[Cut], list[StackIndex], list[str]]:
    """Return what is left of the cuts, the raw stacks to restore first, and what is to be said."""
    wanted = [index for cut in parts for index in gaps.within(cut)]
    if request.restore:
        return parts, wanted, [f"{count(len(wanted), 'image')} restored first"] if wanted else []
    notes = list(gaps.words(parts))
    if request.skip_gaps:
        parts = [gaps.skipped(cut) for cut in parts]
        left_out = "their time points are left out"
        notes = [one.replace(HOW, left_out).replace(LEAVES_OUT, left_out) for one in notes]
    return parts, [], notes


def _with_gaps(
    files: RecordingFiles, request: ExportRequest, stack: ExitStack
) -> tuple[TimeLapse, Gaps]:
    """Open what is exported, with the times of all raw stacks, and find what is missing of it."""
    what, raw = request.what, None
    if what in (RESULT, PLAIN) and files.raw is not None:
        raw = stack.enter_context(open_widefield(files.raw))
    if request.restore and raw is None:
        raise DataError(
            f"{files.given}: expected {RAW_NAME} to restore images from (--restore), and --what "
            "result or plain, found none of that"
        )
    if request.restore and raw is not None and not has_images(files, what):
        whole = nothing_yet(raw, what)
    else:
        whole = stack.enter_context(open_source(files, what))
    if what not in (RESULT, PLAIN):
        return whole, Gaps.none(whole)
    gaps = Gaps.of(whole, raw)
    return timed_by(extended(whole, gaps) if request.restore else whole, raw), gaps


def _restored(
    whole: TimeLapse,
    files: RecordingFiles,
    wanted: Sequence[StackIndex],
    request: ExportRequest,
    step: Step,
) -> AbstractContextManager[TimeLapse]:
    from livesim.commands.export.restoring import restored  # torch: only where it is needed

    assert files.raw is not None
    plain = request.what == PLAIN
    return restored(whole, files.raw, wanted, request.out.parent, step, plain)


def _write_ome(row: Row, out: Path, request: ExportRequest, step: Step) -> None:
    export_ome(row[-1][1], out, step, overwrite=request.overwrite)


def _write_imagej(row: Row, out: Path, request: ExportRequest, step: Step) -> None:
    export_imagej(row[-1][1], out, request.movie.look, step, overwrite=request.overwrite)


def _write_movie(row: Row, out: Path, request: ExportRequest, step: Step) -> None:
    check_movie(row[-1][1])
    export_movie(row, out, request.movie, step, request.overwrite)


WRITERS: dict[str, Callable[[Row, Path, ExportRequest, Step], None]] = {
    **dict.fromkeys(OME, _write_ome),
    **dict.fromkeys(IMAGEJ, _write_imagej),
    **dict.fromkeys(MOVIE, _write_movie),
}
"""By the end of the file's name."""


def _beside(request: ExportRequest) -> list[str]:
    return [request.beside] if request.beside else []


def _suffix(request: ExportRequest) -> str:
    """Return the format, by the end of the file's name; refuse what it cannot hold."""
    name = request.out.name.lower()
    suffix = next((end for end in WRITERS if name.endswith(end)), None)
    if suffix is None:
        raise SettingsError(
            f"--out {request.out}: expected a name that ends in one of {', '.join(WRITERS)}"
        )
    if request.what == RAW and suffix in OME:
        raise SettingsError(
            f"--what raw: expected --out NAME.tif or NAME.mp4, found {request.out.name}; "
            "raw.zarr itself is the raw recording as Zarr"
        )
    if request.beside and suffix not in MOVIE:
        raise SettingsError(f"--beside: expected a movie (.mp4), found {request.out.name}")
    if RAW in (request.what, request.beside) and request.beside:
        raise SettingsError("--beside: expected images beside images, found raw frames")
    if suffix in MOVIE:
        check_encoder()
    return suffix


def _steps(cut: Cut, suffix: str) -> int:
    if suffix in MOVIE:
        return len(cut.times)
    return imagej_steps(cut) if suffix in IMAGEJ else len(cut)


def _targets(out: Path, suffix: str, exported: list[Cut]) -> list[Path]:
    """Return the name of each position's file."""
    if len(exported) == 1:
        return [out]
    stem = out.name[: -len(suffix)]
    return [
        out.with_name(f"{stem}-position-{cut.position}{out.name[-len(suffix) :]}")
        for cut in exported
    ]


def _report(targets: list[Path], notes: Sequence[str], request: ExportRequest) -> None:
    if request.as_json:
        print_json(wrote=[str(target) for target in targets], notes=list(notes))
        return
    for note in notes:
        print(f"livesim: {note}", file=sys.stderr)
    for target in targets:
        print(f"wrote {target}", file=sys.stderr)
