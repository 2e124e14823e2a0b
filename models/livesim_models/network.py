"""Say what the rest of the package asks of a network, whatever its architecture.

A further architecture is a file with its settings, its network and its form for inference, and a
line in `livesim_models.registry`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Protocol, Self, TypeVar

import torch
from pydantic import Field
from torch import Tensor, nn

from livesim.config.section import Section

Count = Annotated[int, Field(ge=1, le=1024)]


class Architecture(Section):
    """Everything that decides the shapes of a network's weights, as cards and recipes say it.

    Every architecture has a subclass, whose `kind` is its name in the registry.
    """

    kind: str
    inputs: Count = 1
    outputs: Count = 1

    @property
    def adds(self) -> bool:
        """Whether what the network finds is added to what it is given."""
        return self.inputs == self.outputs

    @property
    def in_volumes(self) -> bool:
        """Whether it works on volumes [z, y, x] in place of single planes."""
        return False

    @property
    def overlap(self) -> int:
        """Pixels that neighbouring tiles share, 32 as in the MPhil report.

        An outer quarter of them does not count: there a network sees the end of its tile.
        """
        return 32

    @property
    @abstractmethod
    def live_values(self) -> float:
        """Numbers that are in memory at once for every pixel while the network runs."""


class Network(Protocol):
    """An `nn.Module` that turns [batch, input, (z,) y, x] into [batch, output, (z,) y, x].

    It takes fields of any size: one that needs multiples of a number continues the field itself.
    """

    @property
    def architecture(self) -> Architecture:
        """What it was built from."""

    def __call__(self, image: Tensor) -> Tensor:
        """Return the answer, differentiably."""

    def arrange(self) -> None:
        """Lay the weights out in memory as the network works best, after they were read."""

    def state_dict(self) -> dict[str, Any]:
        """Return the weights by name; their order never changes."""

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """Take over weights."""

    def to(self, device: torch.device) -> Self:
        """Move the weights to a device."""

    def float(self) -> Self:
        """Turn the weights into float32."""

    def eval(self) -> Self:
        """Switch off what training alone does."""

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Let the weights learn, or not."""


class Residual(Network, Protocol):
    """A network that adds what it finds to what it is given, where these are as many."""

    def change(self, image: Tensor) -> Tensor:
        """Return what is added or, with other outputs than inputs, stands alone."""


A = TypeVar("A", bound=Architecture)
N = TypeVar("N", bound=Network)


@dataclass(frozen=True, slots=True)
class Kind(Generic[A, N]):
    """One architecture: its settings, and the networks that are made of them."""

    settings: type[A]
    build: Callable[[A], N]
    """Returns an untrained network."""
    freeze: Callable[[N, torch.dtype], nn.Module]
    """Returns a copy for inference alone that computes in a precision and answers in float32."""
