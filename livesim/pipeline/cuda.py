"""What the replayed frame path needs of a GPU, and the same of CUDA."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, Final, Protocol, TypeVar

import torch
from torch import Tensor

NETWORKS_FIRST: Final = -1
PLAIN_FIRST: Final = -2
"""Priorities of queues: the plain images before the networks, both before what runs beside them."""

_WARM_UP = 3
"""Times that a section runs before it is captured: plans of transforms and choices of kernels."""

_capturing = threading.Lock()
"""Two threads that capture at once would spoil each other's."""
_failed: list[torch.cuda.CUDAGraph] = []
"""Captures that could not be ended. torch's allocator of page-locked memory goes on asking them
about their streams, so they stay."""

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

    def here(self) -> Mark:
        """Mark what the calling thread has asked for so far, outside of all queues."""
        ...

    def pool(self) -> Pool:
        """Return memory for graphs that are replayed in order, one after the other."""
        ...

    def capture(self, work: Callable[[], Output], pool: Pool) -> tuple[Graph, Output]:
        """Return captured work, and where its results will be; queues go on meanwhile.

        The work is done some times before. What it raises is raised, and the GPU can be used on.
        """
        ...

    def pinned(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Return memory of the host that the GPU reads and writes by itself."""
        ...

    def is_pinned(self, values: Tensor) -> bool:
        """Return whether values on the host begin in such memory; who lets them go is watched."""
        ...

    @property
    def free_bytes(self) -> int:
        """Memory that nobody uses now."""
        ...

    def give_back(self) -> None:
        """Give back memory that nothing uses; dear, for when there is none left."""
        ...


class Cuda:
    """A GPU of CUDA.

    Parameters
    ----------
    device
        As torch names it.
    priority
        Of the queues: lower ones go first.
    """

    def __init__(self, device: torch.device, priority: int = NETWORKS_FIRST) -> None:
        self._device, self._priority = device, priority
        self._stream = _stream_of_captures(device, priority)

    @property
    def device(self) -> torch.device:
        """As torch names it."""
        return self._device

    def queue(self) -> CudaQueue:
        """Return a stream; torch has 32 of a priority, which it gives again and again."""
        stream = torch.cuda.Stream(self._device, self._priority)
        if stream.cuda_stream == self._stream.cuda_stream:  # a capture would take in what is asked
            stream = torch.cuda.Stream(self._device, self._priority)
        return CudaQueue(stream)

    def here(self) -> CudaMark:
        """Record an event in the calling thread's own stream."""
        return _marked(torch.cuda.current_stream(self._device))

    def pool(self) -> Pool:
        """Return a memory pool."""
        return torch.cuda.graph_pool_handle()

    def capture(self, work: Callable[[], Output], pool: Pool) -> tuple[Graph, Output]:
        """Return a CUDA graph.

        Not by `torch.cuda.graph`: that waits for the whole device and gives back all spare memory,
        and where it fails, the thread stays in its stream and the allocator in the capture.
        """
        before = self.here().event
        with _capturing, torch.cuda.stream(self._stream):
            self._stream.wait_event(before)
            for _ in range(_WARM_UP):
                work()
            self._stream.synchronize()
            graph = torch.cuda.CUDAGraph()
            _forget_workspaces()
            try:
                # Other threads may prepare a plan or review a result meanwhile.
                graph.capture_begin(pool=pool, capture_error_mode="thread_local")
                output = work()
                graph.capture_end()
            except BaseException:
                self._abandon(graph, pool)
                raise
            finally:
                _forget_workspaces()
        return graph, output

    def _abandon(self, graph: torch.cuda.CUDAGraph, pool: Pool) -> None:
        """Leave a capture that has failed, as far as it had come."""
        try:
            graph.capture_end()
        except RuntimeError:  # then torch has not told its allocator that the capture is over
            index = torch.cuda.current_device()
            with suppress(RuntimeError):
                torch._C._cuda_endAllocateToPool(index, pool)
                torch._C._cuda_releasePool(index, pool)
            _failed.append(graph)
        with suppress(RuntimeError):
            graph.reset()

    def pinned(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Return page-locked memory; torch keeps what is given back for the next one."""
        return torch.empty(shape, dtype=dtype, pin_memory=True)

    def is_pinned(self, values: Tensor) -> bool:
        """Ask CUDA, which knows by the address; torch keeps what a copy reads until it is over."""
        return values.is_pinned()

    @property
    def free_bytes(self) -> int:
        """What is free on the device; other processes may use the rest."""
        return torch.cuda.mem_get_info(self._device)[0]

    def give_back(self) -> None:
        """Give back what torch keeps for later."""
        with _capturing:
            torch.cuda.empty_cache()


@cache
def _stream_of_captures(device: torch.device, priority: int) -> torch.cuda.Stream:
    """Return where everything of a priority is captured, which keeps that priority."""
    return torch.cuda.Stream(device, priority)


def _forget_workspaces() -> None:
    """Let cuBLAS find its workspace again.

    It keeps one for every stream. Found inside a capture it lies in the memory of that graph; kept
    from before, two graphs that were captured in one stream would write to the same one at once.
    """
    torch._C._cuda_clearCublasWorkspaces()


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
        return _marked(self._stream)

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


def _marked(stream: torch.cuda.Stream) -> CudaMark:
    event = torch.cuda.Event(enable_timing=True)
    event.record(stream)
    return CudaMark(event)
