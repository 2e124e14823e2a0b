"""Settings with `[simulation]` in, what a SIM microscope's camera counts out, and all that is true.

What the camera sees is computed by `livesim.reconstruction.forward`, the model that the
reconstruction inverts; torch is loaded when the first stack is asked for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from livesim.config import Settings, SettingsError
from livesim.config_simulation import Aberrations, Simulation
from livesim.frames import FrameAxes, Pattern, Pixels, RawFrame
from livesim.io.otf_file import read_otf
from livesim_acquisition.instrument import Instrument
from livesim_acquisition.sequence import arrivals
from livesim_acquisition.specimens.drawing import moved
from livesim_acquisition.specimens.registry import make_specimen
from livesim_acquisition.specimens.specimen import Density, Specimen

if TYPE_CHECKING:
    import torch

    from livesim.reconstruction.forward import Sensor, Transfer

SOURCE = "simulated microscope"
NOLL = {name: number for number, name in enumerate(Aberrations.model_fields, start=4)}
"""The names of the settings are in the order of Noll's index, which begins with defocus at 4."""
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
        if settings.simulation is None:
            raise SettingsError("expected [simulation] in the settings, found none")
        self.settings = settings
        self.own: Simulation = settings.simulation
        self.stack_interval_s = self.instrument.stack_interval_s
        if settings.optics.otf_file is not None and self._aberrations:
            raise SettingsError(
                "expected optics.otf_file or [simulation.aberrations], found both: "
                "a measured OTF has its aberrations in it"
            )

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
        angle, phase = divmod(int(self.instrument.places[taken]), self.instrument.stack_shape[1])
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
        return moved(density, y_nm / fine_nm, x_nm / fine_nm)

    def _expected(self, objects: torch.Tensor, pattern: Pattern) -> torch.Tensor:
        """Return the mean photo-electrons [frame, y, x] in the order of the pattern."""
        import torch

        from livesim.reconstruction.forward import expected_photons

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
        from livesim.reconstruction.forward import out_of_focus

        own = self.own.background
        uniform = own.uniform * self.own.peak_photons
        if own.defocused == 0.0:
            return uniform
        # Another layer holds another part of the cell: the specimen, turned upside down.
        layer = objects if objects.ndim == 2 else objects[0, 0]
        beyond = self._pupil_transfer(own.defocus_um)
        glow = out_of_focus(layer.flip(0, 1), beyond, self.instrument.pixel_nm / 1000.0)
        return uniform + own.defocused * glow.clamp(min=0.0)

    @cached_property
    def _scale(self) -> float:
        """What turns density into photo-electrons: the first widefield image's brightest pixel."""
        import torch

        from livesim.reconstruction.forward import image

        fine_um = self.specimen.pixel_nm / 1000.0
        density = torch.from_numpy(self._density(0.0))
        brightest = float(image(density, self._transfer, fine_um)[::2, ::2].max())
        if brightest <= 0.0:
            raise SettingsError(
                f"[simulation] expected a specimen within the field of {self.own.size}, "
                "found none: choose a larger size"
            )
        return self.own.peak_photons / brightest

    @cached_property
    def _aberrations(self) -> dict[str, float]:
        waves = self.own.aberrations.model_dump()
        return {name: value for name, value in waves.items() if value != 0.0}

    @cached_property
    def _transfer(self) -> Transfer:
        import torch

        from livesim.reconstruction.otf import Otf

        optics = self.settings.optics
        if self._aberrations:
            return self._pupil_transfer(0.0)
        if optics.otf_file is not None:
            profile = torch.from_numpy(read_otf(optics))
            return Otf(optics.cutoff_cycles_per_um, profile=profile)
        return Otf.theoretical(optics)

    def _pupil_transfer(self, defocus_um: float) -> torch.Tensor:
        from livesim.reconstruction.pupil import Mode, Pupil

        modes: dict[Mode, float] = {NOLL[name]: waves for name, waves in self._aberrations.items()}
        pupil = Pupil(self.settings.optics, modes, defocus_um)
        return pupil.transfer(self.specimen.shape, self.specimen.pixel_nm / 1000.0)

    @cached_property
    def _sensor(self) -> Sensor:
        from livesim.reconstruction.sensor import Sensor

        own, camera = self.own.camera, self.settings.camera
        sensor = Sensor.of(camera)
        if own.kind == "scmos":
            sensor = Sensor.scmos(
                camera,
                self.own.size,
                self.own.seed,
                offset_spread=own.offset_spread,
                gain_spread=own.gain_spread,
                read_noise_spread=own.read_noise_spread,
            )
        return replace(
            sensor,
            electron_multiplying=own.kind == "emccd",
            bits=own.bits,
            full_well=own.full_well or float("inf"),
        )
