"""Write a recording, or a part of it, in the format that the name of the file asks for."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from livesim.commands.export.cut import Cut, Ranges, cuts
from livesim.commands.export.data import export_imagej, export_ome, imagej_steps
from livesim.commands.export.movie import MovieRequest, check_movie, export_movie
from livesim.commands.export.source import RAW, RESULT, open_source, recorded, title
from livesim.commands.progress import Step, counted_steps, print_json
from livesim.config.settings import SettingsError
from livesim.io.write.movie import check_encoder
from livesim.io.write.placement import Placement

OME = (".ome.tif", ".ome.tiff", ".ome.zarr")
IMAGEJ = (".tif", ".tiff")
MOVIE = (".mp4",)


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
        files = recorded(request.recording)
        whole = stack.enter_context(open_source(files, request.what))
        if request.interval_s is not None:
            whole = whole.every(request.interval_s)
        parts = cuts(whole, request.ranges, projected=request.projected)
        beside = [stack.enter_context(open_source(files, kind)) for kind in _beside(request)]
        rows = [[*(cut.of(other) for other in beside), cut] for cut in parts]
        titles = [title(kind, one) for kind, one in zip(_beside(request), beside, strict=True)]
        titles.append(title(request.what, whole))
        targets = _targets(request.out, suffix, parts)
        for target in targets:
            Placement(target, overwrite=request.overwrite)
        total = sum(_steps(cut, suffix) for cut in parts)
        with counted_steps(total, as_json=request.as_json, tied=request.tied) as step:
            for row, target in zip(rows, targets, strict=True):
                _export(list(zip(titles, row, strict=True)), target, suffix, request, step)
    _tell(targets, request)


def _export(
    row: list[tuple[str, Cut]], out: Path, suffix: str, request: ExportRequest, step: Step
) -> None:
    cut = row[-1][1]
    if suffix in MOVIE:
        check_movie(cut)
        export_movie(row, out, request.movie, step, request.overwrite)
    elif suffix in IMAGEJ:
        export_imagej(cut, out, request.movie.look, step, overwrite=request.overwrite)
    else:
        export_ome(cut, out, step, overwrite=request.overwrite)


def _beside(request: ExportRequest) -> list[str]:
    return [request.beside] if request.beside else []


def _suffix(request: ExportRequest) -> str:
    """Return the format, by the end of the file's name; refuse what it cannot hold."""
    name = request.out.name.lower()
    known = (*OME, *IMAGEJ, *MOVIE)
    suffix = next((end for end in known if name.endswith(end)), None)
    if suffix is None:
        raise SettingsError(
            f"--out {request.out}: expected a name that ends in one of {', '.join(known)}"
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


def _tell(targets: list[Path], request: ExportRequest) -> None:
    if request.as_json:
        print_json(wrote=[str(target) for target in targets])
        return
    for target in targets:
        print(f"wrote {target}", file=sys.stderr)
