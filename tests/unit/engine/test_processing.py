"""When results are waited for, and when the next raw stack is begun before."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from livesim.engine.assemble import AssemblyCounts
from livesim.engine.meters import Gauges
from livesim.engine.pending import Pending
from livesim.engine.processing import Processor
from livesim.engine.queue import BoundedQueue
from livesim.engine.seams import Reconstructed
from livesim.values.frames import RawStack, StackIndex
from livesim.values.results import Result
from livesim.wire.sockets import Keep
from tests.support.running_engine import PATTERN, FakeChannels

IMAGE = np.zeros((8, 8), np.float32)


@dataclass
class Gpu:
    """A pipeline that says what is asked of it, and when."""

    beside: int = 1
    broken: tuple[int, ...] = ()
    """Times of stacks whose work fails once it is waited for."""
    said: list[str] = field(default_factory=list)
    pattern = PATTERN

    def __call__(self, stack):
        return self.begin(stack).take().result

    def begin(self, stack):
        self.said.append(f"begin {stack.index.time}")
        return Pending(lambda: self._take(stack), self.beside)

    def _take(self, stack):
        time = stack.index.time
        self.said.append(f"take {time}")
        if time in self.broken:
            raise RuntimeError("no memory")
        return Reconstructed(Result(stack.stream, stack.index, IMAGE, IMAGE[:4, :4]))


class Line:
    """A processor, the stacks that wait for it, and what it made of them."""

    def __init__(self, pipeline, before=lambda line, stack: None):
        self.stacks = BoundedQueue(8, Keep.BLOCK)
        self.results = BoundedQueue(100, Keep.BLOCK)
        gauges = Gauges()
        self.faults = gauges.faults
        self.processor = Processor(
            self.stacks,
            self.results,
            FakeChannels(lambda seen, ended: pipeline, lambda stack: before(self, stack)),
            gauges,
        )

    def add(self, time, channel=0):
        pixels = np.zeros((3, 3, 4, 4), np.uint16)
        self.stacks.put(RawStack("s", StackIndex(time=time, channel=channel), pixels))

    def run(self):
        self.stacks.close()
        self.processor.run()
        return [one.result.index.time for one in self.results]


def run(pipeline, count):
    line = Line(pipeline)
    for time in range(count):
        line.add(time)
    return line.run(), line


def test_while_stacks_wait_one_is_begun_before_the_last_one_is_taken():
    gpu = Gpu()
    times, _ = run(gpu, 4)
    assert times == [0, 1, 2, 3]
    first, last = ["begin 0", "begin 1", "take 0"], ["begin 3", "take 2", "take 3"]
    assert gpu.said == [*first, "begin 2", "take 1", *last]


def test_as_many_are_begun_before_the_last_one_is_taken_as_are_worked_on_at_once():
    gpu = Gpu(beside=3)
    times, _ = run(gpu, 6)
    assert times == [0, 1, 2, 3, 4, 5]
    assert gpu.said[:6] == ["begin 0", "begin 1", "begin 2", "begin 3", "take 0", "begin 4"]


def test_what_is_done_at_once_is_passed_on_at_once():
    cpu = Gpu(beside=0)
    run(cpu, 3)
    assert cpu.said == ["begin 0", "take 0", "begin 1", "take 1", "begin 2", "take 2"]


def test_a_result_does_not_wait_for_a_stack_that_may_never_come():
    """As each result is passed on, the queue is empty; the next stack comes after it."""
    gpu = Gpu()
    line = Line(gpu)
    line.add(0)
    put = line.results.put

    def next_one(made):
        put(made)
        if made.result.index.time < 2:
            line.add(made.result.index.time + 1)
        else:
            line.stacks.close()

    line.results.put = next_one
    line.processor.run()
    assert gpu.said == ["begin 0", "take 0", "begin 1", "take 1", "begin 2", "take 2"]


def test_work_that_fails_late_costs_its_own_stack_alone():
    times, line = run(Gpu(broken=(1,)), 4)
    assert times == [0, 2, 3]
    assert line.faults.status(AssemblyCounts()).failed_stacks == 1
    assert line.faults.last == "no memory"


def test_every_channel_may_have_one_under_way():
    gpu = Gpu()
    line = Line(gpu)
    for time in range(3):
        for channel in range(2):
            line.add(2 * time + channel, channel)
    assert sorted(line.run()) == [0, 1, 2, 3, 4, 5]
    under_way = most = 0
    for words in gpu.said:
        under_way += 1 if words.startswith("begin") else -1
        most = max(most, under_way)
    assert most == 3


@pytest.mark.parametrize("beside", [0, 1, 4])
def test_who_hurries_gets_what_was_begun_and_no_more(beside):
    def hurry(line, stack):
        if stack.index.time == 2:
            line.processor.hurry()

    line = Line(Gpu(beside=beside), hurry)
    for time in range(5):
        line.add(time)
    assert line.run() == [0, 1, 2]
    assert line.faults.status(AssemblyCounts()).skipped_stacks == 2
