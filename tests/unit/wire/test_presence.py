"""Strangers at the engine's sockets: they are no sources, and they do not use it up."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import zmq

from livesim.values.frames import FrameAxes, RawFrame
from livesim.wire import control_server, presence, sockets
from livesim.wire.control import StopReply
from livesim.wire.control_client import ControlClient
from livesim.wire.control_server import ControlServer
from livesim.wire.endpoints import FREE_ADDRESS
from livesim.wire.keys import _KnownClients
from livesim.wire.messages import StreamStart
from livesim.wire.sockets import (
    FRAME_DEPTH,
    FramePuller,
    FramePusher,
    Keep,
    Publisher,
    Subscriber,
)
from tests.support.stranger import WAIT_S, bare, floods, introduced, is_closed, part
from tests.support.waiting import wait_for

PART = b"x" * 100_000

linux = pytest.mark.skipif(
    not hasattr(socket, "TCP_INFO"), reason="the system does not tell what a connection received"
)


def frame(number, side=64):
    pixels = np.full((side, side), number, np.uint16)
    return RawFrame("s", number, FrameAxes(time=number), pixels)


def test_who_only_connects_is_no_source():
    with FramePuller(FREE_ADDRESS) as puller, bare(puller.endpoint), bare(puller.endpoint) as half:
        half.sendall(b"\xff\0\0\0\0\0\0\0\1\x7f")  # a greeting that stops
        with FramePusher(puller.endpoint):
            wait_for(lambda: puller.sources, lambda count: count == 1)
        wait_for(lambda: puller.sources, lambda count: count == 0)


def test_a_source_counts_as_soon_as_it_has_said_who_it_is(monkeypatch):
    monkeypatch.setattr(presence, "HANDSHAKE_S", 1000.0)
    with FramePuller(FREE_ADDRESS) as puller, FramePusher(puller.endpoint):
        wait_for(lambda: puller.sources, lambda count: count == 1)


def test_who_says_nothing_is_not_kept(monkeypatch):
    monkeypatch.setattr(presence, "HANDSHAKE_S", 0.2)
    with FramePuller(FREE_ADDRESS) as puller, bare(puller.endpoint) as stranger:
        wait_for(lambda: is_closed(stranger))


def test_who_says_nothing_has_seconds_for_it():
    """ZMQ counts its handshakes in milliseconds."""
    with FramePuller(FREE_ADDRESS) as puller:
        given_ms = puller._socket.zmq.getsockopt(zmq.HANDSHAKE_IVL)
    assert given_ms == 1000 * presence.HANDSHAKE_S


def test_a_machine_that_was_switched_off_is_noticed_after_25_seconds():
    """By the kernel, which asks after a while, and gives up after some questions."""
    with FramePuller(FREE_ADDRESS) as puller:
        idle, every, times = (
            puller._socket.zmq.getsockopt(option)
            for option in (zmq.TCP_KEEPALIVE_IDLE, zmq.TCP_KEEPALIVE_INTVL, zmq.TCP_KEEPALIVE_CNT)
        )
        assert puller._socket.zmq.getsockopt(zmq.TCP_KEEPALIVE) == 1
    assert idle + every * times == 25


def test_nobody_is_cut_off_where_the_system_does_not_tell_what_was_sent(monkeypatch):
    monkeypatch.setattr(presence, "_received", lambda _: None)
    with FramePuller(FREE_ADDRESS) as puller, FramePusher(puller.endpoint) as source:
        monkeypatch.setattr(puller._socket.presence, "_grace", 0)
        assert source.send(frame(0), WAIT_S)
        assert puller.receive(WAIT_S).sequence == 0
        assert puller.tend() == []
        assert puller.sources == 1


def test_strangers_beyond_a_number_are_cut_off_and_sources_are_not(monkeypatch):
    monkeypatch.setattr(presence, "MOST_PEERS", 5)
    monkeypatch.setattr(presence, "HANDSHAKE_S", 1000.0)  # or ZMQ would cut them off
    with (
        FramePuller(FREE_ADDRESS) as puller,
        FramePusher(puller.endpoint) as source,
        ExitStack() as all_,
    ):
        assert source.send(frame(0), WAIT_S)
        assert puller.receive(WAIT_S).sequence == 0
        strangers = [all_.enter_context(bare(puller.endpoint)) for _ in range(30)]

        def left():
            assert puller.tend() == []
            return sum(not is_closed(one) for one in strangers)

        wait_for(left, lambda count: count <= 5)
        assert source.send(frame(1), WAIT_S)
        assert puller.receive(WAIT_S).sequence == 1


@linux
def test_a_message_without_an_end_is_cut_off(monkeypatch):
    monkeypatch.setattr(sockets, "MAX_FRAME_BYTES", 1_000_000)
    monkeypatch.setattr(sockets, "UNDER_WAY", 1_000_000)
    with FramePuller(FREE_ADDRESS) as puller, FramePusher(puller.endpoint) as source:
        assert source.send(frame(0), WAIT_S)
        assert puller.receive(WAIT_S).sequence == 0
        with introduced(puller.endpoint, b"PUSH") as endless:
            sent, said = floods(endless, part(PART, more=True), puller.tend)
            wait_for(lambda: is_closed(endless))
        assert sent > 3_000_000
        assert "without an end: its sender was cut off" in said[0]
        assert source.send(frame(1), WAIT_S)
        assert puller.receive(WAIT_S).sequence == 1


@linux
def test_a_source_whose_frames_wait_is_not_cut_off(monkeypatch):
    monkeypatch.setattr(sockets, "MAX_FRAME_BYTES", 1_000_000)
    monkeypatch.setattr(sockets, "UNDER_WAY", 0)
    with FramePuller(FREE_ADDRESS) as puller, FramePusher(puller.endpoint) as source:
        assert source.send(frame(0, 512), WAIT_S)
        assert puller.receive(WAIT_S).sequence == 0
        for number in range(1, FRAME_DEPTH + 1):
            assert source.send(frame(number, 512), WAIT_S)
        while source.send(frame(number + 1, 512), 0.2):
            number += 1
        assert puller.tend() == []
        got = [puller.receive(WAIT_S).sequence for _ in range(number)]
        assert got == list(range(1, number + 1))


@linux
def test_endless_requests_are_cut_off_and_others_are_answered(monkeypatch):
    monkeypatch.setattr(control_server, "UNDER_WAY", 1_000_000)
    with ControlServer(FREE_ADDRESS) as server, introduced(server.endpoint, b"DEALER") as endless:
        floods(endless, part(PART, more=True), server.tend)
        with ControlClient(server.endpoint) as client:
            number = (0).to_bytes(8, "big")
            assert answered(server, client, number) == number


@linux
def test_who_asks_often_is_not_cut_off(monkeypatch):
    monkeypatch.setattr(control_server, "UNDER_WAY", 2000)
    with ControlServer(FREE_ADDRESS) as server, ControlClient(server.endpoint) as client:
        for count in range(200):
            number = count.to_bytes(8, "big")
            assert answered(server, client, number) == number
            assert server.tend() == []


def answered(server, client, number):
    """Ask a server and let it answer; return the number that its reply repeats."""
    client._socket.zmq.send_multipart([number, b'{"version": 4, "kind": "stop"}'])
    wait_for(lambda: server.answer(lambda _: StopReply(), 0.01) or client._socket.zmq.poll(0))
    return client._socket.zmq.recv_multipart()[0]


@linux
@pytest.mark.parametrize("length", [100, 1000])
def test_endless_subscriptions_are_cut_off(length):
    with (
        Publisher(FREE_ADDRESS) as publisher,
        Subscriber(publisher.endpoint, Keep.LATEST) as viewer,
    ):
        with introduced(publisher.endpoint, b"SUB") as greedy:
            chunk = b"".join(
                part(b"\1" + os.urandom(8).ljust(length, b"x")) for _ in range(10_000 // length)
            )

            def ended():
                publisher.publish(StreamStart(stream="s"))  # when ZMQ takes subscriptions in
                return publisher.tend()

            floods(greedy, chunk, ended)

        def heard():
            publisher.publish(StreamStart(stream="s"))
            return viewer.receive(0.05)

        wait_for(heard)


def test_a_subscription_that_is_too_long_is_not_taken_in():
    """ZMQ ends the connection of who sends it."""
    with Publisher(FREE_ADDRESS) as publisher, introduced(publisher.endpoint, b"SUB") as greedy:
        greedy.sendall(part(b"\1" + b"x" * 1000))
        assert not is_closed(greedy)
        greedy.sendall(part(b"\1" + b"x" * 2000))
        wait_for(lambda: is_closed(greedy))


def test_a_folder_of_keys_that_cannot_be_read_lets_nobody_in_and_stays(monkeypatch, tmp_path):
    """Raised, the error would end the thread that checks keys, for all who come after it."""

    def without_descriptors(*_):
        raise OSError(24, "Too many open files")

    known = _KnownClients(tmp_path)
    monkeypatch.setattr(Path, "glob", without_descriptors)
    assert known.callback("livesim", b"0" * 40) is False


def test_any_thread_publishes_under_the_lock_of_the_socket(monkeypatch):
    """Two threads at once would tear messages apart, and number them in another order."""
    with Publisher(FREE_ADDRESS) as publisher:
        held = []
        send = publisher._socket.send
        monkeypatch.setattr(
            publisher._socket,
            "send",
            lambda parts: held.append(publisher._socket.lock.locked()) or send(parts),
        )
        publisher.publish(StreamStart(stream="s"))
        assert held == [True]
        assert not publisher._socket.lock.locked()


def test_a_descriptor_that_serves_somebody_else_by_now_is_left_alone():
    """ZMQ may close a connection, and the system give its number away, before it is cut."""
    with FramePuller(FREE_ADDRESS) as puller, socket.create_server(("127.0.0.1", 0)) as server:
        held = puller._socket.presence
        with socket.create_connection(server.getsockname()) as one, server.accept()[0] as other:
            number = other.fileno()
            held._peers[number] = presence._Peer(0.0, ("127.0.0.1", 9))
            held._cut(number)
            other.sendall(b"here")
            assert one.recv(4) == b"here"
        held._peers[number] = presence._Peer(0.0, ("127.0.0.1", 9))
        held._cut(number)  # closed already


@linux
def test_a_source_counts_when_who_came_before_it_and_said_nothing_has_gone(monkeypatch):
    """ZMQ does not say whose handshake is over."""
    monkeypatch.setattr(presence, "HANDSHAKE_S", 1000.0)
    with (
        FramePuller(FREE_ADDRESS) as puller,
        bare(puller.endpoint) as stranger,
        FramePusher(puller.endpoint),
    ):
        wait_for(lambda: puller.sources)
        stranger.close()
        left = puller._socket.presence._peers
        found = wait_for(lambda: (puller.sources, len(left)), lambda found: found[1] == 1)
        assert found[0] == 1
