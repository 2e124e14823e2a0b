"""A GPU that is as late as it may be: its queues run in any order that their waits allow.

What is captured is recorded operation by operation and replayed on the same memory, as a CUDA graph
is. What is read or overwritten without having waited for it is something else.
"""

from __future__ import annotations

import random
from collections import deque

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_SYNCHRONISING = ("_local_scalar_dense", "nonzero", "is_nonzero", "equal", "item", "unique")


class LateGpu:
    """The double of `livesim.pipeline.cuda.Gpu`.

    Parameters
    ----------
    seed
        Of the order in which the queues run.
    """

    device = torch.device("cpu")

    def __init__(self, seed):
        self._random, self._queues = random.Random(seed), []
        self.captures = self.given_back = 0
        self.free_bytes = 1 << 30
        self.pinned_for = []
        """Memory of the host that was asked for; kept, so that no other lies at its address."""

    def queue(self):
        self._queues.append(LateQueue(self))
        return self._queues[-1]

    def pool(self):
        return None

    def here(self):
        mark = LateMark(self)
        mark.reach()  # what the host computes here is there at once
        return mark

    def capture(self, work, pool):
        """Queues go on being late: what is tried before a capture must not disturb them."""
        self.captures += 1
        recorder = Recorder()
        with recorder:
            output = work()
        return recorder, output

    def pinned(self, shape, dtype):
        memory = torch.empty(shape, dtype=dtype)
        memory.view(torch.uint8).fill_(0x5A)
        self.pinned_for.append(memory)
        return memory

    def is_pinned(self, values):
        return any(values.data_ptr() == one.data_ptr() for one in self.pinned_for if one.numel())

    def give_back(self):
        self.given_back += 1

    def step(self):
        """Let one of the queues that can go on do one thing."""
        able = [queue for queue in self._queues if queue.able]
        assert able, "every queue waits for another one"
        self._random.choice(able).step()

    def dawdle(self):
        """Do a little, or nothing."""
        for _ in range(self._random.choice((0, 0, 0, 1, 3))):
            if any(queue.able for queue in self._queues):
                self.step()


class LateQueue:
    def __init__(self, gpu):
        self._gpu, self.waiting = gpu, deque()

    def copy(self, target, source):
        self._ask(lambda: target.copy_(source))

    def replay(self, graph):
        self._ask(graph.replay)

    def mark(self):
        mark = LateMark(self._gpu)
        self._ask(mark.reach)
        return mark

    def wait(self, mark):
        self._ask(mark)

    @property
    def able(self):
        first = self.waiting[0] if self.waiting else None
        return first is not None and (not isinstance(first, LateMark) or first.reached)

    def step(self):
        work = self.waiting.popleft()
        if not isinstance(work, LateMark):
            with torch.inference_mode():
                work()

    def _ask(self, work):
        self.waiting.append(work)
        self._gpu.dawdle()


class LateMark:
    def __init__(self, gpu):
        self._gpu, self.reached = gpu, False

    def reach(self):
        self.reached = True

    def wait(self):
        while not self.reached:
            self._gpu.step()

    def ms_since(self, earlier):
        assert self.reached
        assert earlier.reached
        return 1.0


class Recorder(TorchDispatchMode):
    """Records operations, and does them again on the memory in which they were done first."""

    def __init__(self):
        super().__init__()
        self._done = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.__name__.split(".")[0]
        assert name not in _SYNCHRONISING, f"{name}: the host would wait for the GPU"
        output = func(*args, **(kwargs or {}))
        self._done.append((func, args, kwargs or {}, output))
        return output

    def replay(self):
        for func, args, kwargs, output in self._done:
            again = func(*args, **kwargs)
            given = {_memory(one) for one in (*args, *kwargs.values())}
            for old, new in zip(_listed(output), _listed(again), strict=True):
                if isinstance(old, torch.Tensor) and _memory(old) not in given:
                    old.copy_(new)


def _listed(output):
    return output if isinstance(output, (tuple, list)) else [output]


def _memory(value):
    """Return what two tensors on the same memory have in common."""
    return value.untyped_storage().data_ptr() if isinstance(value, torch.Tensor) else None
