"""Work that has been begun: when it is done, and what becomes of its outcome."""

from __future__ import annotations

import pytest

from livesim.engine.pending import Pending, in_order, ready


def test_what_is_ready_does_not_wait():
    assert (ready(3).beside, ready(3).take()) == (0, 3)


def test_a_change_is_made_when_the_outcome_is_taken_and_not_before():
    said = []

    def take():
        said.append("taken")
        return 3

    def double(value):
        said.append("changed")
        return 2 * value

    pending = Pending(take, beside=2).then(double)
    assert (said, pending.beside) == ([], 2)
    assert pending.take() == 6
    assert said == ["taken", "changed"]


def test_what_made_the_work_fail_is_raised_when_it_is_taken():
    def take():
        raise RuntimeError("no memory")

    pending = Pending(take).then(str)
    with pytest.raises(RuntimeError, match="no memory"):
        pending.take()


@pytest.mark.parametrize(
    ("beside", "said"), [(0, "b0 t0 b1 t1 b2 t2 b3 t3"), (2, "b0 b1 b2 t0 b3 t1 t2 t3")]
)
def test_works_are_taken_in_their_order_while_later_ones_are_begun(beside, said):
    told = []

    def begin(number):
        told.append(f"b{number}")
        return Pending(lambda: told.append(f"t{number}") or number, beside)

    assert list(in_order(map(begin, range(4)))) == [0, 1, 2, 3]
    assert " ".join(told) == said
