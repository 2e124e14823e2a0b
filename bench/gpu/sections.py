"""Whether the GPU's images are right, one operation after the other, before anything is captured.

Networks are held against float64 on the CPU; the reconstruction, whose memory is float32, against
the CPU's own, which is right to a part in a million.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from bench.gpu.cases import Case, Machine, cases, off, random_weights
from bench.gpu.parts import Found, Parts
from livesim.pipeline.cpu import EagerPath
from livesim_models.checkpoint import read_model
from livesim_models.field import FieldRunner
from livesim_models.precision import true_float32
from livesim_models.registry import freeze
from livesim_models.shipped import model_file

MODELS = (("pair", "one"), ("pair", "two"), ("quick", "two"), ("universal", "two"))
MOST_RMS = {"float32": 1e-5, "float16": 4e-3, "bfloat16": 2e-2}
"""Of a network's change; TF32 would give some 3e-4."""
MOST_OFF = 2e-4
"""Of an image's brightest pixel, in float32."""
TURNS = (0.1, -0.2, 0.3)
CPU = torch.device("cpu")


def run(parts: Parts, machine: Machine) -> None:
    """Compare everything that makes an image."""
    for name, case in cases(machine.rehearsal):
        parts(f"images, {name}", partial(images, case, machine))
    for name, step in MODELS:
        for precision in MOST_RMS:
            title = f"network, {name} {step}, {precision}"
            parts(title, partial(network_off, name, step, precision, machine))
        parts(f"network, {name} {step}, TF32", partial(_tf32, name, step, machine))
        parts(f"network, {name} {step}, tiles", partial(tiles_off, name, step, machine))


def images(case: Case, machine: Machine) -> Found:
    """Compare every image of one raw stack on the device with the CPU's."""
    stream = case.made()
    mine, theirs = (stream.pipeline(EagerPath(one)) for one in (machine.device, CPU))
    found, ok = {}, True
    weights = random_weights(theirs) if theirs.networks.any else None
    for stack in stream.stacks:
        one, other = (pipeline.compute(stack, TURNS, weights) for pipeline in (mine, theirs))
        for name in ("plain", "widefield", "between", "network", "image"):
            wrong = off(getattr(one, name), getattr(other, name))
            found[name] = max(found.get(name, 0.0), wrong["most"])
            ok &= wrong["most"] <= MOST_OFF  # NaN never is
    return {"ok": ok, "most_off": found}


def _given(name: str, step: str, machine: Machine) -> tuple[torch.nn.Module, Tensor, Tensor]:
    """Return a trained network, a fresh image for it, and its answer in float64 on the CPU."""
    network = read_model(model_file(name, step)).network
    side = 48 if machine.rehearsal else 256
    image = torch.rand(1, network.architecture.inputs, side, side)
    with torch.inference_mode():
        return network, image, freeze(network, torch.float64)(image.double())


def network_off(name: str, step: str, precision: str, machine: Machine) -> Found:
    network, image, expected = _given(name, step, machine)
    runner = FieldRunner(network.to(machine.device), precision)
    return _judged(runner(image.to(machine.device)), image, expected, MOST_RMS[precision])


def _tf32(name: str, step: str, machine: Machine) -> Found:
    """Say what float32 would be off by with TF32 allowed; nothing is asked of it."""
    network, image, expected = _given(name, step, machine)
    torch.backends.cudnn.allow_tf32 = True
    with torch.inference_mode():
        found = freeze(network.to(machine.device), torch.float32)(image.to(machine.device))
    with true_float32():
        return _judged(found, image, expected, float("inf"))


def tiles_off(name: str, step: str, machine: Machine) -> Found:
    """Compare tiles on the device with tiles on the CPU."""
    network, image, _ = _given(name, step, machine)
    tile = 2 * network.architecture.overlap + 8
    image = torch.nn.functional.pad(
        image, (0, tile, 0, tile), mode="circular" if image.shape[-1] >= tile else "replicate"
    )
    expected = FieldRunner(network, tile=tile)(image)
    found = FieldRunner(network.to(machine.device), tile=tile)(image.to(machine.device))
    return _judged(found, image, expected, MOST_RMS["float32"])


def _judged(found: Tensor, image: Tensor, expected: Tensor, most: float) -> Found:
    """Say how far a network's change lies from what it should be."""
    before = image if image.shape == expected.shape else torch.zeros_like(expected)
    wrong = off(found.cpu().double() - before.double(), expected.double() - before.double())
    return {"ok": wrong["rms"] <= most, "change_off": wrong}
