"""A stream that is spread over engines one of which does not take it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from livesim.config.settings import Settings, SettingsError
from livesim.engine.meters import Gauges
from livesim.engine.process import Engine
from livesim.engine.queue import BoundedQueue
from livesim.engine.seams import Resolved
from livesim.router.member import Reach
from livesim.router.stream import RoutedStream
from livesim.wire.sockets import Keep
from tests.support.running_engine import (
    OWN,
    SETTINGS,
    anywhere,
    at_work,
    averaging,
    start,
    wait_for,
)

OTHER = Settings.model_validate(SETTINGS | {"pattern": {"phases": 5}})


def member(number, engine):
    where = engine.endpoints
    reach = Reach(number, where.frames, where.control)
    return SimpleNamespace(number=number, reach=reach, patterns_of=lambda stream: {})


def routed(*engines):
    queues = [BoundedQueue(1, Keep.BLOCK) for _ in range(2)]
    steering = SimpleNamespace(in_use=Resolved(OWN))
    members = [member(number, engine) for number, engine in enumerate(engines, 1)]
    more = (lambda index: None, members, Gauges(), lambda: None)
    return RoutedStream(start(), *queues, steering, *more, lossless=True)


def test_what_one_engine_refuses_the_others_do_not_wait_for():
    with (
        Engine(anywhere(vanished_s=0.1), averaging()) as willing,
        Engine(anywhere(), averaging(), OTHER) as other,
        at_work(willing),
        at_work(other),
    ):
        with pytest.raises(SettingsError, match=r"expected 3 angle.* x 5 phases"):
            routed(willing, other)
        status = wait_for(willing, lambda status: status.faults.vanished_sources == 1)
    assert status.stages[0].done == 0
