"""Messages over ZMQ on this machine: policies, drops, refusals."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import zmq

from livesim.config.settings import SettingsError
from livesim.values.frames import FrameAxes, RawFrame, StackIndex
from livesim.values.results import Result
from livesim.wire import sockets
from livesim.wire.codec import encode
from livesim.wire.control_client import ControlClient
from livesim.wire.control_server import ControlServer
from livesim.wire.endpoints import FREE_ADDRESS
from livesim.wire.header import WireError
from livesim.wire.messages import StreamEnd, StreamStart
from livesim.wire.sockets import FramePuller, FramePusher, Keep, Publisher, Subscriber
from tests.support.waiting import wait_for

WAIT_S = 60.0


def frame(number, side=256):
    pixels = np.full((side, side), number, np.uint16)
    return RawFrame("s", number, FrameAxes(time=number), pixels)


def result(number):
    image = np.full((4, 4), number, np.float32)
    return Result("s", StackIndex(time=number), image, image)


def test_frames_arrive_in_order_and_whole():
    with FramePuller(FREE_ADDRESS) as puller, FramePusher(puller.endpoint) as pusher:
        for number in range(20):
            assert pusher.send(frame(number), WAIT_S)
        got = [puller.receive(WAIT_S) for _ in range(20)]
    assert [one.sequence for one in got] == list(range(20))
    assert all((one.pixels == one.sequence).all() for one in got)
    assert all(one.received_ns > 0 for one in got)


def test_the_engine_knows_how_many_sources_are_connected():
    def wait_for_sources(count):
        wait_for(lambda: puller.sources, lambda found: found == count)

    with FramePuller(FREE_ADDRESS) as puller:
        assert puller.sources == 0
        with FramePusher(puller.endpoint):
            wait_for_sources(1)
            with FramePusher(puller.endpoint) as second:
                wait_for_sources(2)
                second.send(frame(7), WAIT_S)
                assert puller.receive(WAIT_S).sequence == 7
            wait_for_sources(1)
        wait_for_sources(0)


def test_block_waits_for_a_slow_engine_and_loses_nothing():
    big = 2048  # more than the kernel's buffers hold, so that the queues must fill
    with FramePuller(FREE_ADDRESS, 1) as puller, FramePusher(puller.endpoint, depth=1) as pusher:
        sent = 0
        while pusher.send(frame(sent, big), 0.2):
            sent += 1
            assert sent < 100, "a bounded queue must fill"
        got = []
        while len(got) < sent:
            got.append(puller.receive(WAIT_S).sequence)
        assert got == list(range(sent))
        assert pusher.dropped == 0
        assert pusher.send(frame(sent, big), WAIT_S)


def test_drop_oldest_never_waits_and_counts():
    with (
        FramePuller(FREE_ADDRESS, 1) as puller,
        FramePusher(puller.endpoint, Keep.DROP_OLDEST, depth=2) as pusher,
    ):
        total = 40
        for number in range(total):
            assert pusher.send(frame(number, 2048))
        dropped = pusher.dropped
        assert dropped > 0
        got = []
        while not got or got[-1] != total - 1:
            pusher.flush()
            message = puller.receive(0.05)
            got += [] if message is None else [message.sequence]
        assert len(got) == total - dropped
        assert got == sorted(got)
        assert pusher.dropped == dropped


def test_a_source_that_never_waits_gives_nobody_any_time(monkeypatch):
    waited = []
    with FramePusher("tcp://127.0.0.1:9", Keep.DROP_OLDEST, depth=2) as pusher:
        writable = pusher._socket.writable
        monkeypatch.setattr(
            pusher._socket, "writable", lambda limit_s: waited.append(limit_s) or writable(limit_s)
        )
        for number in range(6):
            pusher.send(frame(number, 64))
        pusher.flush()
    assert set(waited) == {0.0}


def test_a_source_that_never_waits_holds_frames_by_their_size():
    with FramePusher("tcp://127.0.0.1:9", Keep.DROP_OLDEST, 2, 40_000) as pusher:
        for number in range(20):
            pusher.send(frame(number, 64))  # 8192 bytes each
        held = 4 + 2  # as many as fit, and those that ZMQ has taken
        assert pusher.dropped == 20 - held


@pytest.mark.parametrize("keep", [Keep.BLOCK, Keep.DROP_OLDEST])
def test_an_engine_that_goes_while_a_frame_is_sent_is_no_error(keep, monkeypatch):
    with FramePuller(FREE_ADDRESS) as puller:
        address = puller.endpoint
    with FramePusher(address, keep) as pusher:
        # As it was a moment before the connection broke.
        monkeypatch.setattr(pusher._socket, "writable", lambda timeout_s: True)
        monkeypatch.setattr(pusher._socket, "send", gone)
        assert pusher.send(frame(0)) is (keep is Keep.DROP_OLDEST)
        monkeypatch.undo()
        with FramePuller(address) as puller:
            while not (pusher.send(frame(1), 0.1) and pusher.flush(0.1)):
                pass
            assert puller.receive(WAIT_S).sequence == (keep is Keep.BLOCK)


@pytest.mark.parametrize("kind", [FramePusher, Subscriber, ControlClient, Publisher, FramePuller])
def test_what_nobody_takes_does_not_hold_up_who_closes(kind, monkeypatch):
    lingered = []
    close = zmq.Socket.close

    def closes(socket, linger=None):
        lingered.append(linger)
        close(socket, linger)

    monkeypatch.setattr(zmq.Socket, "close", closes)
    with kind(FREE_ADDRESS if kind in (Publisher, FramePuller) else "tcp://127.0.0.1:9"):
        pass
    assert set(lingered) == {0}


def gone(parts):
    raise zmq.Again


def test_policies_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="found latest"):
        FramePusher("tcp://127.0.0.1:9", Keep.LATEST)


def test_a_publisher_that_blocks_waits_for_its_one_listener():
    with Publisher(FREE_ADDRESS, depth=1, keep=Keep.BLOCK) as publisher:
        sent = threading.Thread(
            target=lambda: [publisher.publish(StreamStart(stream=str(n))) for n in range(2000)]
        )
        sent.start()
        try:
            with Subscriber(publisher.endpoint, Keep.BLOCK, depth=1) as subscriber:
                heard = [subscriber.receive(WAIT_S).stream for _ in range(2000)]
        finally:
            sent.join(WAIT_S)
        assert heard == [str(n) for n in range(2000)]
        assert subscriber.dropped == 0
        assert not sent.is_alive()


def subscribed(publisher, keep, depth=8):
    """Return a subscriber that the publisher knows of, and to which nothing is under way."""
    subscriber = Subscriber(publisher.endpoint, keep, depth)
    deadline = time.monotonic() + WAIT_S
    for number in count(1):
        assert time.monotonic() < deadline
        publisher.publish(StreamStart(stream=f"hello {number}"))
        while (message := subscriber.receive(0.01 * number)) is not None:
            if message.stream == f"hello {number}":  # the last one: they come in order
                return subscriber


def test_results_arrive_in_order():
    with (
        Publisher(FREE_ADDRESS) as publisher,
        subscribed(publisher, Keep.DROP_OLDEST) as subscriber,
    ):
        for number in range(5):
            publisher.publish(result(number))
        got = [subscriber.receive(WAIT_S).index.time for _ in range(5)]
        assert got == list(range(5))
        assert subscriber.dropped == 0


@pytest.mark.parametrize(("keep", "depth"), [(Keep.LATEST, 1), (Keep.DROP_OLDEST, 3)])
def test_a_slow_viewer_gets_the_newest_and_knows_what_it_missed(keep, depth):
    with Publisher(FREE_ADDRESS, 100) as publisher, subscribed(publisher, keep, depth) as slow:
        publisher.publish(StreamStart(stream="s"))
        for number in range(50):
            publisher.publish(result(number))
        publisher.publish(StreamEnd(stream="s", sent=50))
        got = []
        while not got or not isinstance(got[-1], StreamEnd):
            message = slow.receive(WAIT_S)
            assert message is not None
            got.append(message)
    results = [one for one in got if isinstance(one, Result)]
    times = [one.index.time for one in results]
    assert times == sorted(times)
    assert times[-1] == 49
    assert slow.dropped == 50 - len(results)


def test_a_first_result_pushes_out_no_fuller_one():
    """The networks' image of a stack may come at once with the plain one of the next."""
    with Publisher(FREE_ADDRESS, 100) as publisher, subscribed(publisher, Keep.LATEST, 1) as slow:
        for number in range(10):
            publisher.publish(replace(result(number), provisional=True))
        publisher.publish(result(8))
        publisher.publish(replace(result(10), provisional=True))
        publisher.publish(StreamEnd(stream="s", sent=11))
        got = []
        while not got or not isinstance(got[-1], StreamEnd):
            got.append(slow.receive(WAIT_S))
    kinds = [(one.index.time, one.provisional) for one in got if isinstance(one, Result)]
    assert kinds[-2:] == [(8, False), (10, True)]
    assert slow.dropped == 12 - len(kinds)


