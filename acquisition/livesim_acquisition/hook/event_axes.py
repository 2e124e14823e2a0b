"""Read from the axes of an image where its frame belongs."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

from livesim.config.settings import PatternSettings
from livesim.io.read.axes import SIM
from livesim.values.errors import DataError
from livesim.values.frames import FrameAxes

STACK_AXES = ("time", "channel", "z", "position")
FRAME_AXES = ("angle", "phase")


class EventAxes:
    """Places the images of one acquisition.

    Angle and phase are axes of their own, or one axis `sim` counts the frames of a stack, or,
    where there is none of these, `time` counts the frames of all stacks. The last two are split as
    `[pattern] order` and `first_frame` say, just as `livesim restore` splits them in a file.

    Parameters
    ----------
    pattern
        How many angles and phases a raw stack has, and their order.
    """

    def __init__(self, pattern: PatternSettings) -> None:
        self._pattern = pattern
        self._names: dict[str, dict[str, int]] = {axis: {} for axis in STACK_AXES}

    def learn_names(self, axes: object) -> None:
        """Give channels and positions with names their numbers, in the order in which they come.

        For images that may be given up before they are placed: without it, the first channel that
        reaches the engine would become channel 0.
        """
        if isinstance(axes, Mapping):
            for axis in STACK_AXES:
                if isinstance(axes.get(axis), str):
                    self._number(axis, axes[axis])

    def place(self, axes: Mapping[str, Any]) -> FrameAxes:
        """Return where an image belongs; a name (of a channel) gets a number when first seen.

        Raises
        ------
        DataError
            If an axis is unknown, missing, or neither a name nor a number from 0 on.
        """
        strange = axes.keys() - {*STACK_AXES, *FRAME_AXES, SIM}
        if strange:
            raise DataError(
                f"expected the axes {', '.join((*STACK_AXES, *FRAME_AXES, SIM))}, "
                f"found {', '.join(sorted(map(str, strange)))}"
            )
        places = {axis: self._number(axis, axes[axis]) for axis in STACK_AXES if axis in axes}
        return FrameAxes(**places | self._in_stack(axes, places))

    def _in_stack(self, axes: Mapping[str, Any], places: dict[str, int]) -> dict[str, int]:
        """Return angle and phase, and the time where that axis counted frames."""
        if not axes.keys().isdisjoint(FRAME_AXES):
            return self._named(axes)
        if SIM in axes:
            number = _whole(SIM, axes[SIM])
            if number >= self._pattern.stack_frames:
                raise DataError(
                    f"expected {SIM} below {self._pattern.stack_frames}, found {number}"
                )
            return self._split(number)
        if "time" not in places:
            raise DataError(
                f"expected the axes angle and phase, or {SIM}, or time, "
                f"found {', '.join(map(str, axes)) or 'none'}"
            )
        time, number = divmod(places["time"], self._pattern.stack_frames)
        return {"time": time, **self._split(number)}

    def _named(self, axes: Mapping[str, Any]) -> dict[str, int]:
        """Return angle and phase as they are named; one that has one value only may be missing."""
        sizes = dict(zip(FRAME_AXES, self._pattern.stack_shape, strict=True))
        missing = [axis for axis in FRAME_AXES if axis not in axes and sizes[axis] > 1]
        if missing:
            raise DataError(f"expected the axes angle and phase, found none called {missing[0]}")
        return {axis: _whole(axis, axes.get(axis, 0)) for axis in FRAME_AXES}

    def _split(self, number: int) -> dict[str, int]:
        """Return angle and phase of a frame by its number in the stack."""
        pattern = self._pattern
        angles, phases = pattern.stack_shape
        number = (number + pattern.first_frame) % pattern.stack_frames
        order = pattern.order
        if set(FRAME_AXES) <= set(order) and order.index("angle") < order.index("phase"):
            phase, angle = divmod(number, angles)
        else:
            angle, phase = divmod(number, phases)
        return {"angle": angle, "phase": phase}

    def _number(self, axis: str, value: Any) -> int:
        if isinstance(value, str):
            return self._names[axis].setdefault(value, len(self._names[axis]))
        return _whole(axis, value)


def _whole(axis: str, value: Any) -> int:
    if not isinstance(value, Integral) or value < 0:
        raise DataError(f"expected a number from 0 on along the axis {axis}, found {value!r}")
    return int(value)
