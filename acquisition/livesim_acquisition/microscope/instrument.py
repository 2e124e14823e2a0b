"""Compute the true light, brightness and shift of every frame of a simulated instrument."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from livesim.config.settings import Settings, SettingsError
from livesim.config.simulation import Simulation
from livesim.values.pattern import Pattern
from livesim_acquisition.microscope.true_pattern import true_angles

Vector = NDArray[np.float64]
FrameNumbers = NDArray[np.intp]


class Instrument:
    """A microscope with its faults, fixed by the settings and their seed.

    Faults of the instrument (phase, angle and period errors) are drawn once; those of a frame
    (jitter, flicker) from the seed and the stack's number, so every stack can be made alone.

    Parameters
    ----------
    settings
        With `[simulation]` and the pixel size.

    Raises
    ------
    SettingsError
        If either is missing, or a period is too fine for the objective or the doubled grid.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.simulation is None:
            raise SettingsError("expected [simulation] in the settings, found none")
        self._settings = settings
        self.own: Simulation = settings.simulation
        self.pixel_nm = settings.optics.known_pixel_nm
        self._angles = true_angles(settings, settings.simulation, self.pixel_nm)

    @property
    def stack_shape(self) -> tuple[int, int]:
        """(angles, phases) of a raw stack."""
        return self._settings.pattern.stack_shape

    @property
    def frames(self) -> int:
        """Of a raw stack."""
        return self._settings.pattern.stack_frames

    @property
    def frame_interval_s(self) -> float:
        """From the beginning of one exposure to that of the next."""
        return (self.own.exposure_ms + self.own.readout_ms) / 1000.0

    @property
    def stack_interval_s(self) -> float:
        """From one raw stack to the next.

        Raises
        ------
        SettingsError
            If the frames of a stack take longer than the interval that was asked for.
        """
        least = self.frames * self.frame_interval_s
        if self.own.interval_s is None:
            return least
        if self.own.interval_s < least * (1.0 - 1e-9):
            raise SettingsError(
                f"[simulation] expected interval_s of at least {least:g} s, the time of "
                f"{self.frames} frames, found {self.own.interval_s:g}"
            )
        return self.own.interval_s

    def times_s(self, stack: int) -> Vector:
        """Return when each exposure of a stack begins, [frame], as they are taken."""
        frames = np.arange(self.frames, dtype=np.float64)
        return stack * self.stack_interval_s + frames * self.frame_interval_s

    def specimen_times_s(self, stack: int) -> Vector:
        """Return at which time each frame shows the specimen, [frame]."""
        times = self.times_s(stack)
        return times if self.own.moves_within_stack else np.full(self.frames, times[0])

    def pattern(self, stack: int) -> Pattern:
        """Return the light of every frame of a stack, in the order of the pattern."""
        # A frame of the pattern is taken when the order of the sequence says so.
        taken = np.argsort(self.order, kind="stable")
        turns = self._turns(stack)[:, taken]
        intensity = self._intensity(stack)[taken]
        angles, phases = self.stack_shape
        light = []
        for number, angle in enumerate(self._angles):
            own = slice(None) if angles == 1 else slice(number * phases, (number + 1) * phases)
            true = (np.asarray(angle.phases_rad) + turns[number, own]) % (2.0 * np.pi)
            light.append(
                replace(
                    angle,
                    phases_rad=tuple(true.tolist()),
                    intensity=tuple(intensity[own].tolist()),
                )
            )
        return Pattern(
            self.pixel_nm, self.own.size, tuple(light), layout=self._settings.pattern.layout
        )

    @cached_property
    def labels(self) -> FrameNumbers:
        """The angle-major number with which each frame of a stack is labelled, [frame] as taken."""
        return np.roll(self._sequence, -self._settings.pattern.first_frame)

    @cached_property
    def _sequence(self) -> FrameNumbers:
        """Return the order in which an instrument without faults takes the frames, angle-major."""
        order = self._settings.pattern.order
        labels = np.arange(self.frames).reshape(self.stack_shape)
        angle_is_faster = {"angle", "phase"} <= set(order) and (
            order.index("angle") < order.index("phase")
        )
        return labels.T.ravel() if angle_is_faster else labels.ravel()

    @cached_property
    def order(self) -> FrameNumbers:
        """Which frame of the pattern each frame of a stack really shows, [frame] as taken."""
        sequence = self.own.sequence
        shown = np.arange(self.frames).reshape(self.stack_shape)
        if sequence.swapped_angles is not None:
            shown[list(sequence.swapped_angles)] = shown[list(sequence.swapped_angles[::-1])]
        in_turn = shown.ravel()[self._sequence]
        if sequence.reversed:
            in_turn = in_turn[::-1]
        return np.roll(in_turn, -sequence.rotated_by)

    def shift_nm(self, time_s: float) -> tuple[float, float]:
        """Return by how much the specimen has moved as a whole, (y, x)."""
        stage = self.own.stage
        jumped = np.array(stage.jump_nm) * (time_s >= stage.jump_at_s and any(stage.jump_nm))
        x, y = np.multiply(stage.drift_nm_per_s, time_s) + jumped
        return float(y), float(x)

    def visibility(self) -> NDArray[np.float32] | None:
        """Return what multiplies the modulation over the doubled grid, [2 y, 2 x]; None = 1."""
        lost = self.own.pattern.modulation_falloff
        if lost == 0.0:
            return None
        y, x = (np.linspace(-1.0, 1.0, 2 * count) for count in self.own.size)
        return (1.0 - lost * (y[:, None] ** 2 + x**2) / 2.0).astype(np.float32)

    def _turns(self, stack: int) -> Vector:
        """Return what drift and jitter add to every vector's phases, [vector, frame] as taken."""
        true, vectors = self.own.pattern, len(self._angles)
        drift = math.radians(true.drift_deg_per_stack)
        drifted = drift * (stack + np.arange(self.frames) / self.frames)
        random = np.random.default_rng((self.own.seed, 1, stack))
        jitter = random.normal(0.0, math.radians(true.phase_jitter_deg), (vectors, self.frames))
        turns: Vector = drifted + jitter
        return turns

    def _intensity(self, stack: int) -> Vector:
        """Return the relative brightness of a stack's frames, [frame] as taken."""
        light = self.own.light
        number = stack * self.frames + np.arange(self.frames)
        left = (1.0 - light.bleaching_per_frame) ** number
        if light.bleaching_half_life_s is not None:
            left = left * 0.5 ** (self.times_s(stack) / light.bleaching_half_life_s)
        random = np.random.default_rng((self.own.seed, 2, stack))
        flicker = 1.0 + light.flicker * random.normal(size=self.frames)
        intensity: Vector = left * flicker.clip(min=0.0)
        intensity[0] *= 1.0 - light.dim_first_frame
        return intensity
