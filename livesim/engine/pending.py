"""Work that has been begun, and whose outcome can be taken once it is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Value = TypeVar("Value")
Other = TypeVar("Other")


@dataclass(frozen=True, slots=True, eq=False)
class Pending(Generic[Value]):
    """What one raw stack is going to become: a GPU may still be at work on it.

    The frame path makes it of tensors, the pipeline of a reconstruction, the processor of a result
    that is stamped; each adds its own part with `then`.
    """

    take: Callable[[], Value]
    """Returns the outcome, waiting for it where that is needed; raises what made the work fail."""
    waits: bool = False
    """Whether `take` may have to wait, so that the next stack is better begun before."""

    def then(self, change: Callable[[Value], Other]) -> Pending[Other]:
        """Return the same work, whose outcome is changed when it is taken."""
        return Pending(lambda: change(self.take()), self.waits)


def ready(value: Value) -> Pending[Value]:
    """Return work that is done already."""
    return Pending(lambda: value)
