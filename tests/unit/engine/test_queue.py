"""A bounded queue between two threads."""

from __future__ import annotations

import threading

import pytest

from livesim.engine.queue import BoundedQueue, held_at_most
from livesim.wire.sockets import Keep

WAIT_S = 60.0


@pytest.mark.parametrize(
    ("keep", "limit", "left", "dropped"),
    [
        (Keep.DROP_OLDEST, 3, [7, 8, 9], 7),
        (Keep.LATEST, 3, [9], 9),
        (Keep.BLOCK, 10, list(range(10)), 0),
    ],
)
def test_what_a_full_queue_keeps(keep, limit, left, dropped):
    queue = BoundedQueue(limit, keep)
    for number in range(10):
        queue.put(number)
    queue.close()
    assert list(queue) == left
    assert queue.dropped == dropped
    assert queue.get() is None


def test_block_waits_for_room():
    queue = BoundedQueue(2, Keep.BLOCK)
    putting = threading.Thread(target=lambda: [queue.put(number) for number in range(100)])
    putting.start()
    got = []
    while len(got) < 100:
        assert queue.queued <= 2
        got.append(queue.get())
    putting.join(WAIT_S)
    assert got == list(range(100))
    assert queue.dropped == 0


def test_nobody_waits_for_a_thread_that_has_ended():
    queue = BoundedQueue(1, Keep.BLOCK)
    queue.put(0)
    putting = threading.Thread(target=queue.put, args=(1,))
    putting.start()
    queue.abandon()
    putting.join(WAIT_S)
    assert not putting.is_alive()
    assert (queue.queued, queue.dropped) == (0, 2)


@pytest.mark.parametrize(
    ("size", "held"), [(0, 200), (1, 200), (7, 142), (10, 100), (1000, 1), (1001, 1), (10**9, 1)]
)
def test_a_queue_holds_as_many_as_fit_and_one_at_least(size, held):
    assert held_at_most(200, 1000, size) == held
    assert held_at_most(10**6, 1000, 1) == 1000


def test_taking_all_makes_room():
    queue = BoundedQueue(2, Keep.BLOCK)
    putting = threading.Thread(
        target=lambda: [queue.put(number) for number in range(100)], daemon=True
    )
    putting.start()
    got = []
    while len(got) < 100:
        assert queue.wait(WAIT_S)
        got += queue.take()
    putting.join(WAIT_S)
    assert got == list(range(100))


def test_take_takes_what_is_there():
    queue = BoundedQueue(5, Keep.BLOCK)
    assert queue.take() == []
    queue.put(1)
    queue.put(2)
    assert queue.take() == [1, 2]
    assert queue.queued == 0


MIB = 1 << 20


@pytest.mark.parametrize(("size", "most"), [(1, 8), (MIB, 4), (3 * MIB, 1), (9 * MIB, 1)])
def test_large_items_are_fewer(size, most):
    """One is held however large it is."""
    queue = BoundedQueue(8, Keep.DROP_OLDEST, 4 * MIB, lambda item: size)
    for number in range(20):
        queue.put(number)
        assert queue.queued <= most
    assert (queue.limit, queue.queued, queue.dropped) == (most, most, 20 - most)
    assert not queue.offer(20)


def test_block_waits_for_room_in_bytes():
    queue = BoundedQueue(100, Keep.BLOCK, 4 * MIB, len)
    large = bytes(2 * MIB)
    putting = threading.Thread(target=lambda: [queue.put(large) for _ in range(10)])
    putting.start()
    got = 0
    while got < 10:
        assert queue.queued <= 2
        got += queue.get() is large
    putting.join(WAIT_S)
    assert not putting.is_alive()


def test_waiting_ends_with_an_item_with_the_end_or_with_the_time():
    queue = BoundedQueue(2, Keep.BLOCK)
    assert not queue.wait(0.0)
    queue.put(1)
    assert queue.wait(WAIT_S)
    assert queue.get() == 1
    queue.close()
    assert queue.wait(WAIT_S)


def test_ease_waits_only_while_more_than_half_is_full():
    queue = BoundedQueue(4, Keep.BLOCK)
    for number in range(3):
        queue.put(number)
    assert queue.crowded
    eased = threading.Event()
    waiting = threading.Thread(target=lambda: (queue.ease(WAIT_S), eased.set()))
    waiting.start()
    assert not eased.is_set()
    queue.get()
    assert eased.wait(WAIT_S)
    waiting.join(WAIT_S)
    assert not queue.crowded
    queue.put(3)
    queue.ease(0.0)  # a disk that stays slow holds nobody for longer than asked
    assert queue.crowded
