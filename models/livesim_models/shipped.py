"""Find the file of a model by its name or path in the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from livesim.config.settings import SettingsError

StepName = Literal["one", "two", "all"]
PAIR: tuple[StepName, ...] = ("one", "two")
"""Before and behind the reconstruction."""
ALL: Final = "all"
"""In place of both and of the reconstruction."""
STEPS: tuple[StepName, ...] = (*PAIR, ALL)
WEIGHTS = Path(__file__).parent / "weights"
RECIPES = Path(__file__).parent / "recipes"
"""Of trainings."""
AUTO, NONE = "auto", "none"
DEFAULT, UNIVERSAL, QUICK = "default", "universal", "quick"
FOR_VOLUMES = "none"
"""What "auto" stands for where planes are parts of volumes."""
PREFERRED = (UNIVERSAL, DEFAULT)
"""What "auto" stands for: the first that fits the stream."""


def shipped_models(step: StepName) -> list[str]:
    """Return the names of the models that come with livesim."""
    end = f"-{step}.safetensors"
    return sorted(path.name.removesuffix(end) for path in WEIGHTS.glob(f"*{end}"))


def model_file(name: str, step: StepName) -> Path:
    """Return the file of a shipped model, or the file that a path names.

    Raises
    ------
    SettingsError
        If there is none.
    """
    shipped = WEIGHTS / f"{name}-{step}.safetensors"
    if "/" not in name and "\\" not in name and shipped.exists():
        return shipped
    path = Path(name)
    if path.is_file():
        return path
    known = ", ".join([*([] if step == ALL else [AUTO]), NONE, *shipped_models(step)])
    raise SettingsError(
        f"steps.{step}: expected one of {known}, or the path of a model file, found {name!r}"
    )
