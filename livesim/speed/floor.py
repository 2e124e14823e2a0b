"""Count the least work that any program has with one raw stack of a scene."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from livesim.config.settings import Steps
from livesim.pipeline.networks import load_networks
from livesim.reconstruction.plan import Plan, make_plan
from livesim.speed.scene import Scene
from livesim.values.pattern import Levels
from livesim_models.conditions import Conditions
from livesim_models.shipped import TWO_STEP

H100_BF16_GFLOPS, H100_GB_S = 989_000.0, 3350.0
"""Dense matrix products and memory of an H100 SXM (NVIDIA's data sheet)."""

RECONSTRUCTION, STEP_ONE, STEP_TWO = "reconstruction, all of it", "step one", "step two"


@dataclass(frozen=True, slots=True)
class Work:
    """What has to be done in one stage."""

    stage: str
    gflop: float
    """10⁹ floating-point operations."""
    mb: float
    """10⁶ bytes to be read and written: what comes in and what goes out, once."""


def least_work(scene: Scene) -> list[Work]:
    """Return the work of the reconstruction and of both shipped networks."""
    settings = scene.settings
    plan = make_plan(scene.pattern, scene.otf, settings.camera, settings.reconstruction)
    return [
        Work(RECONSTRUCTION, transform_flop(plan) / 1e9, traffic_bytes(scene) / 1e6),
        *_networks(scene),
    ]


def traffic_bytes(scene: Scene) -> int:
    """Return the bytes of the counts, the image and the widefield image."""
    pixels = scene.counts[0, 0].numel()
    return scene.counts.numel() * scene.counts.element_size() + 4 * (4 * pixels + pixels)


def transform_flop(plan: Plan) -> float:
    """Return the operations of the transforms, of the columns and rows that are not zero alone.

    5 n log2 n for n complex numbers, half of it for real ones (as FFTW counts them).
    """
    rows, columns = plan.shape
    bands = len(plan.ramps)
    inside: int = plan.columns.stop - plan.columns.start
    to_spectra = bands * (rows * _complex(columns) + inside * _complex(rows))
    to_spectra += rows * _real(columns) + plan.zero_columns * _complex(rows)
    back = plan.half_columns * _complex(2 * rows) + 2 * rows * _real(2 * columns)
    return to_spectra + back


def _complex(length: int) -> float:
    return 5.0 * length * math.log2(length)


def _real(length: int) -> float:
    return 0.5 * _complex(length)


def _networks(scene: Scene) -> list[Work]:
    """Return the work of the pair of networks: they run where nothing is computed."""
    nowhere = torch.device("meta")
    pair = scene.settings.model_copy(update={"steps": Steps(one=TWO_STEP, two=TWO_STEP)})
    networks = load_networks(pair, nowhere)
    frames = torch.empty(scene.counts.flatten(0, 1).shape, device=nowhere)
    rows, columns = (2 * n for n in frames.shape[-2:])
    image = torch.empty(rows, columns, device=nowhere)
    conditions = Conditions.of_levels(Levels(0.0, 1.0), (rows, columns), nowhere)
    return [
        _counted(STEP_ONE, lambda: networks.one(frames), frames),
        _counted(STEP_TWO, lambda: networks.two(image, conditions), image),
    ]


def _counted(name: str, run: Callable[[], Tensor], given: Tensor) -> Work:
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        made = run()
    mb = sum(one.numel() * one.element_size() for one in (given, made)) / 1e6
    return Work(name, counter.get_total_flops() / 1e9, mb)
