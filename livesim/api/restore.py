"""Restore arrays of raw frames: `restore` once, a `Restorer` again and again."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from livesim.api.arrays import SOURCE, Array, RawStacks, is_dask, like
from livesim.api.calibrate import check_fringes, estimated_from
from livesim.config.settings import Settings, SettingsError
from livesim.config.step_choice import with_steps
from livesim.io.otf import otf_profile
from livesim.io.pattern_file import read_pattern
from livesim.pipeline.calibration import held_against, in_this_light
from livesim.pipeline.devices import device_named
from livesim.pipeline.networks import load_networks
from livesim.pipeline.paths import path_for
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.values.errors import DataError
from livesim.values.frames import RawStack
from livesim.values.pattern import Pattern
from livesim.values.verdict import Trust

PLAIN = "reconstruct"
ERROR = "error"
EVERYTHING = ("image", "plain", "between", "network", "widefield", ERROR)
"""What a `Restored` holds, in its order."""


@dataclass(frozen=True, slots=True, eq=False)
class Restored:
    """All images that are made of raw stacks."""

    image: Any
    """[…, 2 y, 2 x] arbitrated: of what the networks changed, as much as the photons carry; may be
    negative."""
    plain: Any
    """[…, 2 y, 2 x] without any network."""
    step_one: Any
    """[…, 2 y, 2 x] with step one alone; equals `plain` where there is no step one, and `network`
    where there is one for all."""
    network: Any
    """[…, 2 y, 2 x] what the networks alone make; equals `plain` where there is none."""
    widefield: Any
    """[…, y, x] mean of the raw frames, in photo-electrons."""
    error: Any
    """[…, 2 y, 2 x] standard deviation of `image`, photo-electrons per raw pixel; None where it
    cannot be measured: fields that are too small, Richardson-Lucy steps, or frames whose
    neighbouring pixels share their noise."""

    def __repr__(self) -> str:
        return f"<images {tuple(self.image.shape)}, widefield {tuple(self.widefield.shape)}>"


class Restorer:
    """Restores raw stacks of one field with one pattern; what can be computed once is kept.

    How much of the networks' change is shown is measured for every raw stack from its own photons,
    always in the same way: neither other stacks nor their order play a part. It takes about six
    times as long as the networks' image on a CPU; ``steps="reconstruct"`` does without.

    It may be called from several threads, which then take turns. Pickled, it is its recipe alone
    (settings, pattern, device: a few kB), so that dask, concurrent.futures and joblib can hand it
    to their workers; each prepares its own plan at the first call.

    Parameters
    ----------
    settings
        Of the microscope.
    pattern
        As `livesim.calibrate` returns it, or the path of a file of `livesim calibrate`.
    device
        Such as "cpu" or "cuda:1"; None = the first GPU where there is one, else the CPU.
    steps
        "reconstruct", "one,reconstruct", "reconstruct,two" or "one,reconstruct,two"; None = those
        that the settings name.

    Raises
    ------
    SettingsError
        If the device or the steps are none that there are, or a network does not fit.
    DataError
        If the pattern file cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        pattern: Pattern | str | Path,
        device: str | torch.device | None = None,
        steps: str | None = None,
    ) -> None:
        known = pattern if isinstance(pattern, Pattern) else read_pattern(Path(pattern))
        if settings.optics.pixel_nm is None:
            optics = settings.optics.model_copy(update={"pixel_nm": known.pixel_nm})
            settings = settings.model_copy(update={"optics": optics})
        self.settings = settings if steps is None else with_steps(settings, steps)
        self.pattern = known
        self.device = device_named(device)
        self._asked = None if device is None else str(self.device)
        self._lock = Lock()
        # Once: workers that measured for themselves would each scale differently.
        self._fitted = False
        self._found_in_them = False
        self._pipeline: ReconstructionPipeline | None = None

    def __call__(self, raw: Array, *, everything: bool = False) -> Any:
        """Restore raw stacks […, frames, y, x] or […, angle, phase, y, x].

        Returns
        -------
        float32 […, 2 y, 2 x] of the library of `raw` (dask: computed later, one raw stack a
        chunk); with `everything` a `Restored`, whose images are of numpy or torch.

        Raises
        ------
        DataError
            If the array holds no whole raw stacks of counts, or the pattern is one for frames of
            another size.
        """
        stacks = RawStacks(raw, self.settings.pattern)
        self.fit(stacks, look=not is_dask(raw))
        if is_dask(raw) and not everything:
            return _later(raw, stacks, self)
        images = self._images(stacks, EVERYTHING if everything else EVERYTHING[:1])
        image, *others = (
            None if one is None else like(one.reshape(*stacks.leading, *one.shape[1:]), raw)
            for one in images
        )
        return Restored(image, *others) if everything else image

    def fit(self, stacks: RawStacks, *, look: bool = True) -> None:
        """Make sure that the pattern is one for these frames, and for as much light.

        The first raw stack that is ever restored decides about the light. Without a `look`, as for
        an array of dask, of which nothing is to be computed yet, a pattern's own levels are
        believed.

        Raises
        ------
        DataError
            If the pattern is one for frames of another size.
        """
        if stacks.frame_shape != self.pattern.shape:
            raise DataError(
                f"{SOURCE}: expected frames of (y, x) = {self.pattern.shape}, as the pattern is "
                f"for, found {stacks.frame_shape}"
            )
        with self._lock:
            if self._fitted:
                return
            if look or self.pattern.levels is None:
                profile = otf_profile(self.settings)
                self._doubt(stacks.first)
                self.pattern = in_this_light(self.pattern, [stacks.first], self.settings, profile)
            self._fitted = True

    def _doubt(self, first: RawStack) -> None:
        """Warn the caller's caller of what a raw stack says against a pattern of others."""
        if self._found_in_them:
            return
        told = held_against(self.pattern, [first], self.settings)
        for words in told.warnings[len(self.pattern.warnings) :]:
            warnings.warn(words, stacklevel=4)
        self.pattern = told

    def judged(self, stack: RawStack, image: torch.Tensor) -> Trust | None:
        """Hold an image [2 y, 2 x] of a raw stack against the photons; None where nothing can."""
        with self._lock:
            pipeline = self._prepared()
            found = pipeline.examine(pipeline.compute(stack), image, foreign=True)
        return None if found is None else found.trust

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (self.settings, self.pattern, self._asked, self._fitted)

    def _prepared(self) -> ReconstructionPipeline:
        if self._pipeline is None:
            self._pipeline = ReconstructionPipeline(
                self.settings,
                self.pattern,
                otf_profile(self.settings),
                load_networks(self.settings, self.device),
                path_for(self.device),
            )
        return self._pipeline

    def _images(self, stacks: RawStacks, names: Sequence[str]) -> list[NDArray[np.float32] | None]:
        """Return images of all raw stacks, [stack, y, x] each; only one stack is at work."""
        images: list[NDArray[np.float32] | None] = []
        for number, stack in enumerate(stacks):
            found = self._made(stack, names)
            images = images or [
                None if one is None else np.full((len(stacks), *one.shape), np.nan, np.float32)
                for one in found
            ]
            for kept, one in zip(images, found, strict=True):
                if kept is not None and one is not None:
                    kept[number] = one
        return images

    def _made(self, stack: RawStack, names: Sequence[str]) -> list[NDArray[np.float32] | None]:
        """Return the images of one raw stack that are asked for by name."""
        with self._lock:
            pipeline = self._prepared()
            work = pipeline.compute(stack)
            asked = pipeline.networks.any or ERROR in names
            reviewed = pipeline.examine(work) if asked else None
        known: dict[str, torch.Tensor | None] = {ERROR: None}
        if reviewed is not None:
            known = {ERROR: reviewed.error, "image": reviewed.image}
        tensors = (known[name] if name in known else getattr(work, name) for name in names)
        return [None if one is None else one.cpu().numpy() for one in tensors]


