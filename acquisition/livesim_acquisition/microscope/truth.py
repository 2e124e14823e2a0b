"""Collect what is true of the frames of a file, sorted by their labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from livesim.io.write.truth import FrameTruth
from livesim.values.pattern import PatternAngle
from livesim_acquisition.microscope.instrument import Instrument
from livesim_acquisition.microscope.microscope import SimulatedStack

Taken = Sequence[tuple[int, SimulatedStack]]
"""(number, raw stack of the microscope it belongs to) of frames."""


def truth_of(instrument: Instrument, taken: Taken) -> FrameTruth:
    """Return the truth of all frames of one raw stack of a file, given in the file's order."""
    lights = [_light(instrument, number, stack) for number, stack in taken]
    frames = instrument.frames
    shifts = [instrument.shift_nm(_time_s(instrument, number)) for number, _ in taken]
    return FrameTruth(
        number=_placed(instrument, [number for number, _ in taken]),
        expected_photons=_placed(
            instrument, [stack.expected[number % frames] for number, stack in taken]
        ),
        k_cycles_per_um=_placed(
            instrument, [[angle.k_cycles_per_um for angle in angles] for angles, _ in lights]
        ),
        phases_rad=_placed(
            instrument, [[angle.phases_rad[at] for angle in angles] for angles, at in lights]
        ),
        modulation=_placed(
            instrument, [[angle.modulation for angle in angles] for angles, _ in lights]
        ),
        intensity=_placed(instrument, [angles[0].intensity[at] for angles, at in lights]),
        shift_nm=_placed(instrument, shifts),
    )


def _light(
    instrument: Instrument, number: int, stack: SimulatedStack
) -> tuple[tuple[PatternAngle, ...], int]:
    """Return (the wave vectors in a frame, which of their phases it has)."""
    angles, phases = instrument.stack_shape
    angle, phase = divmod(int(instrument.order[number % instrument.frames]), phases)
    every = stack.pattern.angles
    return (every if angles == 1 else every[angle : angle + 1]), phase


def _time_s(instrument: Instrument, number: int) -> float:
    stack, taken = divmod(number, instrument.frames)
    return float(instrument.specimen_times_s(stack)[taken])


def _placed(instrument: Instrument, values: ArrayLike) -> NDArray[Any]:
    """Sort values of frames [frame, ...] as taken by their labels, [angle, phase, ...]."""
    as_taken = np.asarray(values)
    sorted_ = as_taken[np.argsort(instrument.labels)]
    return sorted_.reshape(*instrument.stack_shape, *as_taken.shape[1:])
