"""Word a finding of the doctor for the terminal, from a file or from a running stream."""

from __future__ import annotations

from typing import Protocol

from livesim.reconstruction.doctor.finding import in_words


class AnyFinding(Protocol):
    """One fault, as the doctor or a status of the engine states it."""

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


def finding_lines(finding: AnyFinding) -> list[str]:
    """Return a fault, how sure it is and what mends it."""
    lines = [f"  {finding.fault}, {in_words(finding.sureness)}: {finding.words}"]
    if finding.mend:
        section, *values = finding.mend.splitlines()
        lines.append(f"    mend: {', '.join(values)}  (in {section})")
    if finding.advice:
        lines.append(f"    {'or' if finding.mend else 'do'}: {finding.advice}")
    return lines


def untold_lines(undecided: tuple[str, ...]) -> list[str]:
    """Return what could not be finding."""
    return [f"  not to be told: {words}" for words in undecided]
