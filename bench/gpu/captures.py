"""Whether what is captured computes what it should: fresh inputs, poisoned outputs, one by one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.gpu.cases import (
    HEXAGONAL,
    PAIR,
    UNIVERSAL,
    Case,
    Machine,
    cases,
    off,
    random_weights,
)
from bench.gpu.parts import Found, Parts
from livesim.engine.beside.proposals import Measure
from livesim.engine.pending import Pending, in_order
from livesim.engine.seams import Reconstructed
from livesim.pipeline.cpu import EagerPath
from livesim.pipeline.graphs import ReplayedPath
from livesim.pipeline.lanes import Lanes
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.pipeline.sections import Sections
from livesim.reconstruction.reconstructor import BandSpectra
from livesim.values.frames import RawStack

MOST_OFF = 1e-6
"""Of the largest value: the same kernels on the same GPU."""
LANES = 4


def run(parts: Parts, machine: Machine) -> None:
    """Capture every section by itself, then whole forms, then what fails."""
    with machine.as_on_a_gpu():
        for name, case in cases(machine.rehearsal):
            for section in ("look", "judge", "begin", "combine", "refine", "arbitrate"):
                work = partial(section_off, case, section, machine)
                if section not in ("begin", "refine", "arbitrate") or case.steps.two != "none":
                    parts(f"{name}, {section}", work)
        small = (48, 64) if machine.rehearsal else (512, 512)
        for name, steps in (("plain", Case().steps), ("pair", PAIR), ("universal", UNIVERSAL)):
            parts(f"a form, {name}", partial(form_off, Case(steps, shape=small), machine))
        parts("a capture that fails", partial(failing_capture, machine))
        for name, steps in (("plain", Case().steps), ("pair", PAIR), ("universal", UNIVERSAL)):
            work = partial(at_once_off, Case(steps, shape=small), machine)
            parts(f"{LANES} raw stacks at once, {name}", work)
        parts("two channels", partial(channels_off, small, machine))


def section_off(case: Case, name: str, machine: Machine) -> Found:
    """Replay one section on inputs that it was not captured with."""
    stream = case.made(2)
    own = stream.pipeline(EagerPath(machine.device)).sections
    counts = [
        torch.from_numpy(one.pixels.reshape(-1, *one.pixels.shape[-2:])).to(machine.device)
        for one in stream.stacks
    ]
    with torch.inference_mode():
        work, inputs, fresh = _prepared(own, name, counts)
        if work is None:
            return {"left_out": "there is no such section"}
        gpu, begin = machine.gpu(), time.perf_counter()
        graph, output = gpu.capture(lambda: work(*inputs), gpu.pool())
        took = time.perf_counter() - begin
        expected = [one.clone() for one in _tensors(work(*[one.clone() for one in fresh]))]
        for one in _tensors(output):
            one.fill_(float("nan"))
        for own_input, new in zip(inputs, fresh, strict=True):
            own_input.copy_(new)
        machine.wait()
        queue = gpu.queue()
        queue.replay(graph)
        queue.mark().wait()
        wrong = max(
            off(one, other)["most"] for one, other in zip(_tensors(output), expected, strict=True)
        )
    return {"ok": wrong <= MOST_OFF, "most_off": wrong, "capture_ms": 1e3 * took}


def _prepared(
    own: Sections, name: str, counts: list[Tensor]
) -> tuple[Callable[..., Any] | None, list[Tensor], list[Tensor]]:
    """Return a section as a function of tensors, with two sets of inputs for it."""
    looks = [_kept(own.look(one)) for one in counts]
    factors = torch.ones(len(own.plan.ramps), dtype=torch.complex64, device=counts[0].device)
    plains = [own.combine(one, None, factors).plain for one in (own.look(c) for c in counts)]
    if name == "look":
        return lambda c: own.look(c), [counts[0].clone()], [counts[1]]
    if name == "judge" and own.check.able:
        return lambda *s: own.check.sums(BandSpectra(*s)), looks[0], looks[1]
    if name == "begin" and own.begins:
        return lambda c: own.begin(c), [counts[0].clone()], [counts[1]]
    if name == "combine":
        return lambda c: own.combine(own.look(c), None, factors), [counts[0].clone()], [counts[1]]
    if name == "refine" and own.refines:
        return lambda image: own.refine(image), [plains[0].clone()], [plains[1]]
    if name == "arbitrate" and own.arbitrates:
        weighed = own.weighing(torch.rand_like(own.arbitration.weights))
        return (
            lambda p, n: weighed.arbitrate(p, n),
            [plains[0].clone(), 1.1 * plains[0]],
            [plains[1], 0.9 * plains[1]],
        )
    return None, [], []


def _kept(look: Any) -> list[Tensor]:
    """Return a copy of the spectra, which the next stack overwrites."""
    spectra = look.spectra
    return [one.clone() for one in (spectra.zero, spectra.border, spectra.side)]


def _tensors(output: Any) -> list[Tensor]:
    """Return all tensors of what a section returns, each once."""
    if isinstance(output, Tensor):
        return [output]
    if isinstance(output, (tuple, list)):
        found = [one for each in output for one in _tensors(each)]
    else:
        fields = getattr(output, "__dataclass_fields__", {})
        found = [one for name in fields for one in _tensors(getattr(output, name))]
    return list({id(one): one for one in found}.values())


def form_off(case: Case, machine: Machine) -> Found:
    """Capture everything, swap the pattern, change its form; say how long each keeps a stack."""
    stream = case.made(4)
    begin = time.perf_counter()
    path = ReplayedPath(machine.gpu())
    pipeline = stream.pipeline(path)
    prepared = time.perf_counter()
    first = pipeline.reconstruct(stream.stacks[0])
    machine.wait()
    shown = time.perf_counter()
    again = stream.pipeline(path)
    once_more = time.perf_counter()
    eager = stream.pipeline(EagerPath(machine.device)).reconstruct(stream.stacks[0])
    second = again.reconstruct(stream.stacks[0])
    wrong = max(
        off(torch.from_numpy(one.result.image), torch.from_numpy(eager.result.image))["most"]
        for one in (first, second)
    )
    return {
        "ok": wrong <= MOST_OFF and not path.note,
        "most_off": wrong,
        "prepare_s": prepared - begin,
        "first_result_s": shown - prepared,
        "same_form_again_s": once_more - shown,
        "note": path.note,
    }


def at_once_off(case: Case, machine: Machine) -> Found:
    """Let several raw stacks be under way in lanes of their own; one by one they are the same."""
    stream = case.made(2 * LANES)
    always_worth = count(0.0, 1.0).__next__  # however many there are, they take as long
    lanes = Lanes(lambda: ReplayedPath(machine.gpu()), LANES, always_worth)
    pipeline = stream.pipeline(lanes)
    found = [one.result.image for one in in_order(map(begun(pipeline), stream.stacks))]
    alone = stream.pipeline(ReplayedPath(machine.gpu()))
    expected = [begun(alone)(stack).take().result.image for stack in stream.stacks]
    same = [np.array_equal(*pair) for pair in zip(found, expected, strict=True)]
    return {"ok": all(same) and lanes.count == LANES, "lanes": lanes.count, "same": same}


def channels_off(shape: tuple[int, int], machine: Machine) -> Found:
    """Let the raw stacks of two channels take turns, each with a path of its own."""
    streams = [Case(PAIR, shape=shape).made(4), Case(UNIVERSAL, HEXAGONAL, shape).made(4)]
    mine = [begun(stream.pipeline(ReplayedPath(machine.gpu()))) for stream in streams]
    eager = [begun(stream.pipeline(EagerPath(machine.device))) for stream in streams]
    order = [(channel, time) for time in range(4) for channel in range(2)]
    works = (mine[channel](streams[channel].stacks[time]) for channel, time in order)
    expected = (eager[channel](streams[channel].stacks[time]).take() for channel, time in order)
    wrong = max(
        off(torch.from_numpy(one.result.image), torch.from_numpy(other.result.image))["most"]
        for one, other in zip(in_order(replace(w, beside=2) for w in works), expected, strict=True)
    )
    return {"ok": wrong <= MOST_OFF, "most_off": wrong}


def begun(pipeline: ReconstructionPipeline) -> Callable[[RawStack], Pending[Reconstructed]]:
    """Return what begins with a raw stack, and turns it as it says itself."""

    def turned(measure: Measure) -> tuple[float, ...]:
        turns = [0.0, 0.0, 0.0]
        for reading in measure():
            turns[reading.angle] = 0.1 * abs(reading.ratio)
        return tuple(turns)

    weights = random_weights(pipeline) if pipeline.networks.any else None
    return lambda stack: pipeline.begin(stack, turned, weights)


def failing_capture(machine: Machine) -> Found:
    """Let a capture fail, and see whether the next one succeeds and the thread is where it was."""
    gpu, runs = machine.gpu(), []
    values = torch.ones(64, device=machine.device)

    def unfit() -> Tensor:
        runs.append(1)
        if machine.rehearsal or len(runs) > 3:
            float(values.sum())  # what nothing may do while it is captured
        return values + 1

    words = ""
    try:
        gpu.capture(unfit, gpu.pool())
    except (RuntimeError, AssertionError) as error:
        words = f"{type(error).__name__}: {error}"
    graph, output = gpu.capture(lambda: values * 2, gpu.pool())
    queue = gpu.queue()
    queue.replay(graph)
    queue.mark().wait()
    return {"ok": bool(words) and float(output.sum()) == 128.0, "refused": words[:300]}
