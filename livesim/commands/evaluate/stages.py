"""Make every stage of a raw stack: widefield, plain, and after each network."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from livesim.config.settings import Settings
from livesim.pipeline.calibration import with_levels
from livesim.pipeline.networks import resolved
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.pipeline.preparation import OtfProfile, otf_of
from livesim.values.frames import RawStack
from livesim.values.pattern import Pattern
from livesim.values.results import Image
from livesim_models.evaluation.doubled import doubled
from livesim_models.evaluation.residual import Instrument
from livesim_models.shipped import NONE, STEPS

Stages = Callable[[RawStack], dict[str, Image]]
"""A raw stack -> its images on the doubled grid by stage, the widefield first."""

WIDEFIELD, PLAIN, ONE, TWO, BOTH, ALL, RESTORED = (
    "widefield",
    "plain",
    "after one",
    "after two",
    "after one and two",
    "end to end",
    "restored",
)
"""The networks' images are their own; "restored" is what the photons leave of the last one."""


def make_stages(
    settings: Settings,
    pattern: Pattern,
    stacks: Sequence[RawStack],
    profile: OtfProfile | None = None,
) -> Stages:
    """Return what makes the stages that the settings' networks allow.

    Parameters
    ----------
    settings
        Of the microscope; its steps say which networks there are.
    pattern
        The illumination.
    stacks
        Of the recording: how bright it is, where the pattern does not know.
    profile
        Measured OTF, or None for the theoretical one.

    Raises
    ------
    SettingsError, DataError
        As `ReconstructionPipeline`.
    """
    known = with_levels(pattern, stacks, settings)
    pipelines = {
        name: ReconstructionPipeline(own, known, profile)
        for name, own in _stage_settings(settings).items()
    }

    def make(stack: RawStack) -> dict[str, Image]:
        made = {name: pipeline.compute(stack) for name, pipeline in pipelines.items()}
        images: dict[str, Image] = {name: one.stages[1].numpy() for name, one in made.items()}
        last = list(pipelines)[-1]
        examined = pipelines[last].examine(made[last]) if last != PLAIN else None
        if examined is not None:
            images[RESTORED] = examined.image.cpu().numpy()
        widefield = doubled(made[PLAIN].widefield.numpy()).astype(np.float32)
        return {WIDEFIELD: widefield, **images}

    return make


def _stage_settings(settings: Settings) -> dict[str, Settings]:
    """Return the settings of every stage after the widefield."""
    steps = resolved(settings).settings.steps
    found: dict[str, dict[str, str]] = {PLAIN: {}}
    if steps.one != NONE:
        found[ONE] = {"one": steps.one}
    if steps.two != NONE:
        found[TWO if steps.one == NONE else BOTH] = {"one": steps.one, "two": steps.two}
    if steps.all != NONE:
        found[ALL] = {"all": steps.all}
    without: dict[str, str] = dict.fromkeys(STEPS, NONE)
    return {
        name: settings.model_copy(update={"steps": steps.model_copy(update={**without, **own})})
        for name, own in found.items()
    }


def instrument(settings: Settings, pattern: Pattern, profile: OtfProfile | None) -> Instrument:
    """Return what the residual against the photons needs to know."""
    return Instrument(
        pattern,
        otf_of(settings, profile, pattern),
        settings.camera,
        settings.reconstruction.apodization,
    )
