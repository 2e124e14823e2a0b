"""Wait for what another thread or process does."""

import time

LIMIT_S = 120.0


def wait_for(ask, condition=bool, during=None):
    """Ask again and again until `condition` holds of the answer, and return that.

    Where a process is given, it has to run meanwhile.
    """
    deadline = time.monotonic() + LIMIT_S
    while not condition(answer := ask()):
        assert during is None or during.poll() is None, "expected a process that still runs"
        assert time.monotonic() < deadline, answer
        time.sleep(0.005)
    return answer
