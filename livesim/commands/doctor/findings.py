"""Print the doctor's findings, from a file or a running stream, as lines for the terminal."""

from __future__ import annotations

from livesim.values.finding import Finding, in_words


def finding_lines(finding: Finding) -> list[str]:
    """Return a fault, how sure it is and what fixes it."""
    lines = [f"  {finding.fault}, {in_words(finding.sureness)}: {finding.words}"]
    if finding.mend:
        section, *values = finding.mend.splitlines()
        lines.append(f"    fix: {', '.join(values)}  (in {section})")
    if advice := finding.advice.removeprefix("or, "):
        lines.append(f"    {'or' if finding.mend else 'do'}: {advice}")
    return lines


def undecided_lines(undecided: tuple[str, ...]) -> list[str]:
    """Return what these frames do not show, one line each."""
    return [f"  not to be told: {words}" for words in undecided]
