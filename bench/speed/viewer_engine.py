"""Publish results until stdin closes: `python -m bench.speed.viewer_engine SIDE PER_S`."""

from __future__ import annotations

import sys
import threading
import time

import numpy as np

from livesim.values.frames import StackIndex
from livesim.values.results import Result
from tests.doubles.fake_engine import FakeEngine

DIFFERENT = 8
"""Images that take turns."""


def main(side: int, per_s: float) -> None:
    """Say where the engine answers, then publish."""
    rng = np.random.default_rng(0)
    images = [_image(rng, side) for _ in range(DIFFERENT)]
    widefield = [np.ascontiguousarray(image[::2, ::2]) for image in images]
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    with FakeEngine() as engine:
        print(engine.address, flush=True)
        begin, number = time.monotonic(), 0
        while not over.wait(max(0.0, begin + number / per_s - time.monotonic())):
            turn = number % DIFFERENT
            now_ns = time.time_ns()
            index = StackIndex(time=number)
            result = Result("bench", index, images[turn], widefield[turn], last_received_ns=now_ns)
            engine.publish(result)
            number += 1


def _image(rng: np.random.Generator, side: int) -> np.ndarray:
    """Return photon noise with bright spots."""
    image = rng.poisson(20.0, (side, side)).astype(np.float32)
    image[rng.integers(0, side, 500), rng.integers(0, side, 500)] += 500.0
    return image


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
