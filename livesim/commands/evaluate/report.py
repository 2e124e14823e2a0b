"""Measure images, and write a table, a CSV file and two pictures of all of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from livesim.commands.evaluate.stages import WIDEFIELD
from livesim.commands.progress import progress_bar
from livesim.io.recording_files import bare_name
from livesim.io.write.placement import Placement
from livesim.values.errors import DataError
from livesim.values.wording import count
from livesim_models.evaluation.histograms import write_histograms
from livesim_models.evaluation.montage import Example, write_montage
from livesim_models.evaluation.similarity import Picture
from livesim_models.evaluation.table import Known, Row, measure, stage_means, write_csv

CSV_NAME, HISTOGRAMS_NAME, MONTAGE_NAME = "evaluation.csv", "histograms.png", "montage.png"
NAMES = (CSV_NAME, HISTOGRAMS_NAME, MONTAGE_NAME)
WORDS = {
    "psnr_db": ("PSNR", "dB", ".2f"),
    "ssim": ("SSIM", "", ".3f"),
    "nrmse": ("NRMSE", "", ".3f"),
    "distortion_nm": ("distortion", "nm", ".1f"),
    "displacement_nm": ("displacement", "nm", ".1f"),
    "moved": ("moved", "", ".1%"),
    "invented": ("invented", "", ".1%"),
    "lost": ("lost", "", ".1%"),
    "residual_sigmas": ("residual", "sigmas", ".3f"),
    "denied": ("denied by the photons", "", ".2%"),
    "reference_resolution_nm": ("FRC against the truth", "nm", ".0f"),
    "halves_resolution_nm": ("FRC of halves", "nm", ".0f"),
    "decorrelation_nm": ("decorrelation", "nm", ".0f"),
}


def labels(paths: Sequence[Path]) -> list[str]:
    """Return a short name for each file; where names are equal, with the folder in front."""
    names = [bare_name(path) for path in paths]
    longer = [f"{path.resolve().parent.name}/{n}" for path, n in zip(paths, names, strict=True)]
    often = Counter(names)
    found = [n if often[n] == 1 else m for n, m in zip(names, longer, strict=True)]
    twice = [name for name, times in Counter(found).items() if times > 1]
    if twice:
        raise DataError(f"{twice[0]}: expected files of different names, found it twice")
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One image, as every stage shows it."""

    name: str
    stages: Mapping[str, Picture]
    known: Known
    halves: Mapping[str, tuple[Picture, Picture]] = field(default_factory=dict)


class Report:
    """Collects items, a few of them whole; writes everything at the end or nothing.

    Parameters
    ----------
    out
        Folder, made when there is something to write.
    examples
        How many items the montage shows, spread over all.
    plain
        The stage that the others are compared with.
    overwrite
        Replace the files of an earlier report.

    Raises
    ------
    DataError
        If one of the files exists already.
    """

    def __init__(self, out: Path, examples: int, plain: str, *, overwrite: bool) -> None:
        for name in NAMES:
            if (out / name).exists() and not overwrite:
                raise DataError(f"{out / name}: expected a new name, found that it exists already")
        self._out, self._examples, self._plain, self._overwrite = out, examples, plain, overwrite
        self._rows: list[Row] = []
        self._shown: list[Item] = []

    def take(self, items: Iterable[Item], count: int, console: Console) -> None:
        """Measure `count` items, with a progress bar where there is a terminal.

        Raises
        ------
        DataError
            If one cannot be held against its reference.
        """
        shown = {number * count // self._examples for number in range(self._examples)}
        with progress_bar("evaluate", count, console) as bar:
            for number, item in enumerate(bar.over(items)):
                self._add(item)
                if number in shown:
                    self._shown.append(item)

    def _add(self, item: Item) -> None:
        # The widefield does not claim to undo the blur: the photons have nothing to say to it.
        blurred = replace(item.known, counts=None)
        try:
            self._rows += [
                measure(
                    item.name,
                    stage,
                    picture,
                    blurred if stage == WIDEFIELD else item.known,
                    item.halves.get(stage),
                )
                for stage, picture in item.stages.items()
            ]
        except ValueError as error:
            raise DataError(f"{item.name}: {error}") from error

    def finish(self, console: Console) -> None:
        """Write the files, and print the mean of every metric by stage on stdout."""
        self._write()
        Console().print(self._table())
        console.print(f"wrote {', '.join(NAMES)} in {self._out}", soft_wrap=True, highlight=False)

    def _write(self) -> None:
        """Write CSV, histograms and montage; all three appear, or none."""
        made = not self._out.exists()
        self._out.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            if made:
                stack.callback(_remove_empty, self._out)
            places = [Placement(self._out / name, overwrite=self._overwrite) for name in NAMES]
            for place in places:
                stack.enter_context(place)
            table, histograms, montage = (place.partial for place in places)
            write_csv(table, self._rows)
            write_histograms(histograms, self._rows, self._plain)
            write_montage(montage, list(_examples(self._shown, self._plain)))
            for place in places:
                place.commit()

    def _table(self) -> Table:
        means = stage_means(self._rows)
        images = len({row.image for row in self._rows})
        table = Table(title=f"mean of {count(images, 'image')}")
        table.add_column("")
        for stage in means:
            table.add_column(stage, justify="right")
        for metric in next(iter(means.values())):
            name, unit, form = WORDS[metric]
            values = (_text(one[metric], form) for one in means.values())
            table.add_row(f"{name} ({unit})" if unit else name, *values)
        return table


def _remove_empty(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()


def _examples(items: Sequence[Item], plain: str) -> Iterator[Example]:
    """Yield items as the montage shows them, the plain stage in the place of a missing truth."""
    for item in items:
        known = item.known
        own = known.kind == "plain" or known.reference is None
        against = item.stages[plain] if known.reference is None else known.reference
        stages = {n: p for n, p in item.stages.items() if not (own and n == plain)}
        yield Example(item.name, known.pixel_nm, against, stages, known.kind)


def _text(value: float, form: str) -> str:
    return "" if math.isnan(value) else "none" if math.isinf(value) else format(value, form)
