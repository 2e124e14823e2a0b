"""The seam between the engine and what it lets be computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from livesim.config.settings import Settings
from livesim.engine.pending import Pending
from livesim.values.finding import Examination
from livesim.values.frames import Passage, RawFrame, RawStack
from livesim.values.illumination import Illumination, PatternChange, TrackingHealth
from livesim.values.pattern import Pattern
from livesim.values.results import Image, Result
from livesim.values.verdict import Trust
from livesim.values.weights import BandWeights
from livesim.wire.status import DeviceStatus


class Pipeline(Protocol):
    """Everything that happens to a raw stack: steps one and two and the reconstruction."""

    @property
    def pattern(self) -> Pattern:
        """The illumination the pipeline was prepared for."""
        ...

    def __call__(self, stack: RawStack) -> Result:
        """Reconstruct one raw stack.

        Raises
        ------
        ValueError, RuntimeError
            If this stack cannot be reconstructed; the engine counts it and goes on.
        """
        ...


Tell = Callable[[float], None]
"""Hears how much of the work is done, 0 to 1; what it raises ends the work."""

Review = Callable[[Tell], Trust]
"""Reviews one result, which takes several times as long as the result itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Later:
    """What is left to do for a raw stack of which the plain image is there."""

    begin: Callable[[], Pending[tuple[Reconstructed, ...]]]
    """Lets the networks begin, in any thread but one stack of a channel at a time; the outcome is
    one result, of a volume one for every plane, or none if that fails, which is counted."""
    nbytes: int
    """Of what it holds in memory."""

    def run(self) -> tuple[Reconstructed, ...]:
        """Run the networks."""
        return self.begin().take()


@dataclass(frozen=True, slots=True, eq=False)
class Reconstructed:
    """What a pipeline has made of one raw stack: the result, and what the engine needs beside it.

    Only the result leaves the process.
    """

    result: Result
    step_one: Callable[[], Image] | None = None
    """Returns the image that step one alone gives; None where not both networks made the result, or
    where nobody looked at stages when it was begun."""
    network: Callable[[], Image] | None = None
    """Returns what the networks alone give; None without networks, or where nobody looked."""
    review: Review | None = None
    """Says whether the networks can be trusted here; None without networks."""
    steps_ms: tuple[tuple[str, float], ...] = ()
    """What the reconstruction consisted of, and how long each part took."""
    hits: int = 0
    """Pixels of single frames that were replaced, as after a cosmic ray."""
    passage: Passage = field(default_factory=Passage)
    """When the raw stack passed the stages of the engine."""
    later: Later | None = None
    """What makes the second result of the same stack; None where there is nothing left to do."""
    second: bool = False
    """Whether the plain image of the same stack has been published before."""

    def with_later(self, change: Callable[[Reconstructed], Reconstructed]) -> Reconstructed:
        """Return the same, whose second result will be changed once it is made."""
        later = self.later
        if later is None:
            return self

        def begin() -> Pending[tuple[Reconstructed, ...]]:
            return later.begin().then(lambda made: tuple(change(one) for one in made))

        return replace(self, later=replace(later, begin=begin))

    @property
    def with_stages(self) -> Result:
        """The result with every stage on the way to it."""
        step_one, network = self.step_one, self.network
        return replace(
            self.result,
            step_one=None if step_one is None else step_one(),
            network=None if network is None else network(),
        )


@runtime_checkable
class Beginning(Protocol):
    """A pipeline that need not wait for a result before it begins with the next raw stack."""

    def begin(self, stack: RawStack) -> Pending[Reconstructed]:
        """Begin with one raw stack; what makes it fail later is raised when the work is taken.

        Raises
        ------
        ValueError, RuntimeError
            If this stack cannot be reconstructed.
        """
        ...


@runtime_checkable
class PlainFirst(Protocol):
    """A pipeline that gives the plain image of a raw stack before its networks work on it."""

    def begin_plain(self, stack: RawStack) -> Pending[Reconstructed]:
        """Begin with one raw stack; what is left for its networks comes with the outcome.

        Raises
        ------
        ValueError, RuntimeError
            If this stack cannot be reconstructed.
        """
        ...


