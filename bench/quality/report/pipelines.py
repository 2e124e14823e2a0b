"""Train the report's two steps on one structure, on both, and on separate halves of the data."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from bench.quality.report.shots import DRAWN, MICROTUBULES, Shot, shot
from bench.quality.report.training import STEP_ONE, STEP_TWO, Pair, Trained, trained
from bench.report import Row
from livesim.reconstruction.report_processing import finished
from livesim_models.registry import build

TRAINED, HELD_OUT, TESTED = 64, 8, 20
"""Fields of each structure; the report has about as many images, and as many tests."""
SINGLE, MIXED, HALVES = "microtubules", "both structures", "microtubules, in halves"
STAGES = ("low", "step one", "both steps")

Tell = Callable[[str, Row], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a pair of networks learns from."""

    kinds: tuple[str, ...]
    halves: bool = False
    """Whether step two learns from fields that step one did not see."""


PLANS: Mapping[str, Plan] = {
    SINGLE: Plan((MICROTUBULES,)),
    MIXED: Plan(tuple(DRAWN)),
    HALVES: Plan((MICROTUBULES,), halves=True),
}


@dataclass(frozen=True, slots=True, eq=False)
class Pipeline:
    """Both steps, with the report's processing between them."""

    one: Trained
    two: Trained

    def images(self, of: Shot) -> dict[str, Tensor]:
        """Return the image [2 y, 2 x] of every stage."""
        first = of.image(self.one(of.low))
        return dict(zip(STAGES, (of.image(of.low), first, self.second(first)), strict=True))

    def second(self, first: Tensor) -> Tensor:
        """Return what step two makes of an image after step one."""
        return finished(self.two(first[None])[0])


def unseen_shots(kind: str) -> list[Shot]:
    """Return the fields of a kind that nothing is trained or held out on."""
    first = TRAINED + HELD_OUT
    return [shot(kind, number) for number in range(first, first + TESTED)]


def pipeline(name: str, steps: int, folder: Path, tell: Tell) -> Pipeline:
    """Return a pair of networks, from the folder if it is there; trained and put there else."""
    plan, path = PLANS[name], folder / f"{name}.safetensors"
    if path.exists():
        return _read(path)
    shots = [shot(kind, number) for number in range(TRAINED) for kind in plan.kinds]
    held = [shot(kind, TRAINED + n) for n in range(HELD_OUT) for kind in plan.kinds]
    middle = len(shots) // 2
    for_one, for_two = (shots[:middle], shots[middle:]) if plan.halves else (shots, shots)
    one = trained(STEP_ONE, _raw(for_one), _raw(held), steps, lambda row: tell("step one", row))
    two = trained(
        STEP_TWO, _images(one, for_two), _images(one, held), steps, lambda row: tell("both", row)
    )
    _write(path, one, two)
    return Pipeline(one, two)


def _write(path: Path, one: Trained, two: Trained) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = {"one": one, "two": two}
    weights = {
        f"{name}.{key}": value.contiguous()
        for name, part in parts.items()
        for key, value in part.network.state_dict().items()
    }
    curves = {name: json.dumps(part.curve) for name, part in parts.items()}
    save_file(weights, path, metadata=curves)


def _read(path: Path) -> Pipeline:
    found = []
    with safe_open(path, framework="pt") as file:
        for name, architecture in (("one", STEP_ONE), ("two", STEP_TWO)):
            network, start = build(architecture), f"{name}."
            own = [key for key in file.keys() if key.startswith(start)]  # noqa: SIM118
            weights = {key.removeprefix(start): file.get_tensor(key) for key in own}
            network.load_state_dict(weights)
            found.append(Trained(network, json.loads(file.metadata()[name])))
    return Pipeline(*found)


def _raw(shots: Sequence[Shot]) -> list[Pair]:
    return [Pair.of(one.low, one.high) for one in shots]


def _images(one: Trained, shots: Sequence[Shot]) -> list[Pair]:
    """Return what step two is given and should return: reconstructions."""
    return [Pair.of(s.image(one(s.low))[None], s.image(s.high)[None]) for s in shots]