def test_a_publisher_that_begins_anew_with_the_same_number_has_lost_nothing(monkeypatch):
    number, parts = (1).to_bytes(8, "big"), encode(StreamStart(stream="s"))
    with Subscriber("tcp://127.0.0.1:9", Keep.DROP_OLDEST) as viewer:
        monkeypatch.setattr(viewer._socket, "readable", lambda timeout_s: not viewer._queue)
        monkeypatch.setattr(viewer._socket, "receive", lambda: [number, *parts])
        for _ in range(2):
            assert viewer.receive(WAIT_S) == StreamStart(stream="s")
        assert viewer.dropped == 0


def test_of_first_results_too_a_slow_viewer_gets_the_newest(monkeypatch):
    firsts = [replace(result(number), provisional=True) for number in range(5)]
    waiting = [[n.to_bytes(8, "big"), *encode(one)] for n, one in enumerate(firsts, start=1)]
    with Subscriber("tcp://127.0.0.1:9", Keep.LATEST) as viewer:
        monkeypatch.setattr(viewer._socket, "readable", lambda timeout_s: bool(waiting))
        monkeypatch.setattr(viewer._socket, "receive", lambda: waiting.pop(0))
        assert viewer.receive(WAIT_S).index.time == 4
        assert viewer.receive(WAIT_S) is None
        assert viewer.dropped == 4


