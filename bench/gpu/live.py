"""One real stream: source, engine and listener, each in its own process."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from bench.gpu.cases import PAIR, PLAIN, Machine
from bench.gpu.parts import Found, Parts
from livesim.config.settings import Steps
from livesim.speed.live import run_live
from livesim.speed.scene import make_scene


def run(parts: Parts, machine: Machine) -> None:
    """Stream as fast as stacks are taken, then at a rate that can be held."""
    side, many, few = (64, 8, 4) if machine.rehearsal else (512, 1500, 600)
    parts(f"{side} x {side}, plain", partial(_streamed, side, PLAIN, many))
    parts(f"{side} x {side}, pair", partial(_streamed, side, PAIR, few))


def _streamed(side: int, steps: Steps, stacks: int) -> Found:
    return asdict(run_live(make_scene(side, steps), f"{steps.one}, {steps.two}", stacks))
