"""Run one step: `python -m bench.gpu STEP FILE --most SECONDS [--rehearsal]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.gpu import captures, environment, live, profiled, sections, times, variants, volumes
from bench.gpu.cases import Machine
from bench.gpu.parts import Parts
from livesim.engine.threads import limit_spinning

STEPS = {
    "environment": environment.run,
    "sections": sections.run,
    "captures": captures.run,
    "times": times.run,
    "live": live.run,
    "variants": variants.run,
    "profiled": profiled.run,
    "volumes": volumes.run,
}


def main() -> int:
    """Run the step; the status is 1 if a part failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("out", type=Path)
    parser.add_argument("--most", type=float, default=60.0)
    parser.add_argument("--rehearsal", action="store_true")
    asked = parser.parse_args()
    limit_spinning()
    parts = Parts(asked.out, asked.most)
    STEPS[asked.step](parts, Machine(asked.rehearsal))
    return 1 if parts.failed else 0


if __name__ == "__main__":
    sys.exit(main())
