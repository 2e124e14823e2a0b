"""What a raw stack costs a GPU at least, by counting: `python -m bench.gpu.arithmetic`.

Every operation of every section is run on torch's "meta" device, which knows shapes alone. An
operation takes as long as its multiplications at the rate of the matrix units or, if that is
longer, as its inputs and outputs through memory; a stack takes the sum. What is launched between
the operations, transfers and everything that a kernel wastes come on top; what a kernel joins comes
off. What goes up and comes down is counted by itself: counts of 16 bits, images of 32; both ways at
once, so that the longer one counts, at the rate of PCI Express 4.0. The other rates are
those of data sheets, dense, bfloat16 summed in float32: NVIDIA H100 SXM (data sheet), GeForce RTX
4090 (white paper on the Ada architecture), RTX 3060 (28 multiprocessors of 512 operations at 1.78
GHz; 360 GB/s).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from bench.gpu.times import WAYS
from bench.gpu.volumes import volume_scene
from bench.report import Row, report
from livesim.config.settings import Steps
from livesim.pipeline.cpu import EagerPath
from livesim.pipeline.networks import load_networks
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.pipeline.sections import Arbitration, Sections
from livesim.pipeline.transfers import coming_down
from livesim.reconstruction.volume.plan import make_volume_plan
from livesim.reconstruction.volume.reconstructor import VolumeReconstructor
from livesim.speed.scene import Scene, make_scene
from livesim_acquisition.microscope.volume_microscope import VolumeMicroscope

SIDES = (512, 2048)
VOLUME = (512, 32)
"""Side of the raw frames, and planes."""
NOWHERE = torch.device("meta")


@dataclass(frozen=True)
class Card:
    """What a GPU can do at most."""

    tflop_s: float
    """bfloat16, dense."""
    gb_s: float


CARDS = {
    "H100": Card(989.0, 3350.0),
    "RTX 4090": Card(165.2, 1008.0),
    "RTX 3060": Card(25.5, 360.0),
}


BUS_GB_S = 31.5
"""PCI Express 4.0 in 16 lanes, each way: 16 GT/s of which 128 bits in 130 count."""


class Counting(TorchDispatchMode):
    """Adds up operations, bytes, and the least time of each operation on every card."""

    def __init__(self) -> None:
        super().__init__()
        self.flop, self.bytes = 0.0, 0.0
        self.up = self.down = self.stages_down = 0
        self.ms = dict.fromkeys(CARDS, 0.0)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do one operation, and count it unless it only looks at memory in another way."""
        if func.overloadpacket not in flop_registry:
            with self:  # what consists of others is counted as these
                output = func.decompose(*args, **(kwargs or {}))
            if output is not NotImplemented:
                return output
        output = func(*args, **(kwargs or {}))
        given = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
        made = [one for one in tree_leaves(output) if isinstance(one, Tensor)]
        if not func.is_view and "empty" not in func.__name__:
            self._add(_flop(func, args, kwargs, output), float(sum(map(_nbytes, given + made))))
        return output

    def _add(self, flop: float, moved: float) -> None:
        self.flop, self.bytes = self.flop + flop, self.bytes + moved
        for name, card in CARDS.items():
            self.ms[name] += max(flop / card.tflop_s / 1e9, moved / card.gb_s / 1e6)


def _nbytes(values: Tensor) -> int:
    return values.numel() * values.element_size()


def _flop(func: Any, args: Any, kwargs: Any, output: Any) -> float:
    count = flop_registry.get(func.overloadpacket)
    return 0.0 if count is None else float(count(*args, **(kwargs or {}), out_val=output))


def counted(scene: Scene, steps: Steps) -> Counting:
    """Return what one raw stack costs."""
    side = scene.counts.shape[-1]
    own = steps.model_copy(update={"precision": "bfloat16"})
    settings = scene.settings.model_copy(update={"steps": own})
    none = load_networks(settings, torch.device("cpu"))
    pipeline = ReconstructionPipeline(
        settings, scene.pattern, None, none, EagerPath(torch.device("cpu"))
    )
    sections = moved(pipeline.sections, settings)
    counts = torch.empty(9, side, side, dtype=torch.uint16, device=NOWHERE)
    factors = torch.empty(len(sections.plan.ramps), dtype=torch.complex64, device=NOWHERE)
    with torch.inference_mode(), Counting() as counting:
        look = sections.look(counts)
        sections.check.sums(look.spectra)
        images = sections.combine(look, sections.begin(counts), factors)
        network = sections.refine(images.between)
        image = sections.arbitrate(images.plain, network)
    made = (image, images.plain, images.between, network, images.widefield)
    counting.up = _nbytes(counts)
    counting.down = sum(map(_nbytes, coming_down(made, stages=False)))
    counting.stages_down = sum(map(_nbytes, coming_down(made, stages=True)))
    return counting


def moved(sections: Sections, settings: Any) -> Sections:
    """Return sections whose tensors are shapes alone."""
    known, conditions = sections.arbitration, sections.conditions
    return Sections(
        sections.plan.to(NOWHERE),
        sections.check.mapped(lambda values: values.to(NOWHERE)),
        load_networks(settings, NOWHERE),
        settings.camera,
        conditions and conditions.mapped(lambda values: values.to(NOWHERE)),
        sections.passband and sections.passband.mapped(lambda values: values.to(NOWHERE)),
        known and Arbitration(known.bands.to(NOWHERE), known.weights.to(NOWHERE)),
    )


def counted_volume(side: int, planes: int) -> Counting:
    """Return what a volume without a network costs."""
    settings = volume_scene(side, planes)
    pattern = VolumeMicroscope(settings).pattern
    plan = make_volume_plan(pattern, settings.optics, settings.camera, settings.reconstruction)
    make = VolumeReconstructor(plan.to(NOWHERE))
    volume = make.begin()
    counts = torch.empty(3, 5, side, side, dtype=torch.uint16, device=NOWHERE)

    def made() -> list[Tensor]:
        return [*(make.add(volume, z, counts) for z in range(planes)), make.finish(volume)]

    made()  # what is prepared once
    with torch.inference_mode(), Counting() as counting:
        images = made()
    counting.up, counting.down = planes * _nbytes(counts), sum(map(_nbytes, images))
    counting.stages_down = counting.down
    return counting


def mb(size: int) -> float:
    """Return bytes in MB, to a tenth."""
    return round(size / 1e6, 1)


def _row(title: str, way: str, side: int, found: Counting) -> Row:
    row: Row = {"method": title, "way": way, "side": side}
    row |= {"GFLOP": round(found.flop / 1e9, 1), "GB": round(found.bytes / 1e9, 2)}
    row |= {"MB up": mb(found.up), "MB down": mb(found.down)}
    row |= {"MB down with stages": mb(found.stages_down)}
    row |= {"bus, ms": float(f"{max(found.up, found.down) / BUS_GB_S / 1e6:.3g}")}
    return row | {f"{card}, ms": float(f"{ms:.3g}") for card, ms in found.ms.items()}


def main() -> None:
    """Count, print, write."""
    rows: list[Row] = []
    for side in SIDES:
        scene = make_scene(side)
        for name, steps in WAYS.items():
            rows.append(_row(f"{name}, {side}²", name, side, counted(scene, steps)))
    side, planes = VOLUME
    title = f"volume of {planes} planes of 15 frames, plain, {side}²"
    rows.append(_row(title, "volume", side, counted_volume(side, planes)))
    report("gpu_arithmetic", "The least that one raw stack takes, by arithmetic", rows)


if __name__ == "__main__":
    main()
