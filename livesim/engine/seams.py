"""The seam between the engine and what it runs: a raw stack in, a result out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from livesim.config.settings import Settings
from livesim.reconstruction.doctor.finding import Examination
from livesim.values.frames import RawStack
from livesim.values.illumination import Illumination, PatternChange, TrackingHealth
from livesim.values.pattern import Pattern
from livesim.values.results import Result


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


class Begun(Protocol):
    """Work on one raw stack that has been begun."""

    @property
    def waits(self) -> bool:
        """Whether a GPU may still be at work on it, while the next one can be begun."""
        ...

    def result(self) -> Result:
        """Return the result, once it is there.

        Raises
        ------
        ValueError, RuntimeError
            If this stack cannot be reconstructed.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """Work that ended when it was begun."""

    made: Result
    waits: bool = False

    def result(self) -> Result:
        """Return the result."""
        return self.made


@runtime_checkable
class Beginning(Protocol):
    """A pipeline that need not wait for a result before it begins with the next raw stack."""

    def begin(self, stack: RawStack) -> Begun:
        """Begin with one raw stack.

        Raises
        ------
        ValueError, RuntimeError
            If this stack cannot be reconstructed.
        """
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
        """Return what has changed since this was last asked."""
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
        """Estimate the pattern anew from the next stacks; safe in any thread."""
        ...


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
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Step -> the shipped networks that fit the stream."""


Resolve = Callable[[Settings], Resolved]
"""Raises `SettingsError` or `DataError` if a network that is asked for cannot be used."""

FactoryFor = Callable[[Settings], PipelineFactory]
"""The settings of one stream -> its factory. `optics.pixel_nm` is always known here: where the
settings leave it out, the engine has put in what the source says."""

Examine = Callable[[Sequence[RawStack]], Examination]
"""Raw stacks, one after the other -> what is wrong with them."""

DoctorFor = Callable[[Settings], Examine | None]
"""The settings of one stream -> what examines its raw stacks; None = nothing does."""
