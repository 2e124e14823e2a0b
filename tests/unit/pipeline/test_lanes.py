"""Several raw stacks at once on a GPU: the same pixels, and as many as pay."""

import pytest
import torch

from livesim.engine.pending import in_order
from livesim.pipeline.cpu import EagerPath
from livesim.pipeline.graphs import ReplayedPath
from livesim.pipeline.lanes import Lanes, lanes_for
from livesim_models.rcan import frozen
from tests.doubles.gpu import LateGpu
from tests.unit.pipeline.test_frame_path import (
    CPU,
    STEPS,
    Failing,
    Stream,
    followed,
    same,
    weights_for,
    without_an_angle,
)


@pytest.fixture(autouse=True)
def networks_as_on_a_gpu(monkeypatch):
    monkeypatch.setattr(frozen, "fast_dtypes", lambda: ())


def clock(*rates):
    """Return a clock by which so many raw stacks a second are done with 1, 2, 4 … lanes."""
    times = []
    for number, rate in enumerate(rates):
        times += [0.0, 3 * 2**number / rate]
    return iter(times).__next__


class Machine:
    """A GPU on which lanes are made, each with queues that are as late as they may be."""

    def __init__(self, *rates, most=8, gpu=LateGpu):
        self.gpus, self._gpu = [], gpu
        self.path = Lanes(self._lane, most, clock(*rates))

    def _lane(self):
        self.gpus.append(self._gpu(len(self.gpus)))
        return ReplayedPath(self.gpus[-1])


@pytest.mark.parametrize("steps", ["plain", "both"])
def test_at_once_and_one_by_one_the_pixels_are_the_same_to_the_bit(steps):
    """Though every stack is turned as it shows itself, and weights and pattern change between."""
    stream, machine = Stream(STEPS[steps]), Machine(100, 190, most=2)
    fewer = without_an_angle(stream.pattern)

    def made(path):
        pipelines = [stream.pipeline(path), stream.pipeline(path, fewer)]
        weights = [None, None]
        if pipelines[0].networks.any:
            weights = [weights_for(one, 1) for one in pipelines]
        order = [0, 0, 1, 0, 0, 1]
        begun = (
            pipelines[which].begin(stack, followed, weights[which] if number % 3 else None)
            for number, (which, stack) in enumerate(zip(order, stream.stacks, strict=True))
        )
        return list(in_order(begun))

    found = made(machine.path)
    assert machine.path.count == 2
    same(found, made(EagerPath(CPU)))


@pytest.mark.parametrize(
    ("rates", "count", "tried"),
    [((100, 105), 1, 2), ((100, 190, 200), 2, 4), ((100, 200, 400, 800), 8, 8)],
)
def test_there_are_as_many_as_pay(rates, count, tried):
    stream, machine = Stream(), Machine(*rates)
    pipeline = stream.pipeline(machine.path)
    assert (machine.path.count, len(machine.gpus)) == (count, tried)
    assert pipeline.begin(stream.stacks[0], followed).beside == count
    captures = [gpu.captures for gpu in machine.gpus]
    list(in_order(pipeline.begin(stack, followed) for stack in stream.stacks))
    stream.pipeline(machine.path)
    assert [gpu.captures for gpu in machine.gpus] == captures, "all was prepared at once"


def test_what_is_asked_for_at_most_is_not_exceeded():
    machine = Machine(1, 2, 4, most=3)
    Stream().pipeline(machine.path)
    assert (machine.path.count, len(machine.gpus)) == (2, 2)


@pytest.mark.parametrize(("stacks", "most"), [(1, 1), (63, 1), (64, 2), (100_000, 8)])
def test_few_raw_stacks_are_not_worth_a_measurement(stacks, most):
    assert lanes_for(stacks) == most


def test_where_memory_is_short_nothing_more_is_captured():
    class Small(LateGpu):
        def capture(self, work, pool):
            self.free_bytes -= 300 << 20  # of 1 GiB
            return super().capture(work, pool)

    machine = Machine(100, 200, gpu=Small)
    Stream().pipeline(machine.path)
    assert (machine.path.count, len(machine.gpus)) == (1, 1)


def test_a_lane_that_makes_other_pixels_is_not_used(caplog):
    caplog.set_level("WARNING", logger="livesim.engine")

    class Odd(LateGpu):
        """Its network rounds in another way, as other kernels would, unless it is the first one."""

        def __init__(self, seed):
            super().__init__(seed)
            self._is_odd = seed > 0

        def capture(self, work, pool):
            odd = self._is_odd and self.captures == 0
            return super().capture((lambda: work() * (1.0 + 1e-6)) if odd else work, pool)

    machine = Machine(100, 200, gpu=Odd)
    Stream(STEPS["on the plain image"]).pipeline(machine.path)
    assert machine.path.count == 1
    assert [one.getMessage() for one in caplog.records] == [
        "raw stacks do not come out alike at once on cpu"
    ]


def test_a_lane_in_which_nothing_can_be_captured_is_not_used():
    def second_fails(number):
        return Failing(torch.OutOfMemoryError("CUDA out of memory"), 9) if number else LateGpu(0)

    machine = Machine(100, 200, gpu=second_fails)
    Stream().pipeline(machine.path)
    assert (machine.path.count, machine.path.note) == (1, "")
