"""Choose which of the steps around the reconstruction are taken."""

from __future__ import annotations

from livesim.config.settings import Settings, SettingsError

RECONSTRUCT = "reconstruct"
"""The choice without any network."""
ALL = "all"
"""The choice of one network for all."""
STEPS = (RECONSTRUCT, "one,reconstruct", "reconstruct,two", "one,reconstruct,two", ALL)
"""All choices, each in the order in which the steps are taken."""


_PAIR = "default"
"""The shipped networks that work before and behind the reconstruction."""


def with_steps(settings: Settings, steps: str) -> Settings:
    """Return the settings with the networks that `steps` leaves out set to "none".

    A step one that is asked for is the shipped one where the settings name none.

    Raises
    ------
    SettingsError
        If `steps` is none of those known, or names one network for all where there is none.
    """
    if steps not in STEPS:
        raise SettingsError(f"expected steps {' | '.join(STEPS)}, found {steps!r}")
    if steps == ALL and settings.steps.all == "none":
        raise SettingsError("steps all: expected a network in steps.all, found 'none'")
    asked = steps.split(",")
    own = {step: "none" for step in ("one", "two", ALL) if step not in asked}
    inherited = dict.fromkeys(own)
    if "one" in asked and settings.steps.one == "auto":
        own["one"] = _PAIR
    channels = {
        number: channel.model_copy(update={"steps": channel.steps.model_copy(update=inherited)})
        for number, channel in settings.channels.items()
    }
    chosen = settings.steps.model_copy(update=own)
    return settings.model_copy(update={"steps": chosen, "channels": channels})
