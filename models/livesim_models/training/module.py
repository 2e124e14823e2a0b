"""Train both networks, with the reconstruction between them, in Lightning."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import lightning
import torch
from lightning.pytorch.utilities.types import (
    LRSchedulerConfigType,
    OptimizerLRSchedulerConfig,
)
from torch import Tensor

from livesim.reconstruction.plan import Plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim_models.data.samples import Batch
from livesim_models.normalisation import stabilised, unstabilised
from livesim_models.steps import StepOne, StepTwo
from livesim_models.training.recipe import StageRecipe

DIFFERENCES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "absolute": torch.abs,
    "squared": torch.square,
}
"""Names of the losses in a recipe."""
SHOWN = 4
"""Validation samples that go to TensorBoard as pictures."""


class TwoStep(lightning.LightningModule):
    """One stage: trains one network, or both together through the reconstruction.

    Parameters
    ----------
    one, two
        The networks; one that the stage does not train runs as it is.
    stage
        What to do.
    """

    def __init__(
        self,
        one: StepOne,
        two: StepTwo,
        stage: StageRecipe,
    ) -> None:
        super().__init__()
        self.one, self.two = one, two
        self.stage = stage
        self._steps = 0
        one.requires_grad_("one" in stage.trains)
        two.requires_grad_("two" in stage.trains)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """Return step one's stabilised frames and, where the stage has a step two, its images."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and "one" in self.stage.trains):
            stable = self.one.stable(batch.low, batch.read_noise)
        if "two" not in self.stage.trains:
            return stable, None
        image = reconstructed(batch.plans, self.frames(stable, batch))
        return stable, self.two(image, batch.levels)

    def frames(self, stable: Tensor, batch: Batch) -> Tensor:
        """Return the photo-electrons of stabilised frames."""
        return unstabilised(stable, batch.read_noise)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the loss of each network that the stage trains."""
        stable, restored = self(batch)
        found = {}
        if "one" in self.stage.trains:
            wanted = stabilised(batch.clean, batch.read_noise)
            found["one"] = self.stage.weight_one * self._difference(stable - wanted)
        if restored is not None:
            span = (batch.levels[:, 1] - batch.levels[:, 0])[:, None, None]
            error = (restored - batch.target) / span
            found["two"] = self.stage.weight_two * self._difference(error)
        return found

    def _difference(self, error: Tensor) -> Tensor:
        return DIFFERENCES[self.stage.difference](error).mean()

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Return the loss of one batch, of which every rank has another."""
        self._steps += self.trainer.world_size
        found = self.losses(batch)
        for name, loss in found.items():
            self._note(f"loss/{name}", loss, batch)
        return torch.stack(list(found.values())).sum()

    def validation_step(self, batch: Batch, index: int) -> None:
        """Log the losses on scenes that are not trained on, and pictures of some."""
        for name, loss in self.losses(batch).items():
            self._note(f"validation/{name}", loss, batch)

    def _note(self, name: str, loss: Tensor, batch: Batch) -> None:
        """Log a loss: the mean over all ranks."""
        self.log(name, loss, prog_bar=True, batch_size=len(batch.low), sync_dist=True)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Return Adam with a rate that rises, then falls to zero as a cosine."""
        learning = [value for value in self.parameters() if value.requires_grad]
        optimizer = torch.optim.Adam(learning, lr=self.stage.learning_rate)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: self._rate(self._steps))
        each_step = LRSchedulerConfigType(scheduler=schedule, interval="step")
        return OptimizerLRSchedulerConfig(optimizer=optimizer, lr_scheduler=each_step)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep how many steps all ranks have done: the next run may have others."""
        checkpoint["steps"] = self._steps

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on from there; checkpoints without that number are of a single rank."""
        self._steps = checkpoint.get("steps", checkpoint["global_step"])

    def _rate(self, step: int) -> float:
        stage = self.stage
        rising = (step + 1) / max(1, stage.warm_up)
        done = min(1.0, step / max(1, stage.steps))
        return min(1.0, rising) * 0.5 * (1.0 + math.cos(math.pi * done))


def reconstructed(plans: Sequence[Plan], frames: Tensor) -> Tensor:
    """Reconstruct frames [batch, frame, y, x] differentiably, [batch, 2 y, 2 x]."""
    with torch.autocast(frames.device.type, enabled=False):
        images = [
            Reconstructor(plan).differentiable(one[None].float())
            for plan, one in zip(plans, frames, strict=True)
        ]
    return torch.cat(images)
