"""List the images of a result that can be shown, the least processed first."""

from __future__ import annotations

from dataclasses import dataclass

from livesim.values.results import Image, Result

WIDEFIELD = "widefield"
SUPER_RESOLVED = "super-resolved"
STEP_ONE = "step one"
RESTORED = "restored"
TITLES = {
    WIDEFIELD: "Widefield",
    SUPER_RESOLVED: "Super-resolved",
    STEP_ONE: "Step one",
    RESTORED: "Restored",
}
"""In the order of their keys, 1, 2, …; a stage not named here comes after them."""


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """One image of a result."""

    name: str
    image: Image
    """[y, x] in photo-electrons."""
    step: float
    """Its pixel in raw pixels; pixel (0, 0) has the same centre as raw pixel (0, 0)."""

    @property
    def title(self) -> str:
        """What is written on its button."""
        return title_of(self.name)


def title_of(name: str) -> str:
    """Return what is written on the button of a stage."""
    return TITLES.get(name, name.capitalize())


def stages_of(result: Result) -> dict[str, Stage]:
    """Return the stages of a result by name, the least processed first."""
    columns = result.widefield.shape[1]
    images = _images(result).items()
    return {name: Stage(name, image, columns / image.shape[1]) for name, image in images}


def _images(result: Result) -> dict[str, Image]:
    """Return the images that a result carries; the one with networks, where there is one, last."""
    if result.plain is None:
        return {WIDEFIELD: result.widefield, SUPER_RESOLVED: result.image}
    step_one = {} if result.step_one is None else {STEP_ONE: result.step_one}
    plain = {WIDEFIELD: result.widefield, SUPER_RESOLVED: result.plain}
    return {**plain, **step_one, RESTORED: result.image}
