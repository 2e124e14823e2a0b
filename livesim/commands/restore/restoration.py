"""Restore the raw stacks of a recording by a plan that was made once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from pydantic import BaseModel, ConfigDict

from livesim.commands.restore.stacks import RestoredStack, StackRestorer
from livesim.commands.restore.trust import Reviews
from livesim.config.settings import Settings
from livesim.engine.pending import Pending, in_order, ready
from livesim.io.read.recording import Recording
from livesim.io.recipe import PatternField, Recipe
from livesim.io.write.output_layout import ERROR_SUFFIX, OutputLayout
from livesim.values.errors import LostFrameError
from livesim.values.frames import StackIndex
from livesim.values.results import Image

Put = Callable[[StackIndex, Image], None]
"""Take a plane of the result and its image [2 y, 2 x]."""
_Outcome = tuple[StackIndex, RestoredStack | None]
"""A raw stack, and what was made of it; None where it could not be read."""


class Plan(BaseModel):
    """What is decided once for a recording; with it every raw stack can be restored alone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    settings: Settings
    """Without "auto"."""
    patterns: Mapping[int, PatternField]
    """Of every channel, fitted to its light."""
    recipe: Recipe
    layout: OutputLayout
    beside: tuple[str, ...]
    """Endings of the names of what is written beside the images."""
    begin: int
    """Time of the recording that is the first of the result."""

    def place(self, index: StackIndex) -> StackIndex:
        """Return where in the result the image of a raw stack belongs."""
        return replace(index, time=index.time - self.begin)


class Restoration:
    """Restores the raw stacks of a recording by its plan, in any order.

    Parameters
    ----------
    recording
        Open.
    plan
        Of it.
    make
        Restores one raw stack.
    reviews
        Those of which some were restored to plan; None where that was elsewhere.
    """

    def __init__(
        self,
        recording: Recording,
        plan: Plan,
        make: StackRestorer,
        reviews: Reviews | None = None,
    ) -> None:
        self.recording, self.plan, self.make, self.reviews = recording, plan, make, reviews
        self.left_out: dict[StackIndex, LostFrameError] = {}
        """Raw stacks that could not be read, and why."""

    def written(self, indices: Iterable[StackIndex], put: Put) -> Iterator[StackIndex]:
        """Restore raw stacks; yield each once its image, and what is beside, was handed to `put`.

        Several may be under way while one is written. Those that could not be read are yielded too.
        """
        for index, one in in_order(map(self._begun, indices)):
            if one is not None:
                self._put(index, one, put)
            yield index

    def _put(self, index: StackIndex, one: RestoredStack, put: Put) -> None:
        """Hand over the image, after what is written beside it."""
        place = self.plan.place(index)
        for number, suffix in enumerate(self.plan.beside, start=1):
            image = one.error if suffix == ERROR_SUFFIX else one.plain
            if image is not None:
                channel = index.channel + number * self.recording.sizes.channel
                put(replace(place, channel=channel), image)
        put(place, one.image)

    def _begun(self, index: StackIndex) -> Pending[_Outcome]:
        made = None if self.reviews is None else self.reviews.take(index)
        if made is not None:
            return ready((index, made))
        try:
            begun = self.make.begin(index, examined=ERROR_SUFFIX in self.plan.beside)
        except LostFrameError as error:
            self.left_out[index] = error
            return ready((index, None))
        return begun.then(lambda one: (index, one))