def restore(
    raw: Array,
    settings: Settings,
    pattern: Pattern | str | Path | None = None,
    *,
    steps: str | None = None,
    plain: bool = False,
    everything: bool = False,
    device: str | torch.device | None = None,
    strict: bool = False,
) -> Any:
    """Restore raw stacks: reconstruct them, with as much of the networks as the photons carry.

    Parameters
    ----------
    raw
        Camera counts […, frames, y, x] or […, angle, phase, y, x]: numpy, torch or dask, of any
        byte order, or what `livesim.open` returns.
    settings
        Of the microscope.
    pattern
        As `livesim.calibrate` returns it, or the path of a pattern file; None estimates it from
        `raw`.
    steps
        As `Restorer`.
    plain
        Without any network; the same as ``steps="reconstruct"``.
    everything
        Return the plain, the networks' and the widefield images and the error too.
    device
        As `Restorer`.
    strict
        Refuse raw stacks in which no angle shows fringes; else their widefield, sharpened, is
        returned with a warning.

    Returns
    -------
    float32 […, 2 y, 2 x], sampled at half the raw pixel, pixel (0, 0) centred on raw pixel (0, 0);
    with `everything` a `Restored`.

    Raises
    ------
    DataError, SettingsError
        As `calibrate` and `Restorer`; also if `plain` contradicts `steps`.
    """
    if plain and steps not in (None, PLAIN):
        raise SettingsError(f"expected plain=True or steps='{steps}', found both")
    stacks = RawStacks(raw, settings.pattern)
    known = estimated_from(stacks, settings) if pattern is None else pattern
    restorer = Restorer(settings, known, device, PLAIN if plain else steps)
    restorer._found_in_them = pattern is None
    check_fringes(restorer.pattern, strict=strict)
    return restorer(raw, everything=everything)


def _unpickled(settings: Settings, pattern: Pattern, device: str | None, fitted: bool) -> Restorer:
    restorer = Restorer(settings, pattern, device)
    restorer._fitted = fitted
    return restorer


def _later(raw: Any, stacks: RawStacks, restorer: Restorer) -> Any:
    """Return a dask array that restores a raw stack when its chunk is asked for."""
    y, x = stacks.frame_shape
    if stacks.stack_axes == 1:
        raw = raw[..., stacks.frames.reshape(-1), :, :]
        raw = raw.reshape(*stacks.leading, *stacks.frames.shape[1:], y, x)
    outer = len(stacks.leading)
    whole = raw.rechunk((*(1,) * outer, -1, -1, -1, -1))
    return whole.map_blocks(
        restorer,
        dtype=np.float32,
        drop_axis=[outer, outer + 1],
        chunks=(*whole.chunks[:outer], (2 * y,), (2 * x,)),
        meta=np.empty((0,) * (outer + 2), np.float32),
    )
