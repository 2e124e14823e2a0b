"""What makes the volumes of one channel: the plan, and the networks that restore them."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from livesim.config.settings import Settings
from livesim.pipeline.devices import CPU
from livesim.pipeline.volume.build import device_that_fits, volume_plan
from livesim.pipeline.volume.networks import (
    VolumeNetworks,
    load_volume_networks,
    why_no_networks,
)
from livesim.pipeline.volume.restorer import VolumeRestorer
from livesim.reconstruction.volume.plan import VolumePlan
from livesim.values.pattern import Pattern


@dataclass(frozen=True, slots=True, eq=False)
class VolumeChannel:
    """How the volumes of one channel are made."""

    pattern: Pattern
    plan: VolumePlan
    networks: VolumeNetworks | None
    restorer: VolumeRestorer | None
    refusal: str = ""
    """Why no network runs; "" where one runs, or none is asked for."""

    @classmethod
    def of(cls, pattern: Pattern, settings: Settings, device: torch.device = CPU) -> VolumeChannel:
        """Return how volumes are made under a pattern, on a device if they fit there.

        Raises
        ------
        SettingsError, DataError
            As `volume_plan` and `load_volume_networks`.
        """
        plan = volume_plan(pattern, settings)
        device = device_that_fits(device, pattern, plan.planes)
        plan = plan.to(device)
        networks = load_volume_networks(settings, device)
        if networks is None:
            return cls(pattern, plan, None, None)
        refusal = why_no_networks(pattern, networks)
        if refusal:
            return cls(pattern, plan, None, None, refusal)
        return cls(pattern, plan, networks, VolumeRestorer(plan, pattern, settings, networks))
