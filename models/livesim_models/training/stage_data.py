"""Hand the scenes of a stage to the ranks that train on them, each its own share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import lightning
import torch
from torch.utils.data import DataLoader

from livesim_models.data.recipe import LightRecipe, Split
from livesim_models.data.samples import Batch, Samples, collated
from livesim_models.data.scene import Scene
from livesim_models.training.recipe import Recipe, StageRecipe

VALIDATION_PHOTONS = (5.0, 20.0, 100.0, 1000.0)

ScenesOf = Callable[[Split], list[Scene]]


class StageData(lightning.LightningDataModule):
    """Samples to train on, numbered over all ranks, and those of the validation.

    Parameters
    ----------
    recipe, stage
        What to do.
    scenes_of
        Returns the scenes of a split. The first rank asks for them before all others, which find
        what it has written.
    """

    def __init__(self, recipe: Recipe, stage: StageRecipe, scenes_of: ScenesOf) -> None:
        super().__init__()
        self.prepare_data_per_node = False  # the folder is one for all machines
        self._recipe, self._stage, self._scenes_of = recipe, stage, scenes_of
        self._split: Split = "two" if "two" in stage.trains else "one"

    def prepare_data(self) -> None:
        """Make what there is not yet; Lightning calls it in the first rank alone."""
        self._scenes_of("validation")
        self._scenes_of(self._split)

    def setup(self, stage: str) -> None:
        """Read it, in every rank."""
        self._scenes = self._scenes_of(self._split)
        self._validation = validation_batch(self._scenes_of("validation"), self._recipe)

    def first_validation(self, count: int) -> Batch:
        """Return the first samples of the validation."""
        return self._validation.first(count)

    def train_dataloader(self) -> DataLoader[Batch]:
        """Return the batches of the present epoch: asked for again in every one.

        They are those of all ranks, whole batches for each, dealt out sample by sample.
        """
        assert self.trainer is not None
        training, stage, ranks = self._recipe.training, self._stage, self.trainer.world_size
        steps = min(training.validate_every, stage.steps)
        count = -(-steps // ranks) * ranks * stage.batch
        first = self.trainer.current_epoch * count
        light, seed = self._recipe.light, training.seed
        samples = Samples(self._scenes, light, seed, first, count, stage.crop)
        return DataLoader(
            samples,  # type: ignore[arg-type]
            batch_size=stage.batch,
            sampler=range(self.trainer.global_rank, count, ranks),
            num_workers=training.workers,
            collate_fn=collated,
            persistent_workers=False,
        )

    def val_dataloader(self) -> DataLoader[Batch]:
        """Return the validation samples, to every rank all of them."""
        return DataLoader([self._validation], batch_size=None, collate_fn=_as_it_is)  # type: ignore[arg-type]

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, index: int) -> Batch:
        """Return the batch on `device`."""
        return batch.to(device)


def _as_it_is(batch: Batch) -> Batch:
    return batch


def validation_group(scene: Scene, number: int) -> str:
    """Return how the validation counts a scene: by its light, where that is simulated."""
    if scene.truth is None:
        return "measured"
    return f"{VALIDATION_PHOTONS[number % len(VALIDATION_PHOTONS)]:g} photons"


def validation_batch(scenes: Sequence[Scene], recipe: Recipe) -> Batch:
    """Return one batch of the validation scenes, the photon levels in turn."""
    noise = sum(recipe.light.read_noise) / 2.0
    samples = []
    for number in range(len(scenes)):
        photons = VALIDATION_PHOTONS[number % len(VALIDATION_PHOTONS)]
        light = LightRecipe(photons=(photons, photons), read_noise=(noise, noise))
        samples.append(Samples([scenes[number]], light, 0, number, 1)[0])
    return collated(samples)
