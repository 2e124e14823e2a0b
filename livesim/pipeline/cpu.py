"""The frame path that does one operation after the other, on a CPU or a GPU."""

from __future__ import annotations

from dataclasses import replace

import torch

from livesim.engine.pending import Pending, ready
from livesim.pipeline.sections import Sections
from livesim.pipeline.work import (
    ARBITRATION,
    RECONSTRUCT,
    STEP_TWO,
    TurnBands,
    Work,
    as_factors,
    as_tensor,
)
from livesim.reconstruction.step_clock import StepClock
from livesim.values.frames import Pixels


class EagerPath:
    """The frame path of a CPU, and of a GPU on which nothing can be captured.

    Parameters
    ----------
    device
        Of the sections.
    """

    def __init__(self, device: torch.device) -> None:
        self.device, self.note = device, ""

    def prepare(self, sections: Sections) -> None:
        """Do nothing: the first raw stack takes no longer than the others."""

    @torch.inference_mode()
    def begin(
        self, sections: Sections, pixels: Pixels, turn_bands: TurnBands, *, stages: bool = True
    ) -> Pending[Work]:
        """Compute everything of one raw stack [angle, phase, y, x] before it returns."""
        raw = as_tensor(pixels)
        counts, clock = raw.flatten(0, -3).to(self.device), StepClock(self.device)
        look = sections.look(counts)
        turns = turn_bands(lambda: sections.check(look.spectra))
        clock.mark(RECONSTRUCT)
        begun = sections.begin(counts)
        if sections.begins:
            clock.mark(sections.begins)
        factors = None if turns is None else as_factors(turns, self.device)
        images = sections.combine(look, begun, factors)
        clock.mark(RECONSTRUCT)
        network = sections.refine(images.between)
        if sections.refines:
            clock.mark(STEP_TWO)
        image = sections.arbitrate(images.plain, network)
        if sections.arbitrates:
            clock.mark(ARBITRATION)
        work = Work(raw, image, images.plain, images.between, network, images.widefield, turns)
        return ready(replace(work.to(torch.device("cpu")), steps_ms=clock.read()))
