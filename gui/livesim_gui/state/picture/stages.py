"""List the images of a result that can be shown, the least processed first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from livesim.values.results import Image, Result

WIDEFIELD = "widefield"
PLAIN = "plain"
PREVIEW = "preview"
STEP_ONE = "step one"
NETWORK = "networks alone"
RESTORED = "restored"
TITLES = {
    WIDEFIELD: "Widefield",
    PLAIN: "Plain",
    PREVIEW: "2D preview",
    STEP_ONE: "Step one",
    NETWORK: "Networks alone",
    RESTORED: "Restored",
}
"""In the order of their keys, 1, 2, …; a stage not named here comes after them."""
SHORT_TITLES = {
    WIDEFIELD: "Wide",
    PLAIN: "Plain",
    PREVIEW: "2D",
    STEP_ONE: "One",
    NETWORK: "Networks",
}
"""Where the window is narrow."""
MEANINGS = {
    WIDEFIELD: "Widefield: the mean of the raw frames",
    PLAIN: "Plain: the super-resolved image without any network",
    PREVIEW: "2D preview: a plane of a volume by itself, haze included, until the volume is whole",
    STEP_ONE: "Step one: the reconstruction of frames that the first network has denoised",
    NETWORK: "Networks alone: what the networks make by themselves",
    RESTORED: "Restored: plain, with as much of the networks' change as the photons carry",
}
"""As docs/use/glossary.md says it."""
NETWORKED = (STEP_ONE, NETWORK, RESTORED)
"""Stages that networks have made."""
WARNINGS = {NETWORK: "not arbitrated: may invent structure"}
"""What stands beside the title of a stage wherever it is shown or saved."""
_EVERY = 4
"""Rows and columns that are compared to tell whether two images are the same."""


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

    @property
    def warning(self) -> str:
        """What has to be said wherever it is shown; empty for most stages."""
        return WARNINGS.get(self.name, "")


def title_of(name: str, *, short: bool = False) -> str:
    """Return what is written on the button of a stage; short, where there is little room."""
    title = TITLES.get(name, name.capitalize())
    return SHORT_TITLES.get(name, title) if short else title


def stages_of(result: Result) -> dict[str, Stage]:
    """Return the stages of a result by name, the least processed first."""
    columns = result.widefield.shape[1]
    images = _images(result).items()
    return {name: Stage(name, image, columns / image.shape[1]) for name, image in images}


def shows_plain(result: Result) -> bool:
    """Return whether nothing of what networks changed is in the restored image of a result."""
    if result.plain is None:
        return False
    thinned = (slice(None, None, _EVERY),) * 2
    return np.array_equal(result.image[thinned], result.plain[thinned])


def _images(result: Result) -> dict[str, Image]:
    """Return the images that a result carries; the restored one, where there is one, last."""
    if result.searching:
        return {WIDEFIELD: result.widefield}
    if result.is_preview:
        return {WIDEFIELD: result.widefield, PREVIEW: result.image}
    if result.plain is None:
        return {WIDEFIELD: result.widefield, PLAIN: result.image}
    beside = {STEP_ONE: result.step_one, NETWORK: result.network}
    there = {name: image for name, image in beside.items() if image is not None}
    plain = {WIDEFIELD: result.widefield, PLAIN: result.plain}
    return {**plain, **there, RESTORED: result.image}
