"""`livesim` in a process of its own, whose reconstruction takes long: slow_engine.py WORDS…"""

from __future__ import annotations

import time

from livesim.cli import main
from livesim.pipeline import pipeline as build_pipeline

SLOW_S = 0.25

reconstruct = build_pipeline.ReconstructionPipeline.begin


def slowly(self, *asked):
    time.sleep(SLOW_S)
    return reconstruct(self, *asked)


if __name__ == "__main__":
    build_pipeline.ReconstructionPipeline.begin = slowly
    main()
