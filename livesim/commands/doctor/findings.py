"""Word a finding of the doctor for the terminal, from a file or from a running stream."""

from __future__ import annotations

from typing import Protocol

from livesim.reconstruction.doctor.finding import in_words


class Told(Protocol):
    """One fault, as the doctor or a status of the engine tells it."""

    @property
    def fault(self) -> str:
        """Its name."""
        ...

    @property
    def words(self) -> str:
        """What was found, in a sentence."""
        ...

    @property
    def sureness(self) -> float:
        """Probability that it is so, 0 to 1."""
        ...

    @property
    def mend(self) -> str | None:
        """TOML that mends it: a section and the lines to set in it."""
        ...

    @property
    def advice(self) -> str:
        """What to do where no line mends it."""
        ...


def finding_lines(told: Told) -> list[str]:
    """Return a fault, how sure it is and what mends it."""
    lines = [f"  {told.fault}, {in_words(told.sureness)}: {told.words}"]
    if told.mend:
        section, *values = told.mend.splitlines()
        lines.append(f"    mend: {', '.join(values)}  (in {section})")
    if told.advice:
        lines.append(f"    {'or' if told.mend else 'do'}: {told.advice}")
    return lines


def untold_lines(undecided: tuple[str, ...]) -> list[str]:
    """Return what could not be told."""
    return [f"  not to be told: {words}" for words in undecided]
