"""Save the stage that is shown as a TIFF with its values; the window saves the picture itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import tifffile

from livesim_gui.state.picture.stages import Stage


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """One stage of one result, at the moment when it was asked for."""

    stage: Stage
    pixel_um: float | None
    """Of the raw frames."""
    taken: datetime

    @property
    def name(self) -> str:
        """Of its file, without the ending."""
        return f"livesim-{self.taken:%Y%m%d-%H%M%S-%f}-{self.stage.name}"

    @property
    def warning(self) -> str:
        """What is written into the file; empty for most stages."""
        stage = self.stage
        return f"{stage.title}, {stage.warning}" if stage.warning else ""


def save_data(snapshot: Snapshot, folder: Path) -> Path:
    """Write the values as a TIFF, float32, negative ones included, with the pixel size.

    Raises
    ------
    OSError
        If the folder cannot be made or written to.
    """
    return placed(folder / f"{snapshot.name}.tif", lambda partial: _write(snapshot, partial))


def placed(target: Path, write: Callable[[Path], None]) -> Path:
    """Let a file be written, in a folder that is made; it appears whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    try:
        write(partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def _write(snapshot: Snapshot, path: Path) -> None:
    stage = snapshot.stage
    metadata = {"axes": "YX"} | ({"Info": snapshot.warning} if snapshot.warning else {})
    if snapshot.pixel_um is None:
        tifffile.imwrite(path, stage.image, imagej=True, metadata=metadata)
        return
    per_um = 1.0 / (snapshot.pixel_um * stage.step)
    tifffile.imwrite(
        path,
        stage.image,
        imagej=True,
        resolution=(per_um, per_um),
        metadata=metadata | {"unit": "um"},
    )
