"""Review what the networks make of some raw stacks of a recording."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from rich.console import Console

from livesim.commands.restore.stacks import RestoredStack
from livesim.values.errors import LostFrameError
from livesim.values.frames import StackIndex
from livesim.values.verdict import TrustWord, Verdict

REVIEWED = 3
"""Raw stacks of a recording."""
_COLOURS = {TrustWord.TRUSTED: "green", TrustWord.LOOK: "yellow", TrustWord.DO_NOT_TRUST: "red"}


def spread(indices: Sequence[StackIndex]) -> tuple[StackIndex, ...]:
    """Return the first, the middle and the last of the raw stacks."""
    last = len(indices) - 1
    places = {round(n * last / (REVIEWED - 1)) for n in range(REVIEWED)} if indices else set()
    return tuple(indices[place] for place in sorted(places))


class Reviews:
    """The verdicts on some results of a recording, which are made before all others.

    Parameters
    ----------
    indices
        Of the recording.
    make
        Restores and examines a raw stack.
    """

    def __init__(
        self, indices: Sequence[StackIndex], make: Callable[[StackIndex], RestoredStack]
    ) -> None:
        self._made: dict[StackIndex, RestoredStack] = {}
        for index in spread(indices):
            with suppress(LostFrameError):  # left out, and said, when its turn comes
                self._made[index] = make(index)
        looked_at = [one for one in self._made.values() if one.trust is not None]
        self.tells_errors = not looked_at or any(one.error is not None for one in looked_at)
        """Whether the error of any image could be measured; True where none was looked at."""
        self.verdicts = {
            index: one.trust.verdict for index, one in self._made.items() if one.trust is not None
        }
        self.doubted = tuple(
            index.words
            for index, one in self.verdicts.items()
            if one.word is TrustWord.DO_NOT_TRUST
        )
        """Names of those in which networks have a part that is not to be trusted."""

    def take(self, index: StackIndex) -> RestoredStack | None:
        """Return a raw stack that was restored for its review; None the second time."""
        return self._made.pop(index, None)

    @property
    def lines(self) -> tuple[str, ...]:
        """What was said, one line a raw stack, for the recipe."""
        return lines_of(self.verdicts)

    def show(self, console: Console) -> None:
        """Print each word, and why it was said; equal ones once."""
        show_verdicts(self.verdicts, "image", console)


def lines_of(verdicts: Mapping[StackIndex, Verdict]) -> tuple[str, ...]:
    """Return verdicts as a recipe says them."""
    return tuple(f"{index.words}: {one.sentence}" for index, one in verdicts.items())


def show_verdicts(verdicts: Mapping[StackIndex, Verdict], what: str, console: Console) -> None:
    """Print each word and why it was said, equal ones once; `what`: an image or a volume."""
    by_sentence: dict[str, tuple[Verdict, list[str]]] = {}
    for index, one in verdicts.items():
        by_sentence.setdefault(one.sentence, (one, []))[1].append(index.words)
    for verdict, names in by_sentence.values():
        console.print(f"{what}, {', '.join(names)}: ", end="")
        console.print(verdict.word.value, style=_COLOURS[verdict.word])
        for words in (*verdict.reasons, verdict.advice):
            if words:
                console.print(f"  {words}")
