"""Work that has been begun, and whose outcome can be taken once it is there."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Value = TypeVar("Value")
Value_co = TypeVar("Value_co", covariant=True)
Other = TypeVar("Other")


@dataclass(frozen=True, slots=True, eq=False)
class Pending(Generic[Value_co]):
    """What one raw stack is going to become: a GPU may still be at work on it.

    The frame path makes it of tensors, the pipeline of a reconstruction, the processor of a result
    that is stamped; each adds its own part with `then`.
    """

    take: Callable[[], Value_co]
    """Returns the outcome, waiting for it where that is needed; raises what made the work fail."""
    beside: int = 0
    """How many later stacks are better begun before it is taken, since `take` has to wait."""

    def then(self, change: Callable[[Value_co], Other]) -> Pending[Other]:
        """Return the same work, whose outcome is changed when it is taken."""
        return Pending(lambda: change(self.take()), self.beside)


def ready(value: Value) -> Pending[Value]:
    """Return work that is done already."""
    return Pending(lambda: value)


def in_order(works: Iterable[Pending[Value]]) -> Iterator[Value]:
    """Yield the outcomes of works in their order; as many are under way as each of them allows."""
    begun: deque[Pending[Value]] = deque()
    for work in works:
        begun.append(work)
        while begun and len(begun) > begun[0].beside:
            yield begun.popleft().take()
    while begun:
        yield begun.popleft().take()
