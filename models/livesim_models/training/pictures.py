"""Show validation samples in TensorBoard: reconstruction, result and target side by side."""

from __future__ import annotations

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor

from livesim_models.data.samples import Batch
from livesim_models.training.module import SHOWN, TwoStep, reconstructed
from livesim_models.training.stage_data import StageData


class Pictures(Callback):
    """Writes reconstruction, result and target as pictures after every validation."""

    @torch.no_grad()
    def on_validation_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Write the pictures of the first samples."""
        if not trainer.is_global_zero:
            return
        board = next(one for one in trainer.loggers if isinstance(one, TensorBoardLogger))
        data = trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(pl_module, TwoStep)
        assert isinstance(data, StageData)
        batch = data.first_validation(SHOWN).to(pl_module.device)
        stable, restored = pl_module(batch)
        plain = reconstructed(batch.plans, batch.low)
        if restored is None:
            restored = reconstructed(batch.plans, pl_module.frames(stable, batch))
        images = torch.stack([plain, restored, batch.target], dim=1)
        board.experiment.add_image("validation", _mosaic(images, batch), trainer.global_step)


def _mosaic(images: Tensor, batch: Batch) -> Tensor:
    """Return [1, y, x] of images [sample, kind, y, x], each scaled to its target's range."""
    low = batch.target.amin(dim=(1, 2))[:, None, None, None]
    high = batch.target.amax(dim=(1, 2))[:, None, None, None]
    scaled = ((images - low) / (high - low)).clamp(0.0, 1.0)
    samples, kinds, rows, columns = scaled.shape
    return scaled.permute(0, 2, 1, 3).reshape(1, samples * rows, kinds * columns).float().cpu()
