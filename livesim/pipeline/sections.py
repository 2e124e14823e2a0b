"""What happens to one raw stack, cut into sections between which something may be decided."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.config.settings import Camera
from livesim.pipeline.networks import Networks
from livesim.pipeline.weights import arbitrated
from livesim.reconstruction.plan import Plan
from livesim.reconstruction.reconstructor import BandSpectra, Reconstructor
from livesim.reconstruction.track.check import BandCheck
from livesim_models.conditions import Conditions
from livesim_models.passband import Passband

STEP_ONE, END_TO_END = "step one", "end to end"
"""The names of what sees the raw frames."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What one raw stack shows before anything is decided."""

    spectra: BandSpectra
    widefield: Tensor
    """[y, x], mean of the raw frames in photo-electrons."""


@dataclass(frozen=True, slots=True, eq=False)
class Arbitration:
    """Which share of the networks' change is shown."""

    bands: Tensor
    """[band, 2 y, x + 1] of a half spectrum, `Arbiter.bands`."""
    weights: Tensor
    """[band, 2 y, 2 x] 0 to 1."""

    def copied(self) -> Arbitration:
        """Return the same in memory of its own."""
        return Arbitration(self.bands.clone(), self.weights.clone())


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """What is made of one raw stack but for step two and the arbitration."""

    plain: Tensor
    """[2 y, 2 x] without any network."""
    between: Tensor
    """[2 y, 2 x] with what sees the raw frames alone, step one or a network from end to end;
    `plain` itself where there is none."""
    widefield: Tensor
    """[y, x]."""


class Sections:
    """What happens to one raw stack: five sections, each a function of tensors.

    No section looks at a value, so that each can be captured once and replayed; whatever is decided
    is decided between the first and the third.

    Parameters
    ----------
    plan
        For counts of the camera.
    check
        Of the same pattern.
    networks
        Each of which may be absent.
    conditions
        Of the plain image, for step two; None without it.
    passband
        Of the plain image, for a network from end to end; None without it.
    arbitration
        Of the networks; None without any.
    """

    def __init__(
        self,
        plan: Plan,
        check: BandCheck,
        networks: Networks,
        camera: Camera,
        conditions: Conditions | None,
        passband: Passband | None,
        arbitration: Arbitration | None,
    ) -> None:
        self.plan, self.check, self.networks, self.conditions = plan, check, networks, conditions
        self.passband, self.arbitration = passband, arbitration
        self._camera = camera
        self._of_counts = Reconstructor(plan)
        self._of_photons = Reconstructor(plan.for_photons(camera))

    @property
    def begins(self) -> str:
        """What sees the raw frames: `STEP_ONE`, a network from end to end, or "" for none."""
        if self.networks.end_to_end is not None:
            return END_TO_END
        return "" if self.networks.step_one is None else STEP_ONE

    @property
    def refines(self) -> bool:
        """Whether there is a step two."""
        return self.networks.step_two is not None and self.conditions is not None

    @property
    def arbitrates(self) -> bool:
        """Whether there are networks, whose change is weighed."""
        return self.arbitration is not None

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All parameters but the conditions, and what the networks have learned."""
        found = self.arbitration
        arbitration = () if found is None else (found.bands, found.weights)
        own = self._of_photons.plan.unmixing
        passband = () if self.passband is None else self.passband.tensors
        return (*self.plan.tensors, own, *self.check.tensors, *passband, *arbitration)

    @property
    def form(self) -> tuple[object, ...]:
        """What is not in `tensors`: those of equal form can take each other's values."""
        bands = None if self.arbitration is None else self.arbitration.bands.shape
        return (self.plan.form, self.check.form, self.networks_form, bands)

    @property
    def networks_form(self) -> tuple[object, ...]:
        """What `begin` and `refine` depend on, but for the conditions: not on the pattern."""
        networks = self.networks
        own = (networks.step_one, networks.step_two, networks.end_to_end)
        return (*own, self.refines, networks.read_noise, self._camera)

    @property
    def stack_shape(self) -> tuple[int, int, int]:
        """(frames, y, x) of the raw stacks."""
        return (self.plan.unmixing.shape[1], *self.plan.shape)

    def copied(self) -> Sections:
        """Return the same with parameters of its own; the networks are shared."""
        conditions = self.conditions and self.conditions.mapped(torch.clone)
        plan, check = self.plan.mapped(torch.clone), self.check.mapped(torch.clone)
        arbitration = None if self.arbitration is None else self.arbitration.copied()
        passband = self.passband and self.passband.mapped(torch.clone)
        return Sections(plan, check, self.networks, self._camera, conditions, passband, arbitration)

    def weighing(self, weights: Tensor) -> Sections:
        """Return the same with other weights [band, 2 y, 2 x]; all else is shared."""
        assert self.arbitration is not None
        other = copy(self)
        other.arbitration = Arbitration(self.arbitration.bands, weights)
        return other

    def look(self, counts: Tensor) -> Look:
        """Separate the bands of a raw stack [frame, y, x].

        Raises
        ------
        ValueError
            If it has another size than the plan.
        """
        self.check_size(counts)
        return Look(*self._of_counts.look(counts))

    def check_size(self, counts: Tensor) -> None:
        """Refuse a raw stack [frame, y, x] of another size than the plan.

        Raises
        ------
        ValueError
            If it has one.
        """
        if tuple(counts.shape) != self.stack_shape:
            raise ValueError(
                f"expected stacks of (frames, y, x) = {self.stack_shape}, "
                f"found {tuple(counts.shape)}"
            )

    def begin(self, counts: Tensor) -> Tensor | None:
        """Return what the network that sees the raw frames [frame, y, x] makes of them.

        Step one: the frames in photo-electrons. A network from end to end: its picture
        [2 y, 2 x] in its own scale. None without either.
        """
        if not self.begins:
            return None
        photons = (counts.float() - self._camera.offset) / self._camera.gain
        return self.networks.begun(photons)

    def combine(self, look: Look, begun: Tensor | None, factors: Tensor | None) -> Images:
        """Put the bands together, turned by `factors` [band]; `begun` is what `begin` returned."""
        plain = self._made(self._of_counts, look.spectra, factors)
        between = plain
        if begun is not None and self.passband is not None:
            between = self.passband.shown(begun, plain)
        elif begun is not None:
            between = self._made(self._of_photons, self._of_photons.look(begun)[0], factors)
        return Images(plain, between, look.widefield.clone())

    def refine(self, between: Tensor) -> Tensor:
        """Return the image [2 y, 2 x] after step two; without it, as it came."""
        if not self.refines or self.conditions is None:
            return between
        return self.networks.two(between, self.conditions)

    def arbitrate(self, plain: Tensor, network: Tensor) -> Tensor:
        """Return the plain image [2 y, 2 x] with as much of the networks' as the weights say."""
        if self.arbitration is None:
            return network
        return arbitrated(plain, network, self.arbitration.bands, self.arbitration.weights)

    def _made(
        self, reconstruct: Reconstructor, spectra: BandSpectra, factors: Tensor | None
    ) -> Tensor:
        rows, columns = self.plan.shape
        image = self.plan.unmixing.new_empty(2 * rows, 2 * columns)
        reconstruct.make(spectra, factors, image)
        return image
