"""Time each method as ML-SIM does: the mean of 24 raw stacks, and its standard deviation.

It is the processor's time that counts, of one thread, so that it matters little what else runs.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

from bench.quality.seeds.fields import Field
from bench.quality.seeds.methods import Method, forget
from bench.report import Row

RUNS = 24


def timed(method: Method, fields: Sequence[Field], runs: int = RUNS) -> Row:
    """Return how long a method takes, over fields in turn, with a first run that does not count.

    `stack` is everything that a single raw stack needs, its estimate included, as ML-SIM's times;
    `image` what a further stack of the same pattern needs.
    """
    pairs = [_once(method, fields[run % len(fields)]) for run in range(runs + 1)][1:]
    whole, image = ([pair[n] for pair in pairs] for n in (0, 1))
    return {
        "stack ms": statistics.mean(whole),
        "stack SD ms": statistics.stdev(whole),
        "image ms": statistics.mean(image),
        "image SD ms": statistics.stdev(image),
        "runs": runs,
    }


def _once(method: Method, field: Field) -> tuple[float, float]:
    """Return the times of a raw stack and of its image alone, ms."""
    forget()
    start = time.process_time()
    restore = method.begin(field, method.wieners[0])
    restore(field.frames)
    whole = time.process_time()
    restore(field.frames)
    return 1000.0 * (whole - start), 1000.0 * (time.process_time() - whole)
