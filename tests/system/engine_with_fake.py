"""Run an engine in a process of its own, with a pipeline that only averages.

python engine_with_fake.py RECORD [once] [lossless] [slow] [impatient] [unrecorded] [dying] [held]
    [at=FRAMES,RESULTS,CONTROL]
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import numpy as np

from livesim.commands.engine import run_engine
from livesim.engine.options import EngineOptions
from livesim.engine.seams import Computing
from livesim.values.errors import DataError
from livesim.values.pattern import Pattern, PatternAngle
from livesim.values.results import Result
from livesim.wire.endpoints import FREE_ADDRESS

ANGLE = PatternAngle((5.0, 0.0), (0.0, 2.0, 4.0), (0.8,))
SLOW_S = 0.2


class MeanPipeline:
    """The doubled mean of a raw stack."""

    pattern = Pattern(80.0, (32, 24), (ANGLE, ANGLE, ANGLE), 110.0)

    def __init__(self, delay_s):
        self.delay_s = delay_s

    def __call__(self, stack):
        time.sleep(self.delay_s)
        widefield = stack.pixels.mean(axis=(0, 1), dtype=np.float32)
        image = np.kron(widefield, np.ones((2, 2), np.float32))
        return Result(stack.stream, stack.index, image, widefield)


class Averaging(Computing):
    """Makes the same pipeline for every stream."""

    def __init__(self, pipeline, beside):
        self.pipeline, self.beside = pipeline, beside

    def factory_for(self, settings):
        for work in self.beside:
            threading.Thread(target=work).start()
        return lambda stacks, ended: self.pipeline


def die():
    """Die of a mistake, as a worker or a library's thread may."""
    raise AssertionError("planted")


def hold():
    """Keep the process from ending."""
    threading.Event().wait()


def main(record, *words):
    places = [word.removeprefix("at=").split(",") for word in words if word.startswith("at=")]
    frames, results, control = places[0] if places else [FREE_ADDRESS] * 3
    options = EngineOptions(
        frames,
        results,
        control,
        once="once" in words,
        lossless="lossless" in words,
        stop_grace_s=0.5,
        vanished_s=0.5 if "impatient" in words else 10.0,
    )
    pipeline = MeanPipeline(SLOW_S if "slow" in words else 0.0)
    folder = None if "unrecorded" in words else Path(record)
    beside = [work for word, work in (("dying", die), ("held", hold)) if word in words]
    try:
        run_engine(options, Averaging(pipeline, beside), None, folder)
    except DataError as error:
        sys.exit(f"livesim: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
