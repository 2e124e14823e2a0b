"""Choose which of the steps around the reconstruction are taken."""

from __future__ import annotations

from livesim.config.settings import Settings, SettingsError

RECONSTRUCT = "reconstruct"
"""The choice without any network."""
ONE, TWO, ALL = "one", "two", "all"
"""Steps of networks; the last one is also the choice of one network for all."""
STEPS = (RECONSTRUCT, "one,reconstruct", "reconstruct,two", "one,reconstruct,two", ALL)
"""All choices, each in the order in which the steps are taken."""

_PAIR, _PAIR_OF_VOLUMES = "pair", "volumes-pair"
"""The shipped networks that work before and behind the reconstruction."""


def with_steps(settings: Settings, steps: str) -> Settings:
    """Return the settings with the networks that `steps` leaves out set to "none".

    A step one that is asked for is the shipped one where the settings name none.

    Raises
    ------
    SettingsError
        If `steps` is none of those known, or asks for a network where the settings have none.
    """
    if steps not in STEPS:
        raise SettingsError(f"expected steps {' | '.join(STEPS)}, found {steps!r}")
    asked = steps.split(",")
    tables = (settings.steps, *(channel.steps for channel in settings.channels.values()))
    for step in (ONE, TWO, ALL):
        if step in asked and all(getattr(table, step) in (None, "none") for table in tables):
            raise SettingsError(f"steps {steps}: expected a network in steps.{step}, found 'none'")
    own = {step: "none" for step in (ONE, TWO, ALL) if step not in asked}
    inherited = dict.fromkeys(own)
    if ONE in asked and settings.steps.one == "auto":
        own[ONE] = _PAIR if settings.volumes is None else _PAIR_OF_VOLUMES
    channels = {
        number: channel.model_copy(update={"steps": channel.steps.model_copy(update=inherited)})
        for number, channel in settings.channels.items()
    }
    chosen = settings.steps.model_copy(update=own)
    return settings.model_copy(update={"steps": chosen, "channels": channels})
