"""What is asked of CUDA while a graph is captured, on a torch.cuda that only keeps a record."""

import threading
from contextlib import contextmanager
from itertools import count

import pytest
import torch

from livesim.pipeline.cuda import NETWORKS_FIRST, PLAIN_FIRST, Cuda, _stream_of_captures

GPU = torch.device("cuda", 0)


class FakeStream:
    """One of 32 of its priority, given in turn."""

    given = count()

    def __init__(self, device=None, priority=0):
        self.device, self.priority, self.waited = device, priority, []
        self.cuda_stream = next(self.given) % 32

    def wait_event(self, event):
        self.waited.append(event)

    def synchronize(self):
        pass


class FakeEvent:
    def __init__(self, enable_timing=False):
        self.stream = None

    def record(self, stream):
        self.stream = stream


class Machine:
    """What torch knows of the GPU; a capture that fails leaves it as torch leaves it."""

    def __init__(self):
        self.default = FakeStream()
        self.current = threading.local()
        self.spoilt = False
        """Whether the capture under way cannot be ended well."""
        self.under_way, self.calls = [], []

    @property
    def stream(self):
        return getattr(self.current, "stream", self.default)

    @contextmanager
    def using(self, stream):
        before, self.current.stream = self.stream, stream
        try:
            yield
        finally:
            self.current.stream = before

    def end_allocating(self, index, pool):
        if not self.under_way:
            raise RuntimeError("no capture is under way")
        self.under_way.pop()
        self.calls.append("allocator told")


class FakeGraph:
    def __init__(self, machine):
        self._machine, self.stream = machine, None

    def capture_begin(self, pool, capture_error_mode):
        assert not self._machine.under_way, "two captures at once"
        assert capture_error_mode == "thread_local"
        self._machine.under_way.append(self)
        self.stream = self._machine.stream

    def capture_end(self):
        if self._machine.spoilt:
            raise RuntimeError("CUDA error: operation failed due to a previous error")
        self._machine.under_way.remove(self)

    def reset(self):
        self._machine.calls.append("reset")


@pytest.fixture
def machine(monkeypatch):
    machine = Machine()

    def never(*_):
        raise AssertionError("the whole device would wait, other threads' captures break")

    monkeypatch.setattr(torch.cuda, "Stream", FakeStream)
    monkeypatch.setattr(torch.cuda, "Event", FakeEvent)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: FakeGraph(machine))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: machine.stream)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "stream", machine.using)
    monkeypatch.setattr(torch.cuda, "synchronize", never)
    monkeypatch.setattr(torch.cuda, "empty_cache", never)
    for name, does in {
        "_cuda_endAllocateToPool": machine.end_allocating,
        "_cuda_releasePool": lambda index, pool: machine.calls.append("released"),
        "_cuda_clearCublasWorkspaces": lambda: machine.calls.append("workspaces"),
    }.items():
        monkeypatch.setattr(torch._C, name, does, raising=False)
    _stream_of_captures.cache_clear()
    yield machine
    _stream_of_captures.cache_clear()


def test_a_graph_is_captured_after_what_the_thread_has_asked_for_and_nothing_else_waits(machine):
    seen = []
    graph, output = Cuda(GPU, PLAIN_FIRST).capture(lambda: seen.append(machine.stream) or 7, "pool")
    assert output == 7
    assert {one.priority for one in (*seen, graph.stream)} == {PLAIN_FIRST}
    (event,) = graph.stream.waited
    assert event.stream is machine.default
    assert machine.stream is machine.default


def test_every_queue_goes_before_what_runs_beside_the_frame_path(machine):
    gpu = Cuda(GPU)
    assert gpu.queue()._stream.priority == NETWORKS_FIRST
    assert PLAIN_FIRST < NETWORKS_FIRST < 0


def test_nothing_is_asked_of_the_stream_in_which_others_capture(machine):
    gpus = [Cuda(GPU) for _ in range(8)]
    queues = {gpu.queue()._stream.cuda_stream for gpu in gpus for _ in range(10)}
    captures = {gpu.capture(lambda: None, "pool")[0].stream.cuda_stream for gpu in gpus}
    assert len(queues) == 31
    assert len(captures) == 1
    assert not queues & captures


def test_no_two_graphs_share_a_workspace_of_cublas(machine):
    events = []
    gpu = Cuda(GPU)
    gpu.capture(lambda: events.append(len(machine.calls)), "pool")
    assert machine.calls == ["workspaces", "workspaces"]
    assert events[-1] == 1, "once before what is captured, once after"


@pytest.mark.parametrize("spoilt", [False, True])
def test_a_capture_that_fails_says_why_and_the_next_one_succeeds(machine, spoilt):
    gpu, runs = Cuda(GPU), []

    def failing():
        runs.append(1)
        if len(runs) > 3:  # as it is tried it works
            machine.spoilt = spoilt
            raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
        gpu.capture(failing, "pool")
    machine.spoilt = False
    assert machine.stream is machine.default, "the thread has left the stream"
    assert not machine.under_way, "the allocator knows that it is over"
    assert "reset" in machine.calls
    assert ("allocator told" in machine.calls) is spoilt
    assert gpu.capture(lambda: 1, "pool")[1] == 1


def test_a_capture_that_only_fails_as_it_ends_can_be_left_as_well(machine):
    gpu = Cuda(GPU)
    runs = []

    def spoiling():
        runs.append(1)
        machine.spoilt = len(runs) > 3

    with pytest.raises(RuntimeError, match="due to a previous error"):
        gpu.capture(spoiling, "pool")
    machine.spoilt = False
    assert not machine.under_way
    assert gpu.capture(lambda: 1, "pool")[1] == 1


def test_threads_capture_one_after_the_other(machine):
    inside, go_on, second = threading.Event(), threading.Event(), []

    def slow():
        inside.set()
        assert go_on.wait(timeout=60.0)

    threads = [
        threading.Thread(target=lambda: Cuda(GPU).capture(slow, "one")),
        threading.Thread(target=lambda: Cuda(GPU).capture(lambda: second.append(1), "other")),
    ]
    threads[0].start()
    assert inside.wait(timeout=60.0)
    threads[1].start()
    assert not second
    go_on.set()
    for one in threads:
        one.join(timeout=60.0)
    assert len(second) == 4, "three tries and the capture"
