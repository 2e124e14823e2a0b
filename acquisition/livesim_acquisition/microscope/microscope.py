"""Simulate the raw stacks of a SIM microscope, with all that is true of them.

What the camera sees is computed by `livesim.reconstruction.forward.model`, the model that the
reconstruction inverts; torch is loaded when the first stack is asked for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from livesim.config.settings import Settings, SettingsError
from livesim.values.frames import FrameAxes, Pixels, RawFrame
from livesim.values.pattern import Pattern
from livesim_acquisition.microscope.arrivals import arrivals
from livesim_acquisition.microscope.instrument import Instrument
from livesim_acquisition.microscope.optics import check_optics, pupil_of, sensor_of, transfer_of
from livesim_acquisition.specimens.drawing import shifted
from livesim_acquisition.specimens.registry import make_specimen
from livesim_acquisition.specimens.specimen import Density, Specimen

if TYPE_CHECKING:
    import torch

    from livesim.reconstruction.forward.model import Pupil, Sensor, Transfer

SOURCE = "simulated microscope"
TIMESTAMP_JITTER_NS = 20_000.0
"""Standard deviation of a camera's timestamps."""


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedStack:
    """One raw stack and its truth; frames are in the order in which they were taken."""

    counts: Pixels
    """[frame, y, x]."""
    expected: NDArray[np.float32]
    """[frame, y, x] mean photo-electrons, saturation and offset not included."""
    object: NDArray[np.float32]
    """[2 y, 2 x] photo-electrons per raw pixel in uniform light; mean over the stack."""
    pattern: Pattern
    """The light, in the order of the pattern; `Instrument.order` says which frame shows what."""


