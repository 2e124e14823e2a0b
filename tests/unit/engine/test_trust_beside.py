"""Reviews of a running stream: when they are made, what is told of them, and what they never do."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from livesim.commands.status.command import show_status
from livesim.engine.beside.trust import LiveTrust
from livesim.engine.pending import ready
from livesim.engine.process import Engine
from livesim.engine.seams import Reconstructed
from livesim.values.frames import StackIndex
from livesim.values.results import Result, VolumePart
from livesim.values.verdict import RESIDUAL, Trust, TrustNumbers, TrustWord, Verdict
from livesim.wire.control_client import ControlClient
from livesim.wire.messages import TrustMaps
from livesim.wire.sockets import Keep, Subscriber
from livesim_acquisition.sender import Sender
from tests.support.prometheus import page_of
from tests.support.running_engine import FakePipeline, Fakes, anywhere, at_work, frames, start

WAIT_S = 60.0
NUMBERS = TrustNumbers(90.0, 60.0, 5.0, 0.0, (4.0, 5.0), 0.0)
GOOD = Verdict(TrustWord.TRUSTED, ("the photons do not contradict it",))
BAD = Verdict(TrustWord.DO_NOT_TRUST, ("the photons contradict it",), "Use the plain one.")


def trust(verdict=GOOD, names=(RESIDUAL,), **numbers):
    maps = {name: np.ones((4, 6), np.float32) for name in names}
    return Trust(verdict, replace(NUMBERS, **numbers), maps)


def quick(tell):
    """Review and tell how far it is."""
    tell(0.5)
    return trust()


def result(time=0, review=quick, stream="s", channel=0):
    image = np.zeros((8, 12), np.float32)
    index = StackIndex(time=time, channel=channel)
    return Reconstructed(Result(stream, index, image, image[::2, ::2]), review=review)


class Published(list):
    """What was published, and a way to wait for it."""

    def __init__(self):
        super().__init__()
        self._changed = threading.Condition()

    def __call__(self, message):
        with self._changed:
            self.append(message)
            self._changed.notify_all()

    def wait(self, count):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self) >= count, WAIT_S)
            return self[count - 1]


@contextmanager
def watching():
    published = Published()
    live = LiveTrust(published)
    try:
        yield live, published
    finally:
        live.close()


def test_the_newest_result_is_reviewed_and_its_maps_are_published():
    with watching() as (live, published):
        assert live.status is None
        live.offer(result(7))
        maps = published.wait(1)
        assert (maps.stream, maps.index.time, list(maps.maps)) == ("s", 7, [RESIDUAL])
        assert (live.status.verdict.word, live.status.index.time) == (TrustWord.TRUSTED, 7)


def test_results_of_no_network_begin_no_thread_and_cannot_be_asked_about():
    with watching() as (live, _):
        live.offer(result(review=None))
        assert not live.ask()
        assert not any(thread.name == "livesim-trust" for thread in threading.enumerate())


def test_offering_never_waits_for_a_review_and_only_the_newest_is_reviewed_next():
    gate = threading.Event()

    def slow(tell):
        assert gate.wait(WAIT_S)
        return trust()

    with watching() as (live, published):
        live.offer(result(0, slow))
        for time in range(1, 5):
            live.offer(result(time))
        gate.set()
        first = published.wait(1).index.time
        last = published.wait(2).index.time if first != 4 else first
        assert last == 4
        assert len(published) <= 2


def test_channels_take_turns_and_the_worst_word_is_told():
    with watching() as (live, published):
        live._rest = Rested()
        live.offer(result(0, lambda tell: trust(BAD), channel=0))
        published.wait(1)
        for time in range(1, 4):
            live.offer(result(time, channel=1))
            live.offer(result(time, lambda tell: trust(BAD), channel=0))
        published.wait(2)
        channels = [one.index.channel for one in published[:2]]
        assert channels == [0, 1]
        assert live.status.verdict.word is TrustWord.DO_NOT_TRUST


class Rested:
    """A rest that is always over."""

    over = True

    def __enter__(self):
        pass

    def __exit__(self, *_):
        pass


def test_networks_that_are_switched_off_are_not_spoken_of_any_more():
    with watching() as (live, published):
        live.offer(result())
        published.wait(1)
        assert live.status is not None
        live.offer(result(1, None))
        assert live.status is None
        assert not live.ask()


def test_a_review_that_is_asked_for_comes_before_the_rest_is_over():
    with watching() as (live, published):
        live.offer(result())
        published.wait(1)
        live._rest._until = float("inf")
        assert live.ask()
        assert published.wait(2).index.time == 0


def test_closing_gives_up_a_review_at_its_next_step():
    begun, gate = threading.Event(), threading.Event()

    def endless(tell):
        begun.set()
        assert gate.wait(WAIT_S)
        tell(0.5)
        raise AssertionError("expected to be ended")

    with watching() as (live, published):
        live.offer(result(0, endless))
        assert begun.wait(WAIT_S)
        closing = threading.Thread(target=live.close)
        closing.start()
        while not live._worker.closed:
            pass
        gate.set()
        closing.join(WAIT_S)
        assert not closing.is_alive()
        assert not published


def test_a_review_that_fails_is_counted_and_the_next_is_made(caplog):
    def failing(tell):
        raise ValueError("expected light, found none")

    with watching() as (live, published):
        live.offer(result())
        published.wait(1)
        live.offer(result(1, failing))
        live.ask()
        while live.status.failures == 0:
            pass
        live.offer(result(2))
        live.ask()
        assert published.wait(2).index.time == 2
        assert live.status.failures == 1
    assert "expected light, found none" in caplog.text


def test_a_verdict_that_changes_is_logged_once(caplog):
    with watching() as (live, published):
        for time, word in enumerate((GOOD, BAD, BAD)):
            live.offer(result(time, lambda tell, word=word: trust(word)))
            live.ask()
            published.wait(time + 1)
    assert caplog.text.count("do not trust: the photons contradict it") == 1


class Trusting(FakePipeline):
    def begin(self, stack):
        return ready(Reconstructed(self(stack), review=lambda tell: trust(BAD)))


@pytest.fixture
def engine():
    with (
        Engine(anywhere(lossless=True), Fakes(lambda s: lambda *_: Trusting())) as engine,
        at_work(engine),
    ):
        yield engine


def test_the_engine_tells_and_answers(engine, capsys):
    control = engine.endpoints.control
    with (
        Subscriber(engine.endpoints.results, Keep.DROP_OLDEST, 100) as subscriber,
        ControlClient(control) as client,
    ):
        assert not client.review(timeout_s=WAIT_S).accepted, "nothing has been seen yet"
        with Sender(control) as sender:
            sender.start(start())
            for frame in frames(3):
                sender.send(frame)
            reviewed(client, subscriber)
            show_status(control, as_json=False)
            said = capsys.readouterr().out
            assert "do not trust\n  the photons contradict it\n  Use the plain one." in said
            assert 'livesim_trust{word="do-not-trust"} 1' in page_of(client.status(WAIT_S))
            sender.finish()
        while client.status(WAIT_S).stream is not None:
            assert subscriber.receive(WAIT_S) is not None
        reviewed(client, subscriber)  # what is still on the screen
        status = client.status(WAIT_S)
    assert (status.trust.stream, status.trust.verdict.word) == ("s", TrustWord.DO_NOT_TRUST)
    show_status(control, as_json=False)
    assert "do not trust" not in capsys.readouterr().out, "it ends with its stream"
    assert "livesim_trust" not in page_of(status)


def reviewed(client, subscriber):
    """Ask for reviews until their maps come."""
    seen = None
    while not isinstance(seen, TrustMaps):
        client.review(timeout_s=WAIT_S)
        seen = subscriber.receive(0.1)
    assert seen.stream == "s"


def test_of_a_volume_every_plane_has_maps_and_planes_before_the_last_say_nothing():
    maps = [{RESIDUAL: np.full((4, 6), z, np.float32)} for z in range(3)]
    reviewed = Trust(GOOD, NUMBERS, planes=tuple(maps))
    image, part = np.zeros((8, 12), np.float32), VolumePart(3, 3)

    def plane(time, z, review=None):
        index = StackIndex(time=time, z=z)
        shown = Result("s", index, image, image[::2, ::2], plain=image, volume=part)
        return Reconstructed(shown, review=review)

    with watching() as (live, published):
        live.offer(plane(0, 2, lambda tell: reviewed))
        published.wait(3)
        live.offer(plane(1, 0))
        live.offer(plane(1, 1))
        assert live.status.reviewed == 1, "the next volume has begun, and is not without networks"
    assert [one.index for one in published] == [StackIndex(z=z) for z in range(3)]
    assert [one.maps[RESIDUAL].max() for one in published] == [0.0, 1.0, 2.0]
