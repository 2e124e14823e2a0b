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
TWO_STEP, UNIVERSAL, QUICK = "pair", "universal", "quick"
OLD_NAMES = {"default": TWO_STEP}
"""Of shipped networks: what settings and recordings of earlier versions call them."""
OLD_FILES = {
    "f57db65b32d342f773e14f2b97c61bffbdcd59275265077676a4249e2dcec7e4": (
        "c7d6669c6cd1ef9ce4206d2520b0bae64ae37c4a63456809f86bfdca27eadef2"
    ),
    "bd24d2be135ecced63f4c62911f5a68035c5e5834afd4494e7a5b7ac77c1d22c": (
        "1a7099e30bca80158e4a92c2a2a7b0c3afec41f80a881a5213de6a190855ad2b"
    ),
}
"""SHA-256 of a shipped file under its old name -> that of the same weights under the new one."""
FOR_VOLUMES = "none"
"""What "auto" stands for where planes are parts of volumes."""
PREFERRED = (UNIVERSAL, TWO_STEP)
"""What "auto" stands for: the first that fits the stream."""


def shipped_models(step: StepName) -> list[str]:
    """Return the names of the models that come with livesim."""
    end = f"-{step}.safetensors"
    return sorted(path.name.removesuffix(end) for path in WEIGHTS.glob(f"*{end}"))


def present_name(name: str) -> str:
    """Return what a shipped network is called now."""
    return OLD_NAMES.get(name, name)


def old_file_name(file: Path) -> str:
    """Return what the file of a shipped network was called, or its name if that has stayed."""
    old = {f"{new}-{step}": f"{old}-{step}" for old, new in OLD_NAMES.items() for step in STEPS}
    return f"{old.get(file.stem, file.stem)}{file.suffix}"


def model_file(name: str, step: StepName) -> Path:
    """Return the file of a shipped model, or the file that a path names.

    Raises
    ------
    SettingsError
        If there is none.
    """
    shipped = WEIGHTS / f"{present_name(name)}-{step}.safetensors"
    if "/" not in name and "\\" not in name and shipped.exists():
        return shipped
    path = Path(name)
    if path.is_file():
        return path
    known = ", ".join([*([] if step == ALL else [AUTO]), NONE, *shipped_models(step)])
    raise SettingsError(
        f"steps.{step}: expected one of {known}, or the path of a model file, found {name!r}"
    )
