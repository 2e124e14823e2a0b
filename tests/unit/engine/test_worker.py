"""The threads beside the frame path: when they work, how they fail and how they end."""

from __future__ import annotations

import threading

import pytest

from livesim.engine.beside.worker import Worker

WAIT_S = 60.0


class Job:
    """Work that is done once for each time it is asked for."""

    def __init__(self, **more):
        self.asked, self.done = 0, 0
        self.error, self.failed, self.claimed = None, [], []
        self.worker = Worker(
            "job",
            self._work,
            lambda: self.done < self.asked,
            claim=lambda: self.claimed.append(threading.current_thread().name),
            failed=self.failed.append,
            **more,
        )

    def ask(self):
        with self.worker.changed:
            self.asked += 1
            self.worker.wake()

    def _work(self):
        if self.done == self.asked:
            return
        with self.worker.changed:
            self.done += 1
            self.worker.changed.notify_all()
        if self.error is not None:
            raise self.error

    def wait(self, count):
        with self.worker.changed:
            assert self.worker.changed.wait_for(lambda: self.done >= count, WAIT_S)


@pytest.fixture
def jobs():
    made = []

    def make(**more):
        made.append(Job(**more))
        return made[-1]

    yield make
    for one in made:
        one.worker.close()
        one.worker.join(WAIT_S)


def test_it_works_when_it_is_woken_and_claims_its_cores_once(jobs):
    job = jobs()
    assert not job.worker.ended
    job.worker.start()
    job.worker.start()
    for number in range(1, 4):
        job.ask()
        job.wait(number)
    assert job.claimed == ["livesim-job"]


def test_work_that_fails_is_counted_and_the_next_is_done(jobs, caplog):
    job = jobs()
    job.error = ValueError("expected light, found none")
    job.worker.start()
    job.ask()
    job.wait(1)
    job.error = None
    job.ask()
    job.wait(2)
    assert (job.worker.failures, [str(error) for error in job.failed]) == (
        1,
        ["expected light, found none"],
    )
    assert "job: expected light, found none" in caplog.text


def test_a_closed_worker_gives_up_long_work_and_says_nothing(jobs, caplog):
    begun, gate = threading.Event(), threading.Event()
    reached = []

    def long():
        begun.set()
        assert gate.wait(WAIT_S)
        worker.check_open()
        reached.append(True)

    worker = Worker("long", long, lambda: False)
    worker.start()
    assert begun.wait(WAIT_S)
    worker.close()
    gate.set()
    worker.join(WAIT_S)
    assert worker.ended
    assert (reached, worker.failures, caplog.text) == ([], 0, "")


def test_a_worker_that_never_began_can_be_closed_and_waited_for(jobs):
    worker = jobs().worker
    worker.close()
    worker.join()
    assert not worker.ended


def test_some_work_is_done_again_and_again_unasked():
    counted, enough = [], threading.Event()

    def work():
        counted.append(len(counted))
        if len(counted) == 3:
            enough.set()

    worker = Worker("often", work, lambda: False, poll_s=0.001)
    worker.start()
    try:
        assert enough.wait(WAIT_S)
    finally:
        worker.close()
        worker.join(WAIT_S)
