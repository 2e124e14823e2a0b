"""Raw stacks, patterns and settings that are tried on a GPU, and the pipelines for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from livesim.config.settings import PatternSettings, Reconstruction, Settings, Steps
from livesim.pipeline.cuda import Cuda, Gpu
from livesim.pipeline.networks import load_networks
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.pipeline.work import FramePath
from livesim.values.frames import RawStack, StackIndex
from livesim.values.pattern import Levels, Pattern
from livesim.values.weights import BandWeights, WeightGrid
from livesim_models.rcan import frozen
from tests.doubles.gpu import LateGpu
from tests.support.scenes import simulate

PLAIN, PAIR = Steps(one="none", two="none"), Steps(one="pair", two="pair")
QUICK, UNIVERSAL = Steps(one="none", two="quick"), Steps(one="none", two="universal")
THREE_BY_THREE = PatternSettings()
HEXAGONAL = PatternSettings(layout="hexagonal")
TWO_HARMONICS = PatternSettings(phases=5, harmonics=2)
PEAK = 100.0


@dataclass(frozen=True)
class Case:
    """What is reconstructed, and with which networks."""

    steps: Steps = PLAIN
    pattern: PatternSettings = THREE_BY_THREE
    shape: tuple[int, int] = (256, 256)
    iterations: int = 0
    """Of Richardson-Lucy."""

    def made(self, stacks: int = 2) -> Stream:
        """Return raw stacks of it, of unlike brightness, and settings and pattern for them."""
        scene = simulate(3, self.shape, settings=self.pattern, times=stacks, peak=PEAK)
        settings = Settings(
            optics=scene.optics,
            camera=scene.camera,
            pattern=self.pattern,
            reconstruction=Reconstruction(richardson_lucy_iterations=self.iterations),
            steps=self.steps,
        )
        shares = np.linspace(1.0, 0.5, stacks)
        counts = [
            (one.numpy() * share).astype(np.uint16)
            for one, share in zip(scene.counts, shares, strict=True)
        ]
        raw = [RawStack("gpu", StackIndex(time=n), one) for n, one in enumerate(counts)]
        return Stream(settings, replace(scene.pattern, levels=Levels(0.0, PEAK)), raw)


@dataclass(frozen=True, eq=False)
class Stream:
    """Raw stacks, and what reconstructs them."""

    settings: Settings
    pattern: Pattern
    stacks: list[RawStack]

    def pipeline(self, path: FramePath, precision: str = "float32") -> ReconstructionPipeline:
        """Return a pipeline whose networks compute in a precision."""
        steps = self.settings.steps.model_copy(update={"precision": precision})
        own = self.settings.model_copy(update={"steps": steps})
        return ReconstructionPipeline(
            own, self.pattern, None, load_networks(own, path.device), path
        )


CASES = {
    "plain 3 x 3": Case(),
    "plain 7 frames": Case(pattern=HEXAGONAL),
    "plain two harmonics": Case(pattern=TWO_HARMONICS),
    "plain prime sizes": Case(shape=(251, 241)),
    "plain Richardson-Lucy": Case(iterations=5),
    "pair": Case(PAIR),
    "quick": Case(QUICK),
    "universal": Case(UNIVERSAL),
    "universal 7 frames": Case(UNIVERSAL, HEXAGONAL),
    "universal two harmonics": Case(UNIVERSAL, TWO_HARMONICS),
    "pair prime sizes": Case(PAIR, shape=(251, 241)),
}


def cases(rehearsal: bool) -> Iterator[tuple[str, Case]]:
    """Yield names and cases; tiny ones for a rehearsal."""
    for name, case in CASES.items():
        tiny = (41, 53) if "prime" in name else (48, 64)
        yield name, replace(case, shape=tiny) if rehearsal else case


@dataclass(frozen=True)
class Machine:
    """The GPU, or in a rehearsal its double on the CPU."""

    rehearsal: bool

    @property
    def device(self) -> torch.device:
        """On which networks and sections are."""
        return torch.device("cpu") if self.rehearsal else torch.device("cuda", 0)

    def gpu(self) -> Gpu:
        """Return what captures."""
        return LateGpu(1) if self.rehearsal else Cuda(self.device)

    def wait(self) -> None:
        """Wait until everything is done that was asked for."""
        if not self.rehearsal:
            torch.cuda.synchronize(self.device)

    @contextmanager
    def as_on_a_gpu(self) -> Iterator[None]:
        """Let networks take the form that they have on a GPU, which the double can record."""
        own: Callable[[], tuple[torch.dtype, ...]] = frozen.fast_dtypes
        if self.rehearsal:
            frozen.fast_dtypes = lambda: ()
        try:
            yield
        finally:
            frozen.fast_dtypes = own


def random_weights(pipeline: ReconstructionPipeline) -> BandWeights:
    """Return weights that differ from place to place; always the same ones."""
    random = np.random.default_rng(0)
    return BandWeights(
        tuple(
            WeightGrid(shape, random.integers(0, 256, shape, dtype=np.uint8).tobytes())
            for shape in pipeline.weight_shapes
        )
    )


def off(found: Tensor, expected: Tensor) -> dict[str, float]:
    """Return how far images lie from what is expected: at most and in the mean, relative."""
    found, expected = (_real(one.detach().cpu()).double() for one in (found, expected))
    difference = found - expected
    return {
        "most": float(difference.abs().max() / expected.abs().max()),
        "rms": float(difference.norm() / expected.norm()),
    }


def _real(values: Tensor) -> Tensor:
    return torch.view_as_real(values) if values.is_complex() else values
