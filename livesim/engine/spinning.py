"""How long threads of torch spin, waiting for each other -> the environment of the process."""

from __future__ import annotations

import os

SPINS = "1000"
"""Turns of the loop in which a thread of torch waits: some 30 us.

A reconstruction has some forty sections that torch's threads share, and at the end of each they
wait for the slowest. Where something else takes a core (the source, a viewer, an estimate in the
background), two of them are on the same one for a while, and the one that spins keeps the other
from running. The library's own 300 000 turns then cost a time slice in every section: 160 ms for
a stack of 256 x 256 that takes 3; 10 000 still cost 15 ms, more than there is between two stacks.
With none at all every wait is a call of the system, and networks are slower by a fifth where the
cores are free. `GOMP_SPINCOUNT=10000 python -m bench.speed.latency` shows what another number does.
"""


def limit_spinning() -> None:
    """Let threads of torch soon sleep while they wait; for the time before torch is loaded."""
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
