"""Choose the part of a time-lapse that is exported, and read it image by image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Self

import numpy as np

from livesim.config.settings import SettingsError
from livesim.io.read.time_lapse import TimeLapse
from livesim.io.recipe import Recipe
from livesim.io.write.output_layout import ERROR_SUFFIX, PLAIN_SUFFIX, OutputLayout
from livesim.values.frames import StackIndex
from livesim.values.results import Image


@dataclass(frozen=True, slots=True)
class Ranges:
    """The part of each axis that is asked for, in words that `places` reads; empty = all."""

    time: str = ""
    channel: str = ""
    z: str = ""
    position: str = ""


def places(flag: str, text: str, size: int) -> tuple[int, ...]:
    """Return the places along an axis that a text names, counted from 0.

    Parameters
    ----------
    flag
        Named where the text is wrong.
    text
        One place ("3"), several ("0,2"), or a range as Python writes it ("10:50" ends before 50,
        "10:", ":50", "::2"; "-10:" are the last ten). Empty = all.
    size
        Of the axis.

    Raises
    ------
    SettingsError
        If it is none of these, or names no place that there is.
    """
    try:
        if ":" in text:
            parts = [int(part) if part.strip() else None for part in text.split(":")]
            found = tuple(range(size)[slice(*parts)])
        else:
            found = tuple(int(part) for part in text.split(",")) if text else tuple(range(size))
    except (ValueError, TypeError) as error:
        raise SettingsError(
            f"{flag} {text}: expected places such as 3, 0,2 or 10:50, found {text!r}"
        ) from error
    if not found or not all(0 <= place < size for place in found):
        raise SettingsError(f"{flag} {text}: expected places of 0 to {size - 1}, found none there")
    return found


@dataclass(frozen=True, eq=False)
class Cut:
    """What is exported into one file: places of one position, and what becomes of z."""

    whole: TimeLapse
    position: int
    times: tuple[int, ...]
    channels: tuple[int, ...]
    zs: tuple[int, ...]
    projected: bool = False
    """Whether the brightest value along z is taken."""

    @cached_property
    def layout(self) -> OutputLayout:
        """Sizes and scales of the cut."""
        whole = self.whole.layout
        names = tuple(whole.channel_name(channel) for channel in self.channels)
        return replace(
            whole,
            time=len(self.times),
            channel=len(self.channels),
            z=1 if self.projected else len(self.zs),
            position=1,
            z_step_nm=self._z_step_nm,
            interval_s=self._interval_s,
            channel_names=names,
        )

    @property
    def _interval_s(self) -> float | None:
        """Of the time points that are left; None where they are not evenly spaced."""
        steps = {after - before for before, after in pairwise(self.times)}
        interval_s = self.whole.interval_s
        if interval_s is None or len(steps) > 1 or not all(step > 0 for step in steps):
            return None
        return interval_s * next(iter(steps), 1)

    @property
    def _z_step_nm(self) -> float | None:
        """Of the planes that are left; None where they are not evenly spaced, or one is left."""
        steps = {abs(after - before) for before, after in pairwise(self.zs)}
        whole_nm = self.whole.layout.z_step_nm
        if whole_nm is None or len(steps) != 1 or self.projected:
            return None
        return whole_nm * steps.pop()

    @property
    def recipe(self) -> Recipe:
        """How the images were made, and that these are not all of them."""
        left_out = self._left_out()
        recipe = self.whole.recipe
        if not left_out:
            return recipe
        return recipe.with_warning(f"a part of {self.whole.source.name}: {', '.join(left_out)}")

    def image(self, time: int, channel: int, z: int = 0) -> Image | None:
        """Return the image at a place of the cut; None where there is none.

        Raises
        ------
        DataError
            If it cannot be read.
        """
        if not self.projected:
            return self._read(time, channel, self.zs[z])
        found = [self._read(time, channel, at) for at in self.zs]
        images = [image for image in found if image is not None]
        return np.fmax.reduce(images) if images else None

    def images(self) -> Iterator[tuple[StackIndex, Image | None]]:
        """Return all images of the cut, time by time."""
        layout = self.layout
        for time, channel, z in np.ndindex(layout.time, layout.channel, layout.z):
            yield StackIndex(0, time, channel, z), self.image(time, channel, z)

    @property
    def is_empty(self) -> bool:
        """Whether no image of it has a number in any pixel; looks no further than the first."""
        return all(image is None for _, image in self.images())

    def moment_s(self, time: int) -> float | None:
        """Return when a time point of the cut was taken, since the recording began."""
        return self.whole.moment_s(self.position, self.times[time])

    def of(self, whole: TimeLapse) -> Self:
        """Return the same places of another time-lapse of the same recording."""
        return replace(self, whole=whole)

    def __len__(self) -> int:
        """How many images there are."""
        layout = self.layout
        return layout.time * layout.channel * layout.z

    def _read(self, time: int, channel: int, z: int) -> Image | None:
        index = StackIndex(self.position, self.times[time], self.channels[channel], z)
        return self.whole.image(index)

    def _left_out(self) -> list[str]:
        whole = self.whole.layout
        words = [
            f"{axis} {_words(found)} of {size}"
            for axis, found, size in (
                ("position", (self.position,), whole.position),
                ("time", self.times, whole.time),
                ("channel", self.channels, whole.channel),
                ("z", self.zs, whole.z),
            )
            if len(found) < size
        ]
        return [*words, "the brightest along z"] if self.projected else words


def _words(found: tuple[int, ...]) -> str:
    steps = {after - before for before, after in pairwise(found)}
    if len(found) < 3 or len(steps) > 1:
        return ",".join(str(place) for place in found)
    (step,) = steps
    return f"{found[0]} to {found[-1]}" + ("" if step == 1 else f" in steps of {step}")


def cuts(
    whole: TimeLapse, ranges: Ranges, *, projected: bool = False, errors: bool = True
) -> list[Cut]:
    """Return what goes into each file: one for every position.

    Parameters
    ----------
    errors
        Whether what lies beside the images, their errors and plain ones, belongs to it where no
        channel is named: it is no colour.

    Raises
    ------
    SettingsError
        If a range names what is not there.
    """
    position, time, channel, z = whole.layout.sizes
    times = places("--time", ranges.time, time)
    channels = places("--channel", ranges.channel, channel)
    if not errors and not ranges.channel:
        names = [whole.layout.channel_name(number) for number in channels]
        pairs = zip(channels, names, strict=True)
        beside = (ERROR_SUFFIX, PLAIN_SUFFIX)
        channels = tuple(number for number, name in pairs if not name.endswith(beside))
    zs = places("--z", ranges.z, z)
    return [
        Cut(whole, at, times, channels, zs, projected)
        for at in places("--position", ranges.position, position)
    ]
