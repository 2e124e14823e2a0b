"""Simulate volumes: stacks of planes under three-beam light, with all that is true of them.

What the camera sees is computed by `livesim.reconstruction.volume.forward`, whose optics the
reconstruction inverts; torch is loaded when the first volume is asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from livesim.config.pattern import Axis
from livesim.config.settings import Settings, SettingsError
from livesim.config.simulation import Simulation, VolumeSettings
from livesim.values.frames import Pixels
from livesim.values.pattern import Pattern
from livesim.values.volume_pattern import VolumePattern
from livesim_acquisition.microscope.instrument import Instrument
from livesim_acquisition.microscope.optics import check_optics, pupil_of, sensor_of
from livesim_acquisition.microscope.true_pattern import true_angles
from livesim_acquisition.specimens.volumes import Space, draw_volume

if TYPE_CHECKING:
    import torch

Values = NDArray[np.float64]
_SYMMETRIC = {"defocus", "spherical"}
"""Aberrations that leave the pupil rotationally symmetric."""


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedVolume:
    """One volume as the camera sees it."""

    counts: Pixels
    """[z, angle, phase, y, x]."""
    intensity: Values
    """[z, angle, phase], relative brightness."""
    saturated: int
    """Pixels at the camera's limit."""


class VolumeMicroscope:
    """A three-beam microscope that moves its focal plane through a specimen that stands still.

    The pattern stays with the objective. Frames are taken in the order of `[pattern] order`; the
    specimen drifts and bleaches as they are taken.

    Parameters
    ----------
    settings
        With `[simulation.volume]` and the pixel size.

    Raises
    ------
    SettingsError
        If something is missing, or settings contradict each other.
    """

    def __init__(self, settings: Settings) -> None:
        own = settings.simulation
        if own is None or own.volume is None:
            raise SettingsError("expected [simulation.volume] in the settings, found none")
        self.settings = settings
        self.own: Simulation = own
        self.volume: VolumeSettings = own.volume
        self.instrument = Instrument(settings)
        self.planes = settings.pattern.sizes["z"]
        self._check_optics()

    def _check_optics(self) -> None:
        check_optics(self.settings.optics, self.own)
        if self.settings.optics.otf_file is not None:
            raise SettingsError("expected no optics.otf_file in a simulation of volumes, found one")
        aberrations = self.own.aberrations.model_dump().items()
        twisted = [name for name, waves in aberrations if waves and name not in _SYMMETRIC]
        if twisted:
            raise SettingsError(
                f"[simulation.aberrations] expected {' and '.join(sorted(_SYMMETRIC))} alone for "
                f"volumes, found {', '.join(twisted)}"
            )

    @property
    def sizes(self) -> tuple[int, int, int]:
        """(planes, angles, phases)."""
        return (self.planes, *self.instrument.stack_shape)

    @property
    def frames(self) -> int:
        """Of a volume."""
        return math.prod(self.sizes)

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """When each frame is taken, [z, angle, phase]: its number in the volume."""
        names: tuple[Axis, ...] = ("z", "angle", "phase")
        slowest_first = [axis for axis in self.settings.pattern.order[::-1] if axis in names]
        lengths = [self.sizes[names.index(axis)] for axis in slowest_first]
        numbers = np.arange(self.frames).reshape(lengths)
        return numbers.transpose([slowest_first.index(axis) for axis in names])

    @cached_property
    def pattern(self) -> VolumePattern:
        """The light, without brightness."""
        optics, own = self.settings.optics, self.own
        angles = true_angles(self.settings, own, self.instrument.pixel_nm)
        turns = [math.radians(turn) for turn in self.volume.axial_phase_deg]
        axial = turns * len(angles) if len(turns) == 1 else turns
        try:
            return VolumePattern(
                Pattern(self.instrument.pixel_nm, own.size, angles),
                self.planes,
                self.volume.z_step_nm,
                optics.excitation_or_assumed_nm,
                optics.refractive_index,
                tuple(axial),
            )
        except ValueError as error:
            raise SettingsError(f"[simulation.pattern] {error}") from error

    @cached_property
    def beyond(self) -> int:
        """How many layers of the specimen lie before the first plane, and after the last."""
        return round(1000.0 * self.volume.beyond_um / self.volume.z_step_nm)

    @cached_property
    def specimen(self) -> torch.Tensor:
        """[layer, 2 y, 2 x] photo-electrons per raw pixel in uniform light.

        Scaled so that the brightest pixel of the widefield planes has `peak_photons`.
        """
        return self._light[0]

    @cached_property
    def expected(self) -> torch.Tensor:
        """[z, angle, phase, y, x] mean photo-electrons, before bleaching and the camera."""
        return self._light[1]

    @cached_property
    def _light(self) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        from livesim.reconstruction.volume.forward import expected_volume

        rows, columns = self.own.size
        shape = (self.planes + 2 * self.beyond, 2 * rows, 2 * columns)
        space = Space(shape, self.volume.z_step_nm, self.instrument.pixel_nm / 2.0)
        density = torch.from_numpy(draw_volume(self.own, space)).double()
        pupil = pupil_of(self.settings.optics, self.own.aberrations)
        moved = torch.from_numpy(self.moved_um) if self.moved_um.any() else None
        light = expected_volume(density, self.pattern, pupil, first=self.beyond, moved_um=moved)
        brightest = float(light.mean(dim=(1, 2)).max())
        if brightest <= 0.0:
            raise SettingsError(
                f"[simulation] expected a specimen within {self.planes} planes of "
                f"{self.own.size}, found none"
            )
        scale = self.own.peak_photons / brightest
        background = self.own.background.uniform * self.own.peak_photons
        return density * scale, light.mul_(scale).add_(background)

    @cached_property
    def moved_um(self) -> Values:
        """By how much the specimen has moved when a plane is taken, [angle, z, 3] as (z, y, x)."""
        seconds = self.order.mean(axis=2).T * self.instrument.frame_interval_s
        lateral = np.array([[self.instrument.shift_nm(float(t)) for t in row] for row in seconds])
        axial = self.volume.z_drift_nm_per_s * seconds - self._stops_nm()
        moved: Values = np.concatenate([axial[..., None], lateral], axis=-1) / 1000.0
        return moved

    def _stops_nm(self) -> Values:
        """Return how far beyond a plane the stage stops, [angle, z]."""
        random = np.random.default_rng((self.own.seed, 6))
        stops = self.volume.z_jitter_nm * random.normal(size=self.sizes[1::-1])
        # Where all frames of a plane are taken together, the stage stops there once.
        once = np.ptp(self.order.reshape(self.planes, -1), axis=1).max() < np.prod(self.sizes[1:])
        return np.broadcast_to(stops[:1], stops.shape) if once else stops

    def take(self, time: int) -> SimulatedVolume:
        """Take one volume; the same every time."""
        import torch

        seed = np.random.SeedSequence((self.own.seed, 3, time)).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(seed[0] >> 1))
        sensor = sensor_of(self.settings.camera, self.own)
        bright = self._intensity(time)
        planes = []
        for plane, light in zip(self.expected, torch.from_numpy(bright), strict=True):
            frames = (plane * light[..., None, None]).float().flatten(0, 1)
            planes.append(sensor.counts(frames, generator).numpy())
        counts = np.stack(planes).reshape(*self.sizes, *self.own.size)
        most = 2**self.own.camera.bits - 1
        return SimulatedVolume(counts, bright, int(np.count_nonzero(counts >= most)))

    def _intensity(self, time: int) -> Values:
        """Return the relative brightness of a volume's frames, [z, angle, phase]."""
        light = self.own.light
        number = time * self.frames + self.order
        left: Values = (1.0 - light.bleaching_per_frame) ** number.astype(np.float64)
        if light.bleaching_half_life_s is not None:
            seconds = number * self.instrument.frame_interval_s
            left = left * 0.5 ** (seconds / light.bleaching_half_life_s)
        return left
