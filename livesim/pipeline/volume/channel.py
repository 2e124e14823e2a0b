"""What makes the volumes of one channel: the plan, and the network that restores them."""

from __future__ import annotations

from dataclasses import dataclass

from livesim.config.settings import Settings
from livesim.pipeline.volume.build import volume_plan
from livesim.pipeline.volume.networks import VolumeNetwork, load_volume_network, why_no_network
from livesim.pipeline.volume.restorer import VolumeRestorer
from livesim.reconstruction.volume.plan import VolumePlan
from livesim.values.pattern import Pattern


@dataclass(frozen=True, slots=True, eq=False)
class VolumeChannel:
    """How the volumes of one channel are made."""

    pattern: Pattern
    plan: VolumePlan
    network: VolumeNetwork | None
    restorer: VolumeRestorer | None
    refusal: str = ""
    """Why no network runs; "" where one runs, or none is asked for."""

    @classmethod
    def of(cls, pattern: Pattern, settings: Settings) -> VolumeChannel:
        """Return how volumes are made under a pattern.

        Raises
        ------
        SettingsError, DataError
            As `volume_plan` and `load_volume_network`.
        """
        plan, network = volume_plan(pattern, settings), load_volume_network(settings)
        if network is None:
            return cls(pattern, plan, None, None)
        refusal = why_no_network(pattern, network.card)
        if refusal:
            return cls(pattern, plan, None, None, refusal)
        return cls(pattern, plan, network, VolumeRestorer(plan, pattern, settings, network))
