"""What makes the volumes of one channel: the plan, and the network that restores them."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from livesim.config.settings import Settings
from livesim.pipeline.devices import CPU
from livesim.pipeline.volume.build import device_that_fits, volume_plan
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
    def of(cls, pattern: Pattern, settings: Settings, device: torch.device = CPU) -> VolumeChannel:
        """Return how volumes are made under a pattern, on a device if they fit there.

        Raises
        ------
        SettingsError, DataError
            As `volume_plan` and `load_volume_network`.
        """
        plan = volume_plan(pattern, settings)
        device = device_that_fits(device, pattern, plan.planes)
        plan = plan.to(device)
        network = load_volume_network(settings, device)
        if network is None:
            return cls(pattern, plan, None, None)
        refusal = why_no_network(pattern, network.card)
        if refusal:
            return cls(pattern, plan, None, None, refusal)
        return cls(pattern, plan, network, VolumeRestorer(plan, pattern, settings, network))