class SimulatedMicroscope:
    """A microscope that takes the same raw stacks every time, each of them on its own if need be.

    Parameters
    ----------
    settings
        With `[simulation]` and the pixel size.

    Raises
    ------
    SettingsError
        If either is missing, or they contradict each other.
    """

    def __init__(self, settings: Settings) -> None:
        self.instrument = Instrument(settings)
        self.settings, self.own = settings, self.instrument.own
        self.stack_interval_s = self.instrument.stack_interval_s
        check_optics(settings.optics, self.own)

    @cached_property
    def specimen(self) -> Specimen:
        """What is looked at, drawn on the doubled grid."""
        return make_specimen(self.own, self.instrument.pixel_nm)

    def stack(self, number: int) -> SimulatedStack:
        """Take one raw stack.

        Raises
        ------
        SettingsError
            If nothing in the field is bright.
        DataError
            If a file that the settings name cannot be used.
        """
        import torch

        taken = np.argsort(self.instrument.order, kind="stable")
        times = self.instrument.specimen_times_s(number)[taken]
        pattern = self.instrument.pattern(number)
        objects = self._objects(times)
        expected = self._expected(objects, pattern)[self.instrument.order]
        seed = np.random.SeedSequence((self.own.seed, 3, number)).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(seed[0] >> 1))
        counts = self._sensor.counts(expected, generator)
        mean = objects if objects.ndim == 2 else objects.mean(dim=(0, 1))
        seen = mean.clamp(min=0.0)  # moved objects ripple at frequencies that nobody sees
        return SimulatedStack(counts.numpy(), expected.numpy(), seen.numpy(), pattern)

    def frames(self, time_points: int) -> Iterator[RawFrame]:
        """Yield the frames of `time_points` raw stacks as they arrive, phase or angle fastest.

        `camera_ns` counts from the beginning of the first exposure; pacing is left to who sends.
        Dropped frames are missing, repeated ones come twice, late ones late, each with its own
        number and axes.
        """
        frames = time_points * self.instrument.frames
        numbers = arrivals(self.own.sequence, self.own.seed, frames)
        for number, stack in self.taken(numbers):
            yield self._frame(number, stack.counts[number % self.instrument.frames])

    def taken(self, numbers: Iterable[int]) -> Iterator[tuple[int, SimulatedStack]]:
        """Yield (number, raw stack it belongs to) for frames in almost ascending order."""
        per_stack = self.instrument.frames
        at_hand = OrderedDict[int, SimulatedStack]()
        room = 2 + self.own.sequence.late_by // per_stack
        for number in numbers:
            stack = number // per_stack
            if stack not in at_hand:
                at_hand[stack] = self.stack(stack)
                if len(at_hand) > room:
                    at_hand.popitem(last=False)
            yield number, at_hand[stack]

    def _frame(self, number: int, pixels: Pixels) -> RawFrame:
        time, taken = divmod(number, self.instrument.frames)
        angle, phase = divmod(int(self.instrument.labels[taken]), self.instrument.stack_shape[1])
        jitter = np.random.default_rng((self.own.seed, 4, number)).normal(0.0, TIMESTAMP_JITTER_NS)
        begun_ns = 1e9 * self.instrument.times_s(time)[taken] + jitter
        return RawFrame(
            stream=SOURCE,
            sequence=number,
            axes=FrameAxes(time=time, angle=angle, phase=phase),
            pixels=pixels,
            exposure_ms=self.own.exposure_ms,
            camera_ns=max(0, round(begun_ns)),
        )

    def _objects(self, times_s: NDArray[np.float64]) -> torch.Tensor:
        """Return the specimen in photo-electrons: [2 y, 2 x], or of every frame if it moves."""
        import torch

        if np.ptp(times_s) == 0.0:
            return self._scale * torch.from_numpy(self._density(float(times_s[0])))
        densities = np.stack([self._density(float(time)) for time in times_s])
        whole = torch.from_numpy(densities) * self._scale
        return whole.reshape(*self.instrument.stack_shape, *whole.shape[1:])

    def _density(self, time_s: float) -> Density:
        density = self.specimen.density(time_s)
        y_nm, x_nm = self.instrument.shift_nm(time_s)
        if (y_nm, x_nm) == (0.0, 0.0):
            return density
        fine_nm = self.specimen.pixel_nm
        return shifted(density, y_nm / fine_nm, x_nm / fine_nm)

    def _expected(self, objects: torch.Tensor, pattern: Pattern) -> torch.Tensor:
        """Return the mean photo-electrons [frame, y, x] in the order of the pattern."""
        import torch

        from livesim.reconstruction.forward.model import expected_photons

        fading = self.instrument.visibility()
        expected = expected_photons(
            objects,
            pattern,
            self._transfer,
            background=self._background(objects),
            visibility=None if fading is None else torch.from_numpy(fading),
        )
        return expected.flatten(0, 1)

    def _background(self, objects: torch.Tensor) -> torch.Tensor | float:
        """Return the photo-electrons without pattern, a number or [y, x]."""
        from livesim.reconstruction.forward.model import out_of_focus

        own = self.own.background
        uniform = own.uniform * self.own.peak_photons
        if own.defocused == 0.0:
            return uniform
        # Another layer holds another part of the cell: the specimen, turned upside down.
        layer = objects if objects.ndim == 2 else objects[0, 0]
        beyond = self._pupil.defocused(own.defocus_um).transfer(*self._fine_grid)
        glow = out_of_focus(layer.flip(0, 1), beyond, self.instrument.pixel_nm / 1000.0)
        return uniform + own.defocused * glow.clamp(min=0.0)

    @cached_property
    def _scale(self) -> float:
        """What turns density into photo-electrons: the first widefield image's brightest pixel."""
        import torch

        from livesim.reconstruction.forward.model import image

        density = torch.from_numpy(self._density(0.0))
        brightest = float(image(density, self._transfer, self._fine_grid[1])[::2, ::2].max())
        if brightest <= 0.0:
            raise SettingsError(
                f"[simulation] expected a specimen within the field of {self.own.size}, "
                "found none: choose a larger size"
            )
        return self.own.peak_photons / brightest

    @property
    def _fine_grid(self) -> tuple[tuple[int, int], float]:
        """(shape, pixel in µm) of the doubled grid."""
        return self.specimen.shape, self.specimen.pixel_nm / 1000.0

    @cached_property
    def _pupil(self) -> Pupil:
        return pupil_of(self.settings.optics, self.own.aberrations)

    @cached_property
    def _transfer(self) -> Transfer:
        return transfer_of(self.settings.optics, self.own.aberrations, *self._fine_grid)

    @cached_property
    def _sensor(self) -> Sensor:
        return sensor_of(self.settings.camera, self.own)