@runtime_checkable
class Arbitrated(Protocol):
    """A pipeline that shows as much of its networks' change as the photons carry."""

    @property
    def weights(self) -> BandWeights | None:
        """What the last stack was reconstructed with; None = without its networks' change."""
        ...


@runtime_checkable
class Tracked(Protocol):
    """A pipeline that looks after its pattern while it works."""

    @property
    def illumination(self) -> Illumination:
        """What the next stack is taken to be lit with; safe in any thread."""
        ...

    @property
    def follows(self) -> bool:
        """Whether it does at the moment."""
        ...

    @property
    def health(self) -> TrackingHealth:
        """A snapshot; safe in any thread."""
        ...

    def take_changes(self) -> Sequence[PatternChange]:
        """Return what has changed since the last call."""
        ...

    def close(self) -> None:
        """End what runs in the background."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Other settings of one pipeline; both are called in the processor's thread."""

    fits: Callable[[], bool]
    """Whether the pattern is still the one it was prepared for."""
    use: Callable[[], None]
    """Puts it in use, between two stacks."""


@runtime_checkable
class Steerable(Protocol):
    """A pipeline whose settings can change while it works."""

    @property
    def recalibrating(self) -> bool:
        """Whether a new estimate was asked for and is not there yet."""
        ...

    def prepare(self, settings: Settings) -> Prepared:
        """Prepare other settings; in any thread but the processor's, and it may take its time.

        Raises
        ------
        SettingsError, DataError, RuntimeError
            If they cannot be used.
        """
        ...

    def recalibrate(self) -> None:
        """Estimate the pattern again from the next stacks; safe in any thread."""
        ...


DATA_FAULTS = (ValueError, RuntimeError, ArithmeticError, LookupError, MemoryError)
"""What data can do to a computation: wrong shapes, no signal, no memory (on a GPU torch raises
RuntimeError). Anything else is a mistake of ours and ends the engine."""

PipelineFactory = Callable[[Sequence[RawStack], bool], Pipeline | None]
"""(the stacks seen so far, whether no more will come) -> a pipeline, or None for "not enough
signal yet, send more". Raises `DataError` when no more will come and they do not suffice.
One factory serves one stream, so it may keep what it has learned between calls."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The settings of a stream in which "auto" is replaced by what it stands for here."""

    settings: Settings
    models: Mapping[str, str] = field(default_factory=dict)
    """File of a network -> SHA-256."""
    cards: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Likewise -> its card as JSON values."""
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Step -> the shipped networks that fit the stream."""
    notes: tuple[str, ...] = ()
    """Why "auto" stands for no network, where it does."""


Examine = Callable[[Sequence[RawStack]], Examination]
"""Raw stacks, one after the other -> what is wrong with them."""


class Computing(Protocol):
    """All that the engine lets be computed; the process that starts an engine hands it over.

    A class that derives from it needs `factory_for` alone.
    """

    def factory_for(self, settings: Settings, known: Pattern | None = None) -> PipelineFactory:
        """Return what makes the pipeline of one stream, or of one channel of it.

        `optics.pixel_nm` is always known here: where the settings leave it out, the engine has put
        in what the source says. Its pattern is `known` where the source says so, which few do.
        """
        ...

    def resolve(self, settings: Settings) -> Resolved:
        """Replace "auto" in the settings of a stream by what it stands for.

        Raises
        ------
        SettingsError, DataError
            If a network that is asked for cannot be used.
        """
        return Resolved(settings)

    def examine_for(self, settings: Settings) -> Examine | None:
        """Return what examines raw stacks of one stream; None = nothing does."""
        return None

    def refusal(self, settings: Settings, frame: RawFrame, channels: int) -> str | None:
        """Return why frames such as this one are too large for this machine; None = they fit."""
        return None

    def device(self) -> DeviceStatus | None:
        """Return what is computed on, and how full it is; None = nobody knows."""
        return None

    def fetch_stages_while(self, looked_at: Callable[[], bool]) -> None:
        """Make stages of later results only while somebody looks at them; safe in any thread."""

    def memory(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return where a raw stack is assembled, from where it can be computed with at once."""
        return np.empty(shape, dtype)

    def use_all_cores(self) -> None:
        """Let what the calling thread computes use every core; the frame path's thread asks."""

    def use_one_core(self) -> None:
        """Let what the calling thread computes use one core; every worker beside it asks."""
