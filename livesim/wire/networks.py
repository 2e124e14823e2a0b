"""Name when the networks of a running stream work: the words of the control socket."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from livesim.config.settings import SettingsError

OFF: Literal["off"] = "off"
HELD: Literal["held"] = "held"
NEWEST: Literal["newest"] = "newest"
Nth = Annotated[int, Field(ge=1, le=1_000_000)]
"""Work on every so-manieth raw stack, by its time."""
Run = Literal["off", "held", "newest"] | Nth
"""Never; only where somebody holds a picture, or at a stream's end; on the newest stack whenever
the last one is done; likewise, but on every Nth stack alone."""
_RUN: TypeAdapter[Run] = TypeAdapter(Run)


def networks_words(run: Run) -> str:
    """Return when the networks work, in words."""
    words = {OFF: "off", HELD: "only when held", NEWEST: "on the newest stack"}
    return words[run] if isinstance(run, str) else f"on every {ordinal(run)} stack"


def ordinal(number: int) -> str:
    """Return 1st, 2nd, 3rd, 4th and so on."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if 10 <= number % 100 <= 20 else ending}"


def run_of(text: str) -> Run:
    """Return what a person writes: off, held, newest, or a number.

    Raises
    ------
    SettingsError
        If it is none of these.
    """
    try:
        return _RUN.validate_python(int(text) if text.isdecimal() else text)
    except ValidationError as error:
        raise SettingsError(
            f"--networks: expected off, held, newest or a number of stacks, found {text!r}"
        ) from error
