"""Allocate the memory that a reconstruction works in, once."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from livesim.reconstruction.plan import Plan


class Memory:
    """The memory that one reconstructor writes to for every stack; its spectra are transposed.

    Found when it is first needed: some reconstructors only look at stacks, some are never used.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    @cached_property
    def widefield(self) -> Tensor:
        """[y, x]: the zero order itself."""
        return self._zeros(*self._plan.shape, kind=torch.float32)

    @cached_property
    def frames(self) -> Tensor:
        """[frame, y, x]: the last raw stack, for plans of too few frames."""
        return self._zeros(self._plan.unmixing.shape[1], *self._plan.shape, kind=torch.float32)

    @cached_property
    def zero(self) -> Tensor:
        """[x, y]: the leading columns of its spectrum."""
        return self._zeros(self._plan.zero_columns, self._plan.shape[0])

    @cached_property
    def side(self) -> Tensor:
        """[band, x, y]: the columns of the side bands' spectra that lie inside the OTF."""
        plan = self._plan
        return self._zeros(len(plan.ramps), plan.columns.stop - plan.columns.start, plan.shape[0])

    @cached_property
    def spectrum(self) -> Tensor:
        """[x, 2 y]: the half spectrum of the result."""
        return self._zeros(self._plan.half_columns, 2 * self._plan.shape[0])

    @cached_property
    def half(self) -> Tensor:
        """[2 y, x + 1]: the same before its last pass; beyond `half_columns` it stays zero."""
        rows, columns = self._plan.shape
        return self._zeros(2 * rows, columns + 1)

    def _zeros(self, *sizes: int, kind: torch.dtype = torch.complex64) -> Tensor:
        with torch.inference_mode(mode=False):  # it may be written to in either mode
            return torch.zeros(*sizes, dtype=kind, device=self._plan.unmixing.device)
