"""Add angle and phase to acquisitions as useq describes them, `MDASequence` and `MDAEvent`.

Today's `MDASequence` has no axes beside time, position, grid, channel and z; its events have: their
index takes any name. So a SIM acquisition is a list of events, made here from a sequence or from
the settings, and every sequence can be asked what the header of a stream says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import product
from typing import Any, Literal

import numpy as np
from useq import (
    AcquireImage,
    Channel,
    MDAEvent,
    MDASequence,
    TIntervalLoops,
    ZAbsolutePositions,
)
from useq.pycromanager import to_pycromanager

from livesim.config.acquisition import Acquisition
from livesim.config.settings import PatternSettings, Settings, SettingsError
from livesim.io.read.axes import SIM
from livesim.values.errors import DataError
from livesim_acquisition.hook.event_axes import FRAME_AXES
from livesim_acquisition.hook.event_checks import check_stacks
from livesim_acquisition.hook.events import acquisition_of, axis_order

AXES = {"t": "time", "c": "channel", "z": "z", "p": "position"}
"""Names of useq in the words of livesim; the grid, g, becomes part of the position."""
MOST_TIME_POINTS = 1_000_000
"""That `[acquisition]` can say."""
IN_STACK = (*FRAME_AXES, SIM)


def sim_events(events: Iterable[MDAEvent], pattern: PatternSettings) -> list[MDAEvent]:
    """Return one event for every frame of a raw stack where there was one for the whole stack.

    A list, since pymmcore-plus lets the camera run through lists alone, not through iterators.

    Parameters
    ----------
    events
        An `MDASequence`, or events of one's own. What takes no image (autofocus) stays single; the
        `setup` of a sequence comes first.
    pattern
        Says how many angles and phases there are, and which of them is faster.

    Raises
    ------
    SettingsError
        If `[pattern] order` steps another axis within a raw stack.
    """
    places = _frame_axes(pattern)
    setup = getattr(events, "setup", None)
    beginning = [] if setup is None else [setup]
    return beginning + [frame for event in events for frame in _frames(event, places)]


def _frame_axes(pattern: PatternSettings) -> list[dict[str, int]]:
    """Return angle and phase of the frames of a raw stack, as they are taken."""
    order = axis_order(pattern)
    if set(order[:2]) != set(FRAME_AXES):
        raise SettingsError(
            "expected angle and phase as the fastest axes in [pattern] order, for an MDASequence "
            f"steps all others between raw stacks, found {', '.join(pattern.order)}"
        )
    sizes = dict(zip(FRAME_AXES, pattern.stack_shape, strict=True))
    fast, slow = order[:2]
    return [
        {slow: outer, fast: inner}
        for outer, inner in product(range(sizes[slow]), range(sizes[fast]))
    ]


def _frames(event: MDAEvent, places: Iterable[Mapping[str, int]]) -> Iterator[MDAEvent]:
    if not isinstance(event.action, AcquireImage):
        yield event
        return
    for number, place in enumerate(places):
        yield event.replace(
            index={**event.index, **place},
            reset_event_timer=event.reset_event_timer and number == 0,
        )


def mda_sequence(settings: Settings) -> MDASequence:
    """Return what `[acquisition]` says, one event for each raw stack.

    An exposure without channels is that of the sequence's `setup`, for only channels have one.

    Raises
    ------
    SettingsError
        If there is no `[acquisition]`.
    """
    own = acquisition_of(settings)
    letters = {name: letter for letter, name in AXES.items()}
    order = [letters[axis] for axis in reversed(axis_order(settings.pattern)) if axis in letters]
    exposure_ms = None if own.channels else own.exposure_of(0)
    return MDASequence(
        axis_order=tuple(order),
        time_plan=TIntervalLoops(interval=timedelta(seconds=own.interval_s), loops=own.time_points),
        channels=tuple(
            Channel(config=name, group=own.channel_group, exposure=own.exposure_of(number))
            for number, name in enumerate(own.channels)
        ),
        z_plan=ZAbsolutePositions(absolute=list(own.z_um)) if own.z_um else None,
        setup=None if exposure_ms is None else MDAEvent(exposure=exposure_ms),
    )


def settings_with_sequence(sequence: MDASequence, settings: Settings) -> Settings:
    """Return the settings with the sequence's times, channels and planes as `[acquisition]`.

    They go along with a stream, whose recording takes the names of the channels and the step of z
    from there.
    """
    sizes = sequence_sizes(sequence)
    if sizes is None:
        return settings
    known = settings.acquisition or Acquisition()
    kept = known.model_dump(exclude={"exposure_ms", "z_start_um", "z_end_um", "z_step_um"})
    names = tuple(channel.config for channel in sequence.channels)
    own = Acquisition.model_validate(
        kept
        | {
            "time_points": min(sizes["time"], MOST_TIME_POINTS),
            "interval_s": interval_s(sequence) or 0.0,
            "channels": names if all(names) and len(set(names)) == len(names) else (),
            **_planes(sequence),
        }
    )
    return settings.model_copy(update={"acquisition": own})


def _planes(sequence: MDASequence) -> dict[str, float]:
    """Return where the planes begin and end; nothing where they are not evenly spaced."""
    z_um = _values(sequence, "z")
    step_um = _even_step(z_um)
    if step_um is None:
        return {}
    return {"z_start_um": z_um[0], "z_end_um": z_um[-1], "z_step_um": abs(step_um)}


def sequence_sizes(sequence: MDASequence) -> dict[str, int] | None:
    """Return how many raw stacks there are along time, channel, z and position.

    None where the sequence does not know, as the one that stands for a list of events.
    """
    if not _is_known(sequence):
        return None
    sizes = {name: max(1, sequence.sizes.get(letter, 0)) for letter, name in AXES.items()}
    sizes["position"] *= max(1, sequence.sizes.get("g", 0))
    return sizes


def interval_s(sequence: MDASequence) -> float | None:
    """Return the time from one time point to the next, if it is always the same and not 0."""
    if not _is_known(sequence):
        return None
    step_s = _even_step(_values(sequence, "t"))
    return step_s if step_s is not None and step_s > 0.0 else None


def _is_known(sequence: MDASequence) -> bool:
    # Asked for its sizes, pymmcore-plus' stand-in for a list of events warns.
    return isinstance(sequence, MDASequence) and bool(sequence.axis_order)


def _values(sequence: MDASequence, axis: Literal["t", "z"]) -> list[float]:
    """Return the times in s, or the places of z in µm."""
    return [value for value in sequence.iter_axis(axis) if isinstance(value, int | float)]


def _even_step(values: list[float]) -> float | None:
    steps = np.diff(values)
    if not steps.size or steps[0] == 0.0 or not np.allclose(steps, steps[0]):
        return None
    return float(steps[0])


def axes_of(event: MDAEvent) -> dict[str, Any]:
    """Return where an event's image belongs, as far as the event says it.

    Angle and phase, or the frame's number `sim`, are taken from the index or else from the
    metadata. A channel without an index has its name. A position within a grid gets a name, so
    that it is numbered when it is first seen.
    """
    index: dict[str, int | str] = dict(event.index)
    axes: dict[str, Any] = {name: event.metadata[name] for name in IN_STACK & event.metadata.keys()}
    if "g" in index:
        grid = index.pop("g")
        index["p"] = f"{index['p']}-{grid}" if "p" in index else grid
    axes |= {AXES.get(name, name): number for name, number in index.items()}
    if event.channel is not None:
        axes.setdefault("channel", event.channel.config)
    return axes


def check_in_stack(axes: Mapping[str, Any]) -> None:
    """Refuse an event that says nothing of angle and phase.

    pycromanager's `time` may count frames; the t of useq is a time point, and taking it for a frame
    would mix nine of them into one image without a word.

    Raises
    ------
    DataError
        If there is neither angle, phase nor `sim`.
    """
    if axes.keys().isdisjoint(IN_STACK):
        raise DataError(
            "expected angle and phase in every event's index, as in MDAEvent(index={'t': 0, "
            f"'angle': 1, 'phase': 2}}), found {', '.join(sorted(axes)) or 'no axes'}; "
            "livesim_acquisition.mda.sim_events adds them to an MDASequence"
        )


def check_mda_events(events: Iterable[MDAEvent], pattern: PatternSettings) -> None:
    """Refuse events that could not be put together to raw stacks.

    Parameters
    ----------
    events
        As they are handed to `core.mda.run`.

    Raises
    ------
    SettingsError
        If an event has no angle and phase or no other place, two of them share one, a raw stack is
        not whole, or something is changed in the middle of one.
    """
    taken = [event for event in events if isinstance(event.action, AcquireImage)]
    for number, event in enumerate(taken):
        try:
            check_in_stack(axes_of(event))
        except DataError as error:
            raise SettingsError(f"event {number}: {error}") from error
    check_stacks([{**to_pycromanager(event), "axes": axes_of(event)} for event in taken], pattern)
