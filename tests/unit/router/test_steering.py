"""Steering several engines: all take it or none does, and who comes back gets what holds."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from livesim.config.settings import SettingsError
from livesim.engine.beside.steering import Steering
from livesim.engine.meters import Gauges
from livesim.engine.process import Engine
from livesim.engine.queue import BoundedQueue
from livesim.engine.seams import Resolved
from livesim.router.member import Reach
from livesim.router.router import Router
from livesim.router.stream import RoutedStream
from livesim.wire.control import BegunReply, RefusedReply, SteerRequest
from livesim.wire.sockets import Keep
from tests.support.running_engine import OWN, anywhere, at_work, averaging, start

WIENER = {"reconstruction.wiener": 0.2}
ASKED = SteerRequest(changes=WIENER)


class Rig:
    """A router whose engines run in this process."""

    def __init__(self, engines, there):
        self.engines = engines
        self.router = Router((), [{} for _ in engines], lossless=True)
        self.steering = Steering(Resolved(OWN), Resolved)
        for number in there:
            self.comes_back(number)
        queues = [BoundedQueue(1, Keep.BLOCK) for _ in range(2)]
        more = (lambda index: None, self.router._members, Gauges(), lambda: None)
        self.stream = RoutedStream(start(), *queues, self.steering, *more, lossless=True)
        self.router._stream = self.stream

    def comes_back(self, number):
        where = self.engines[number].endpoints
        reach = Reach(number, where.frames, where.control)
        self.router._members[number].reach = reach

    def steer(self):
        return self.router.answer(ASKED, self._own)

    def _own(self, request):
        self.steering.wish(request.changes)
        return BegunReply()

    def pending(self, number):
        return self.engines[number].status().steering.pending

    def close(self):
        for share in self.stream.shares:
            share.close()
        self.steering.close()


@contextmanager
def rig(there=(0, 1)):
    with (
        Engine(anywhere(), averaging()) as first,
        Engine(anywhere(), averaging()) as second,
        at_work(first),
        at_work(second),
    ):
        made = Rig((first, second), there)
        try:
            yield made
        finally:
            made.close()


def test_all_engines_take_it():
    with rig() as one:
        assert isinstance(one.steer(), BegunReply)
        assert one.pending(0) == one.pending(1) == WIENER
        assert one.steering.in_use.settings.reconstruction.wiener == 0.2


def test_an_engine_that_is_coming_back_refuses_nothing_and_gets_what_holds():
    with rig(there=(0,)) as one:
        one.comes_back(1)  # and has no stream yet
        assert isinstance(one.steer(), BegunReply)
        assert one.pending(0) == WIENER
        assert one.stream.shares[1].connect()
        assert one.engines[1].status().in_use.settings.reconstruction.wiener == 0.2


def test_what_is_steered_while_an_engine_is_told_of_the_stream_reaches_it():
    with rig(there=(0,)) as one:
        one.comes_back(1)
        share = one.stream.shares[1]
        now, told = share._start, share._start()
        answers = iter([told])

        def start_then_steered():
            told_first = next(answers, None)
            if told_first is not None:
                assert isinstance(one.steer(), BegunReply)
            return told_first or now()

        share._start = start_then_steered
        assert share.connect()
        assert one.pending(1) == WIENER


def test_where_one_refuses_nobody_has_it(monkeypatch):
    def full(changes):
        if changes == WIENER:
            raise SettingsError("expected memory, found none")

    with rig() as one:
        monkeypatch.setattr(one.engines[1]._intake.session.steering, "wish", full)
        reply = one.steer()
        assert reply == RefusedReply(reason="engine 2: expected memory, found none")
        assert one.pending(0) == {}
        assert one.steering.in_use.settings == OWN
        assert one.steering.status.pending == {}
        assert one.steering.status.changes == 0


@pytest.mark.parametrize("gone", [0, 1])
def test_an_engine_that_goes_meanwhile_refuses_nothing(gone, monkeypatch):
    with rig() as one:
        member, ask = one.router._members[gone], one.router._ask

        def dies(other, *more):
            if other is member:
                member.reach = None
            return ask(other, *more)

        monkeypatch.setattr(one.router, "_ask", dies)
        assert isinstance(one.steer(), BegunReply)
        assert one.pending(1 - gone) == WIENER
