"""Run all stages of a recipe; checkpoints and logs go to a folder."""

from __future__ import annotations

import logging
import math
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from safetensors.torch import load_file

from livesim_models.network import Network
from livesim_models.registry import build
from livesim_models.steps import StepOne, StepTwo
from livesim_models.training.module import TwoStep
from livesim_models.training.pictures import Pictures
from livesim_models.training.recipe import Recipe
from livesim_models.training.spread import ALONE, Spread
from livesim_models.training.stage_data import ScenesOf, StageData
from livesim_models.whole_file import write_tensors

PRECISIONS = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """Both networks as a training leaves them."""

    one: Network
    two: Network
    hours: float
    """Of all stages together, including those of an interrupted run."""


def train(
    recipe: Recipe,
    scenes_of: ScenesOf,
    folder: Path,
    start: Trained | None = None,
    spread: Spread = ALONE,
) -> Trained:
    """Run every stage; one that was interrupted goes on where its last checkpoint was.

    Parameters
    ----------
    recipe
        What to do.
    scenes_of
        Returns the scenes of a split.
    folder
        Where checkpoints, logs and the networks of every stage are kept.
    start
        Networks to begin with; None = untrained ones.
    spread
        Over which processes; the steps of a stage are those of all of them together.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # of what it would sell
    lightning.seed_everything(recipe.training.seed, verbose=False)
    one = start.one if start else build(recipe.one)
    two = start.two if start else build(recipe.two)
    hours = 0.0
    for number, stage in enumerate(recipe.stage):
        place = folder / f"stage-{number + 1}"
        if not _restored(place, one, two):
            begun = time.perf_counter()
            module = TwoStep(StepOne(one), StepTwo(two), stage)
            _fit(module, recipe, StageData(recipe, stage, scenes_of), place, spread)
            if spread.first:
                _write_hours(place, time.perf_counter() - begun)
                _keep(place, one, two)
        hours += _read_hours(place)
    return Trained(one.eval(), two.eval(), hours)


def _fit(module: TwoStep, recipe: Recipe, data: StageData, place: Path, spread: Spread) -> None:
    training, stage = recipe.training, module.stage
    if training.threads is not None:
        torch.set_num_threads(training.threads)
    every = training.validate_every
    callbacks: list[Callback] = [
        ModelCheckpoint(place, filename="last", save_on_train_epoch_end=True),
        TQDMProgressBar(refresh_rate=10),
        Pictures(),
    ]
    trainer = lightning.Trainer(
        accelerator="auto",
        devices=training.devices if spread.devices is None else spread.devices,
        num_nodes=spread.num_nodes,
        strategy=spread.strategy,
        use_distributed_sampler=False,  # it would shuffle: `StageData` deals out what it draws
        precision=PRECISIONS[training.precision],  # type: ignore[arg-type]
        max_epochs=max(1, math.ceil(stage.steps / every)),
        callbacks=callbacks,
        logger=[TensorBoardLogger(place, "tensorboard", ""), CSVLogger(place, "log", "")],
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        enable_model_summary=False,
        deterministic="warn" if torch.cuda.is_available() else True,
    )
    trainer.log_every_n_steps = max(  # type: ignore[attr-defined]
        1, min(50, every // trainer.world_size)
    )
    last = place / "last.ckpt"
    with warnings.catch_warnings():
        # Samples are made in this process on purpose where the recipe says 0 workers.
        warnings.filterwarnings("ignore", ".*does not have many workers.*")
        try:
            trainer.fit(module, data, ckpt_path=last if last.exists() else None, weights_only=False)
        except SystemExit as error:  # what Lightning makes of Ctrl-C
            raise KeyboardInterrupt from error


def _keep(place: Path, one: Network, two: Network) -> None:
    for name, network in (("one", one), ("two", two)):
        tensors = {k: v.contiguous() for k, v in network.state_dict().items()}
        write_tensors(place / f"{name}.safetensors", tensors)


def _restored(place: Path, one: Network, two: Network) -> bool:
    """Read the networks of a stage that was finished before; return whether there were any."""
    if not (place / "two.safetensors").exists():  # the last file that a stage writes
        return False
    for name, network in (("one", one), ("two", two)):
        network.load_state_dict(load_file(place / f"{name}.safetensors"))
    return True


def _write_hours(place: Path, seconds: float) -> None:
    (place / "hours.txt").write_text(f"{_read_hours(place) + seconds / 3600.0:.4f}\n")


def _read_hours(place: Path) -> float:
    path = place / "hours.txt"
    return float(path.read_text()) if path.exists() else 0.0
