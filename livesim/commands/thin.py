"""Write training data: recordings in less light, with the photons that were taken away beside them.

Every photo-electron is kept with the probability 1 / scale; what is kept and what is not are
independent, so both may be looked at as recordings of their own. Recordings, never stacks of one,
are shared out between training, validation and test.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from livesim.commands.calibrate import with_pixel
from livesim.commands.progress import words_console
from livesim.config.settings import Camera, Settings, SettingsError
from livesim.io.read.open import open_recording
from livesim.io.read.recording import Recording
from livesim.io.write.placement import Placement
from livesim.io.write.raw_tiff import RawTiffLayout, write_raw_tiff
from livesim.values.errors import DataError
from livesim.values.frames import Pixels
from livesim_models.data.draw import divided

TRAINING, VALIDATION, TEST = "training", "validation", "test"
TEST_SHARE, VALIDATION_SHARE = 0.2, 0.2
"""Of all recordings, and of those that are not for tests: the MPhil report's, section 2.3."""
LOW, REST = "low", "rest"
"""Ends of the names: the photons that are kept, and all others."""
SETTINGS_NAME = "settings.toml"
_ORDER = ("phase", "angle")
_MOST = np.iinfo(np.uint16).max
_LEAST = 0.01
"""Photo-electrons at a pixel, in the mean: from fewer nothing is learned."""


@dataclass(frozen=True, slots=True)
class Thinning:
    """How photons are taken away."""

    scale: float
    """By which there is less light."""
    seed: int


def thin_files(
    raws: Sequence[Path], settings: Settings, out: Path, thinning: Thinning, *, overwrite: bool
) -> None:
    """Write `out`/training, validation and test, each with its recordings' LOW and REST.

    Raises
    ------
    SettingsError
        If the scale is not above 1, or leaves no light, or two recordings have the same name.
    DataError
        If a recording cannot be read or has several channels, or a file exists already.
    """
    if not thinning.scale > 1.0:
        raise SettingsError(f"--scale: expected more than 1, found {thinning.scale:g}")
    if len({raw.name for raw in raws}) < len(raws):
        raise SettingsError("expected recordings of unlike names, found two of the same")
    console = words_console()
    if missing := {"offset", "gain"} - settings.camera.model_fields_set:
        console.print(
            f"livesim: expected {' and '.join(sorted(missing))} in [camera], found none: photons "
            f"are counted with offset {settings.camera.offset:g} and gain {settings.camera.gain:g}"
        )
    for raw, part in zip(raws, shares(len(raws), thinning.seed), strict=True):
        folder = out / part
        folder.mkdir(parents=True, exist_ok=True)
        with open_recording(raw, settings.pattern) as recording:
            own = with_pixel(settings, recording)
            _write_settings(folder / SETTINGS_NAME, own)
            clipped = _thin(recording, own, folder, thinning, overwrite=overwrite)
        words = f"; {clipped} pixels were brighter than 16 bits" if clipped else ""
        console.print(f"{raw.name}: {len(recording.indices)} raw stacks to {part}{words}")


def shares(count: int, seed: int) -> list[str]:
    """Return for each recording whether it is for training, validation or test, drawn by lot."""
    tests = round(TEST_SHARE * count)
    validations = round(VALIDATION_SHARE * (count - tests))
    parts = [TEST] * tests + [VALIDATION] * validations
    parts += [TRAINING] * (count - len(parts))
    return [parts[n] for n in np.random.default_rng(seed).permutation(count)]


def _write_settings(path: Path, settings: Settings) -> None:
    """Write the settings of the thinned recordings, whose frames come phase by phase."""
    pattern = settings.pattern.model_copy(
        update={"order": _ORDER, "first_frame": 0, "axes": {}, "sizes": {}}
    )
    own = settings.model_copy(update={"pattern": pattern, "simulation": None, "acquisition": None})
    with Placement(path, overwrite=True) as placement:
        placement.partial.write_text(own.to_toml(), encoding="utf-8")
        placement.commit()


def _thin(
    recording: Recording, settings: Settings, folder: Path, thinning: Thinning, *, overwrite: bool
) -> int:
    """Write both files of a recording; return how many pixels were too bright for them."""
    if len({index.channel for index in recording.indices}) > 1:
        raise DataError(f"{recording.source}: expected one channel, found several")
    stem = recording.source.name.split(".")[0]
    _check_light(recording, settings.camera, thinning)
    clipped = 0
    for part, name in enumerate((LOW, REST)):
        words = f"{stem}-{name}-{thinning.seed}-{thinning.scale}"
        layout = _layout(recording, settings.optics.pixel_nm or 0.0, words)

        def frames(part: int = part) -> Iterator[Pixels]:
            nonlocal clipped
            for counts in _counts(recording, settings.camera, thinning, part):
                clipped += int((counts > _MOST).sum())
                yield from counts.clamp(0, _MOST).numpy().astype(np.uint16)

        with Placement(folder / f"{stem}-{name}.ome.tif", overwrite=overwrite) as placement:
            write_raw_tiff(placement.partial, frames(), layout)
            placement.commit()
    return clipped


def _check_light(recording: Recording, camera: Camera, thinning: Thinning) -> None:
    """Refuse to take away all light of the first raw stack."""
    counts = recording.stack(recording.indices[0]).pixels.astype(np.float64)
    photons = float(((counts - camera.offset) / camera.gain).clip(0.0).mean())
    if not photons / thinning.scale > _LEAST:
        raise SettingsError(
            f"--scale: expected one that leaves {_LEAST:g} photo-electrons or more at a pixel, "
            f"found {thinning.scale:g}, and {photons:.3g} at a pixel of {recording.source}"
        )


def _counts(
    recording: Recording, camera: Camera, thinning: Thinning, part: int
) -> Iterator[Tensor]:
    """Yield the counts [frame, y, x] of every raw stack of a part: 0 what is kept, 1 the rest."""
    for number, index in enumerate(recording.indices):
        pixels = torch.from_numpy(recording.stack(index).pixels.astype(np.float32)).flatten(0, 1)
        photons = (pixels - camera.offset) / camera.gain
        generator = torch.Generator().manual_seed(thinning.seed * 1_000_003 + number)
        found = divided(photons, thinning.scale, generator, camera.read_noise)[part]
        yield (camera.offset + camera.gain * found).round()


def _layout(recording: Recording, pixel_nm: float, name: str) -> RawTiffLayout:
    stack = recording.stack(recording.indices[0]).pixels
    return RawTiffLayout(
        time=len(recording.indices),
        frames=stack.shape[0] * stack.shape[1],
        y=stack.shape[2],
        x=stack.shape[3],
        dtype=np.dtype(np.uint16),
        pixel_nm=pixel_nm,
        exposure_ms=recording.exposure_ms or 0.0,
        interval_s=recording.interval_s or 0.0,
        name=name,
    )
