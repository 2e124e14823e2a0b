"""Work that has been begun: when it is done, and what becomes of its outcome."""

from __future__ import annotations

import pytest

from livesim.engine.pending import Pending, ready


def test_what_is_ready_does_not_wait():
    assert (ready(3).waits, ready(3).take()) == (False, 3)


def test_a_change_is_made_when_the_outcome_is_taken_and_not_before():
    said = []

    def take():
        said.append("taken")
        return 3

    def double(value):
        said.append("changed")
        return 2 * value

    pending = Pending(take, waits=True).then(double)
    assert (said, pending.waits) == ([], True)
    assert pending.take() == 6
    assert said == ["taken", "changed"]


def test_what_made_the_work_fail_is_raised_when_it_is_taken():
    def take():
        raise RuntimeError("no memory")

    pending = Pending(take).then(str)
    with pytest.raises(RuntimeError, match="no memory"):
        pending.take()