def test_a_viewer_that_has_a_result_waits_for_no_other(monkeypatch):
    with Publisher(FREE_ADDRESS) as publisher, subscribed(publisher, Keep.LATEST) as viewer:
        waited, readable = [], viewer._socket.readable
        monkeypatch.setattr(
            viewer._socket, "readable", lambda limit_s: waited.append(limit_s) or readable(limit_s)
        )
        publisher.publish(result(1))
        assert viewer.receive(WAIT_S).index.time == 1
    assert waited == [WAIT_S, 0.0, 0.0]


def test_what_zmq_dropped_on_the_way_is_counted():
    with (
        Publisher(FREE_ADDRESS, 1) as publisher,
        subscribed(publisher, Keep.LATEST, 1) as slow,
    ):
        image = np.zeros((2048, 2048), np.float32)
        for number in range(40):
            publisher.publish(Result("s", StackIndex(time=number), image, image))
        got, deadline = 0, time.monotonic() + WAIT_S
        while not isinstance(message := slow.receive(0.3), StreamEnd):
            assert time.monotonic() < deadline
            got += message is not None
            if message is None:  # what is on its way leaves no room for it
                publisher.publish(StreamEnd(stream="s"))  # shows how many were published before it
        assert got + slow.dropped == 40


def test_garbage_is_said_and_the_next_message_goes_on():
    with FramePuller(FREE_ADDRESS) as puller, zmq.Context() as context:
        with context.socket(zmq.PUSH) as raw:
            raw.connect(puller.endpoint)
            raw.send(b"\x80\x04K\x01.")
            raw.send(b'{"version": 99, "kind": "frame"}')
            with pytest.raises(WireError, match="expected a message header"):
                puller.receive(WAIT_S)
            with pytest.raises(WireError, match="found 99"):
                puller.receive(WAIT_S)
        with FramePusher(puller.endpoint) as pusher:
            pusher.send(frame(3), WAIT_S)
            assert puller.receive(WAIT_S).sequence == 3


def test_a_message_that_is_too_long_is_never_taken_in(monkeypatch):
    monkeypatch.setattr(sockets, "MAX_FRAME_BYTES", 10_000 - sockets.MAX_HEADER_BYTES)
    with FramePuller(FREE_ADDRESS) as puller, zmq.Context() as context:
        with context.socket(zmq.PUSH) as raw:
            raw.connect(puller.endpoint)
            raw.setsockopt(zmq.LINGER, 0)
            raw.send(b"x" * 10_001)
            assert puller.receive(0.3) is None
        with FramePusher(puller.endpoint) as pusher:
            pusher.send(frame(3, 64), WAIT_S)
            assert puller.receive(WAIT_S).sequence == 3


@pytest.mark.parametrize("address", ["tcp://0.0.0.0:0", "tcp://*:0", "tcp://192.168.1.5:5601"])
@pytest.mark.parametrize("kind", [FramePuller, Publisher, ControlServer])
def test_other_machines_need_keys(kind, address):
    with pytest.raises(SettingsError, match=r"needs CURVE keys: run `livesim keys --server`"):
        kind(address)


@pytest.mark.parametrize("kind", [FramePuller, Publisher, ControlServer])
def test_an_address_in_use_is_said(kind):
    with FramePuller(FREE_ADDRESS) as first, pytest.raises(WireError, match="expected a free"):
        kind(first.endpoint)
