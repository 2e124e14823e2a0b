"""What the replayed frame path needs of a GPU, and the same of CUDA."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

_WARM_UP = 3
"""Times that a section runs before it is captured: plans of transforms and choices of kernels."""

Output = TypeVar("Output")
Pool = Any
"""What torch calls a memory pool has no public type."""


class Mark(Protocol):
    """A place in a queue."""

    def wait(self) -> None:
        """Let the host wait until the queue has come here."""
        ...

    def ms_since(self, earlier: Mark) -> float:
        """Return the milliseconds between two places that the queue has passed."""
        ...


class Queue(Protocol):
    """Work that a GPU does in order; nothing here waits for it."""

    def copy(self, target: Tensor, source: Tensor) -> None:
        """Copy, between the GPU and pinned memory or on the GPU."""
        ...

    def replay(self, graph: Graph) -> None:
        """Do what was captured."""
        ...

    def mark(self) -> Mark:
        """Mark what has been asked for so far."""
        ...

    def wait(self, mark: Mark) -> None:
        """Let the queue wait until another one has come to `mark`."""
        ...


class Graph(Protocol):
    """Captured work; it reads and writes the same memory every time."""

    def replay(self) -> None:
        """Do it."""
        ...


class Gpu(Protocol):
    """One GPU."""

    @property
    def device(self) -> torch.device:
        """As torch names it."""
        ...

    def queue(self) -> Queue:
        """Return a new queue."""
        ...

    def pool(self) -> Pool:
        """Return memory for graphs that are replayed in order, one after the other."""
        ...

    def capture(self, work: Callable[[], Output], pool: Pool) -> tuple[Graph, Output]:
        """Return captured work, and where its results will be."""
        ...

    def pinned(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Return memory of the host that the GPU reads and writes by itself."""
        ...

    def settle(self) -> None:
        """Wait until all queues are empty."""
        ...


class Cuda:
    """A GPU of CUDA."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)

    @property
    def device(self) -> torch.device:
        """As torch names it."""
        return self._device

    def queue(self) -> CudaQueue:
        """Return a stream."""
        return CudaQueue(torch.cuda.Stream(self._device))

    def pool(self) -> Pool:
        """Return a memory pool."""
        return torch.cuda.graph_pool_handle()

    def capture(self, work: Callable[[], Output], pool: Pool) -> tuple[Graph, Output]:
        """Return a CUDA graph."""
        self.settle()
        with torch.cuda.stream(self._stream):
            for _ in range(_WARM_UP):
                work()
        self.settle()
        graph = torch.cuda.CUDAGraph()
        # Other threads may prepare a plan or review a result meanwhile.
        with torch.cuda.graph(
            graph, pool=pool, stream=self._stream, capture_error_mode="thread_local"
        ):
            output = work()
        return graph, output

    def pinned(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Return page-locked memory; torch keeps what is given back for the next one."""
        return torch.empty(shape, dtype=dtype, pin_memory=True)

    def settle(self) -> None:
        """Wait until the GPU has nothing to do."""
        torch.cuda.synchronize(self._device)


class CudaQueue:
    """A stream."""

    def __init__(self, stream: torch.cuda.Stream) -> None:
        self._stream = stream

    def copy(self, target: Tensor, source: Tensor) -> None:
        """Copy without waiting."""
        with torch.cuda.stream(self._stream):
            target.copy_(source, non_blocking=True)

    def replay(self, graph: Graph) -> None:
        """Launch a graph."""
        with torch.cuda.stream(self._stream):
            graph.replay()

    def mark(self) -> CudaMark:
        """Record an event."""
        event = torch.cuda.Event(enable_timing=True)
        event.record(self._stream)
        return CudaMark(event)

    def wait(self, mark: Mark) -> None:
        """Wait for an event of another stream."""
        assert isinstance(mark, CudaMark)
        self._stream.wait_event(mark.event)


class CudaMark:
    """An event."""

    def __init__(self, event: torch.cuda.Event) -> None:
        self.event = event

    def wait(self) -> None:
        """Let the host wait for it."""
        self.event.synchronize()

    def ms_since(self, earlier: Mark) -> float:
        """Return the milliseconds between two events."""
        assert isinstance(earlier, CudaMark)
        return float(earlier.event.elapsed_time(self.event))
