"""How else networks could run: precisions, TF32, cuDNN's own search, batches, kernels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import nn
from torch.nn.functional import pad

from bench.gpu.cases import Machine
from bench.gpu.parts import Found, Parts
from livesim.speed.timing import clocked, in_turn
from livesim_models.checkpoint import read_model
from livesim_models.flops import flops
from livesim_models.precision import true_float32
from livesim_models.rcan import frozen
from livesim_models.registry import freeze
from livesim_models.shipped import model_file

PRECISIONS = ("float32", "bfloat16", "float16")
BATCHES = (1, 2, 4, 8)
MODELS = (
    ("pair", "one", 1),
    ("pair", "two", 2),
    ("quick", "two", 2),
    ("universal", "two", 2),
)


def run(parts: Parts, machine: Machine) -> None:
    """Time each shipped network in every way, of a field of 512 x 512 raw pixels."""
    side = 32 if machine.rehearsal else 512
    with machine.as_on_a_gpu():
        for name, step, scale in MODELS:
            for precision in PRECISIONS:
                for batch in BATCHES:
                    work = partial(_timed, name, step, scale * side, precision, batch, machine)
                    parts(f"{name} {step}, {precision}, batch {batch}", work)
            ways = {"TF32": _tf32, "cuDNN's search": _searching, "attention unfused": _unfused}
            for words, way in ways.items():
                work = partial(_timed, name, step, scale * side, "float32", 1, machine)
                parts(f"{name} {step}, float32, {words}", partial(_in, way, work))
            work = partial(_timed, name, step, scale * side, "bfloat16", 1, machine, pads=True)
            parts(f"{name} {step}, bfloat16, channels in sixteens", work)


def _timed(
    name: str,
    step: str,
    side: int,
    precision: str,
    batch: int,
    machine: Machine,
    *,
    pads: bool = False,
) -> Found:
    network = read_model(model_file(name, step)).network.to(machine.device)
    image = torch.rand(batch, network.architecture.inputs, side, side, device=machine.device)
    ready = freeze(network, getattr(torch, precision))
    if pads:
        before = ready(image)
        pad_ends(ready._network)
        most = float((ready(image) - before).abs().max() / before.abs().max())
        assert most < 0.02, f"expected the same image, found one off by {most:.2g}"
    with torch.inference_mode():
        operations = flops(lambda: ready(image))
        task = torch.inference_mode()(lambda: ready(image))
        rounds = 2 if machine.rehearsal else 20
        times = in_turn({"": clocked(task, machine.device)}, rounds, 1.5)[""]
    each = times.median_ms / batch
    return {"ms_each": each, "iqr_ms": times.iqr_ms, "tflop_s": operations / batch / each / 1e9}


def pad_ends(network: nn.Module) -> None:
    """Let the first convolution take, and the last one give, sixteens of channels.

    Matrix units work on groups of channels; nine of them, as frames of a stack, may take longer.
    """
    head, tail = network.head, network.tail
    inputs, outputs = -head.in_channels % 16, -tail.out_channels % 16
    head.weight = nn.Parameter(pad(head.weight, (0, 0, 0, 0, 0, inputs)), requires_grad=False)
    tail.weight = nn.Parameter(
        pad(tail.weight, (0, 0, 0, 0, 0, 0, 0, outputs)), requires_grad=False
    )
    tail.bias = nn.Parameter(pad(tail.bias, (0, outputs)), requires_grad=False)
    given = head.in_channels
    head.register_forward_pre_hook(lambda _, one: (pad(one[0], (0, 0, 0, 0, 0, -given % 16)),))
    tail.register_forward_hook(lambda _, __, made: made[:, : made.shape[1] - outputs])


def _in(way: object, work: object) -> Found:
    with way():  # type: ignore[operator]
        return work()  # type: ignore[operator]


@contextmanager
def _tf32() -> Iterator[None]:
    before, torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.allow_tf32, True
    yield
    torch.backends.cudnn.allow_tf32 = before


@contextmanager
def _searching() -> Iterator[None]:
    torch.backends.cudnn.benchmark = True
    with true_float32():
        yield
    torch.backends.cudnn.benchmark = False


@contextmanager
def _unfused() -> Iterator[None]:
    own, frozen.fusing_works = frozen.fusing_works, lambda *_: False
    with true_float32():
        yield
    frozen.fusing_works = own
