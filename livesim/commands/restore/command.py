"""Reconstruct every raw stack of recordings into a super-resolved time-lapse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path

from rich.console import Console

from livesim.commands.progress import counted_steps, words_console
from livesim.commands.restore.plan import plan_restoration, tell_planned
from livesim.commands.restore.request import RestoreRequest
from livesim.config.settings import SettingsError
from livesim.io.read.open import open_recording
from livesim.io.recording_files import bare_name
from livesim.io.write.placement import check_apart
from livesim.io.write.results import ZARR_SUFFIXES, check_target, open_writer
from livesim.pipeline.fringes import LOOKED_AT
from livesim.values.errors import LostFrameError
from livesim.values.frames import StackIndex
from livesim.values.wording import count

_SUFFIX = ".restored.ome.tif"
_NAMED = 5
"""Raw stacks that are named where there are more."""


def targets(raws: Sequence[Path], out: Path | None) -> list[Path]:
    """Return where each result goes: `out`, files in the folder `out`, or files beside the user.

    Raises
    ------
    SettingsError
        If several recordings would go into one file, or one into itself.
    """
    found = _targets(raws, out)
    for target in found:
        check_apart(target, raws)
    return found


def _targets(raws: Sequence[Path], out: Path | None) -> list[Path]:
    if out is not None and len(raws) == 1 and not _is_folder_for_results(out):
        return [out]
    if out is not None and not _is_folder_for_results(out):
        raise SettingsError(
            f"--out {out}: expected a folder for {len(raws)} recordings, found no such folder"
        )
    folder = out or Path()
    return [folder / f"{bare_name(raw)}{_SUFFIX}" for raw in raws]


def _is_folder_for_results(out: Path) -> bool:
    """Whether results go inside: a Zarr is a folder as well, and a result itself."""
    return out.is_dir() and not _is_zarr(out)


def _is_zarr(out: Path) -> bool:
    return out.name.lower().endswith(ZARR_SUFFIXES)


def restore_file(asked: RestoreRequest) -> None:
    """Reconstruct every raw stack of a recording into one file.

    Raises
    ------
    SettingsError
        If a pyramid is to go into another file than an OME-Zarr.
    DataError
        If the recording or the pattern file cannot be used, the result exists already, or, if
        `strict`, no angle shows fringes.
    """
    console = words_console()
    check_target(asked.out, overwrite=asked.overwrite)
    if asked.pyramid and not _is_zarr(asked.out):
        raise SettingsError(
            f"--pyramid: expected a result that ends in {' or '.join(ZARR_SUFFIXES)}, found "
            f"{asked.out.name}"
        )
    with open_recording(asked.raw, asked.settings.pattern) as recording:
        restoration = plan_restoration(asked, recording, console)
        plan = restoration.plan
        with (
            counted_steps("restore", len(recording.indices), console) as step,
            open_writer(asked.out, plan.layout, plan.recipe, overwrite=asked.overwrite) as writer,
        ):
            for _ in restoration.written(recording.indices, writer.write):
                step()
            if len(left_out := tuple(restoration.left_out.values())) == len(recording.indices):
                raise left_out[0]
    if restoration.reviews is not None:
        tell_planned(asked, restoration.reviews, console)
    tell_left_out(left_out, console)
    tell_hits(sum(restoration.make.hits.values()), console)
    if len(recording.indices) > LOOKED_AT:  # else all of them were looked at before
        tell_uneven(restoration.make.uneven, console)
    console.print(f"wrote {asked.out}")


def tell_left_out(left_out: Sequence[LostFrameError | str], console: Console) -> None:
    """Say how many raw stacks could not be read, and why the first."""
    if left_out:
        words = f"{left_out[0]}; {count(len(left_out), 'raw stack')} of this kind left out"
        console.print(f"livesim: {words}")


def tell_hits(hits: int, console: Console) -> None:
    """Say how many hits of single frames, as of cosmic rays, were replaced."""
    if hits:
        console.print(f"livesim: {count(hits, 'hit')} of single frames replaced")


def tell_uneven(uneven: Mapping[StackIndex, str], console: Console) -> None:
    """Say which raw stacks have a frame that is lit otherwise than others, and what it leaves."""
    if not uneven:
        return
    names = [index.words for index in sorted(uneven, key=astuple)]
    more = f" and {len(names) - _NAMED} others" if len(names) > _NAMED else ""
    first = uneven[min(uneven, key=astuple)]
    console.print(
        f"livesim: {count(len(names), 'raw stack')} with a frame lit otherwise than the others of "
        f"its angle, which leaves stripes: {', '.join(names[:_NAMED])}{more}; in the first, {first}"
    )
