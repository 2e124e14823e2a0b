"""Optics, camera, pattern and specimen in, the raw frames a SIM microscope would record out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from time import time_ns
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from livesim.config import Camera, Optics, SettingsError
from livesim.frames import FrameAxes, Pattern, PatternAngle, RawFrame
from livesim_acquisition.specimen import Filaments

if TYPE_CHECKING:
    import torch

Counts = NDArray[np.uint16]
SOURCE = "simulated microscope"


@dataclass(frozen=True)
class SimulatedMicroscope:
    """A microscope whose specimen moves between raw stacks and stands still within one.

    What the camera sees is computed by `livesim.reconstruction.forward`, the model that the
    reconstruction inverts; torch is loaded when the first frame is asked for.

    Raises
    ------
    SettingsError
        If the pixel size is not known, or the specimen is not drawn on the doubled grid.
    """

    optics: Optics
    camera: Camera
    angles: tuple[PatternAngle, ...]
    """The illumination of every angle; what drifts or bleaches is not simulated."""
    specimen: Filaments
    """Drawn on the doubled grid, [2 y, 2 x]."""
    peak_photons: float = 300.0
    """Photo-electrons of the brightest raw pixel at the first time point, in uniform light."""
    background_photons: float = 0.0
    """Photo-electrons that every pixel has besides, as out-of-focus light gives them."""
    exposure_ms: float = 5.0
    interval_s: float | None = None
    """From one raw stack to the next; None = as fast as the exposures allow."""
    seed: int = 0

    def __post_init__(self) -> None:
        fine_nm = self.pixel_nm / 2
        if not math.isclose(self.specimen.pixel_nm, fine_nm):
            raise SettingsError(
                f"expected a specimen of {fine_nm} nm pixels, found {self.specimen.pixel_nm}"
            )
        if any(size % 2 for size in self.specimen.shape):
            raise SettingsError(f"expected an even specimen, found {self.specimen.shape}")

    @property
    def pixel_nm(self) -> float:
        """Raw pixel in the sample."""
        if self.optics.pixel_nm is None:
            raise SettingsError("expected optics.pixel_nm in the settings, found none")
        return self.optics.pixel_nm

    @property
    def shape(self) -> tuple[int, int]:
        """(y, x) of a raw frame."""
        y, x = self.specimen.shape
        return y // 2, x // 2

    @property
    def stack_interval_s(self) -> float:
        """From one raw stack to the next."""
        frames = sum(len(angle.phases_rad) for angle in self.angles)
        return self.interval_s or frames * self.exposure_ms / 1000.0

    def frames(self, time_points: int) -> Iterator[RawFrame]:
        """Take `time_points` raw stacks, phase fastest; pacing them is left to who sends them.

        The same microscope gives the same counts every time.
        """
        sequence = count()
        for time, stack in enumerate(self._stacks(time_points)):
            for angle, phase in np.ndindex(*stack.shape[:2]):
                yield RawFrame(
                    stream=SOURCE,
                    sequence=next(sequence),
                    axes=FrameAxes(time=time, angle=angle, phase=phase),
                    pixels=stack[angle, phase],
                    exposure_ms=self.exposure_ms,
                    camera_ns=time_ns(),
                )

    def _stacks(self, time_points: int) -> Iterator[Counts]:
        """Yield what the camera counts, [angle, phase, y, x]."""
        import torch

        from livesim.reconstruction.forward import camera_counts

        generator = torch.Generator().manual_seed(self.seed)
        gain = self._photons_per_density()
        for time in range(time_points):
            photons = gain * self._light(time) + self.background_photons
            yield camera_counts(photons, self.camera, generator).numpy()

    def _light(self, time: int) -> torch.Tensor:
        """Return the light of one raw stack per unit of total density, [angle, phase, y, x]."""
        import torch

        from livesim.reconstruction.forward import expected_photons
        from livesim.reconstruction.otf import Otf

        density = self.specimen.density(time * self.stack_interval_s)
        # Filaments neither gain nor lose fluorophores when they cross.
        whole = torch.from_numpy(density / density.mean())
        otf = Otf.theoretical(self.optics)
        pattern = Pattern(self.pixel_nm, self.shape, self.angles)
        return expected_photons(whole, pattern, otf)

    def _photons_per_density(self) -> float:
        """Return the factor that makes the brightest pixel of the first widefield image right."""
        return self.peak_photons / float(self._light(0).mean(dim=(0, 1)).max())
