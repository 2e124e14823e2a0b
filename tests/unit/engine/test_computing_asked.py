"""What an engine asks of what it lets be computed, beside results."""

import numpy as np

from livesim.engine.process import Engine
from livesim.values.frames import RawStack
from livesim.wire.control_client import ControlClient
from tests.support.running_engine import (
    WAIT_S,
    FakePipeline,
    Fakes,
    anywhere,
    at_work,
    frames,
    send,
)


class Own(Fakes):
    """Has memory of its own, and hears whether somebody looks at stages."""

    def __init__(self):
        self.given, self.seen, self.looked_at = [], [], None
        super().__init__(lambda settings: lambda stacks, ended: Seeing(self.seen))

    def memory(self, shape, dtype):
        self.given.append(np.empty(shape, dtype))
        return self.given[-1]

    def fetch_stages_while(self, looked_at):
        self.looked_at = looked_at


class Seeing(FakePipeline):
    def __init__(self, seen):
        super().__init__()
        self._seen = seen

    def __call__(self, stack: RawStack):
        self._seen.append(stack.pixels)
        return super().__call__(stack)


def test_raw_stacks_are_assembled_where_they_are_computed_from():
    own = Own()
    with Engine(anywhere(lossless=True), own) as engine, at_work(engine):
        with ControlClient(engine.endpoints.control) as client:
            client.status(WAIT_S)
        send(Controlled(engine), frames(3))
    assert len(own.seen) == 3
    assert all(one is other for one, other in zip(own.seen, own.given, strict=True))


def test_stages_are_fetched_while_a_viewer_asks_for_them():
    own = Own()
    with Engine(anywhere(), own) as engine, at_work(engine):
        assert not own.looked_at()
        with ControlClient(engine.endpoints.control) as client:
            client.status(WAIT_S)
            assert not own.looked_at()
            client.status(WAIT_S, stages=True)
        assert own.looked_at()


class Controlled:
    """An engine as `send` wants it."""

    def __init__(self, engine):
        self.control = engine.endpoints.control
