"""Gather what is said of a network's work on volumes, for the screen and for the recipe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console

from livesim.commands.restore.trust import lines_of, show_verdicts, spread
from livesim.io.recipe import Recipe
from livesim.pipeline.volume.restorer import RestoredVolume, VolumeRestorer
from livesim.values.frames import StackIndex
from livesim.values.verdict import Verdict
from livesim.values.wording import count

_FOUND = ", found "


class VolumeReviews:
    """Judges the first, the middle and the last volume, and counts what is said of any.

    Parameters
    ----------
    volumes
        Of the recording.
    """

    def __init__(self, volumes: Sequence[StackIndex]) -> None:
        self._judged = frozenset(spread(volumes))
        self._said: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        self._verdicts: dict[StackIndex, Verdict] = {}

    def hear(self, index: StackIndex, made: RestoredVolume, restorer: VolumeRestorer) -> None:
        """Take what a network made of a volume."""
        for words in made.warnings:
            kind = words.partition(_FOUND)[0]  # what was found differs from volume to volume
            self._first.setdefault(kind, words)
            self._said[kind] += 1
        if index in self._judged:
            self._verdicts[index] = restorer.trust(made).verdict

    def amend(self, recipe: Recipe) -> Recipe:
        """Return the recipe with all that was said."""
        if not (self._said or self._verdicts):
            return recipe
        said = {"warnings": (*recipe.warnings, *self._warnings), "trust": lines_of(self._verdicts)}
        return recipe.model_copy(update=said)

    def show(self, console: Console) -> None:
        """Print the same."""
        show_verdicts(self._verdicts, "volume", console)
        for words in self._warnings:
            console.print(f"livesim: {words}")

    @property
    def _warnings(self) -> Iterator[str]:
        for kind, times in self._said.items():
            yield f"{self._first[kind]}; in {count(times, 'volume')}"
