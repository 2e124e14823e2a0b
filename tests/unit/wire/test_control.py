"""Requests to an engine and its answers, over ZMQ on this machine."""

from __future__ import annotations

import threading

import pytest
import zmq

from livesim.wire.control import ReadyReply, ReadyRequest, StopReply
from livesim.wire.control_client import ControlClient
from livesim.wire.control_server import ControlServer
from livesim.wire.endpoints import FREE_ADDRESS
from livesim.wire.header import MAX_HEADER_BYTES, WireError
from livesim.wire.status import Endpoints

WAIT_S = 60.0
ENDPOINTS = Endpoints(frames="tcp://a:1", results="tcp://a:2", control="tcp://a:3")


def handle(request):
    if isinstance(request, ReadyRequest):
        return ReadyReply(started=True, ended=False, received=4, endpoints=ENDPOINTS)
    return StopReply()


@pytest.fixture
def control():
    server = ControlServer(FREE_ADDRESS)
    stop = threading.Event()

    def serve():
        while not stop.is_set():
            server.answer(handle, 0.02)

    thread = threading.Thread(target=serve)
    thread.start()
    yield server.endpoint
    stop.set()
    thread.join(WAIT_S)
    server.close()


def test_requests_are_answered(control):
    with ControlClient(control) as client:
        assert client.ready("s", WAIT_S).received == 4
        assert client.stop(WAIT_S) == StopReply()
        with pytest.raises(WireError, match="expected the answer to 'status', found 'stop'"):
            client.status(WAIT_S)


def test_a_request_that_makes_no_sense_is_answered_too(control):
    with zmq.Context() as context, context.socket(zmq.DEALER) as raw:
        raw.connect(control)
        raw.send_multipart([b"1"])
        for text in (b"{}", b'{"version": 4, "kind": "dance"}', b'{"version": 9, "kind": "stop"}'):
            raw.send_multipart([b"1", text])
            assert raw.poll(int(WAIT_S * 1000))
            assert b'"kind":"refused"' in raw.recv_multipart()[1]


def test_nobody_there_is_said():
    with ControlServer(FREE_ADDRESS) as server:
        address = server.endpoint
    with (
        ControlClient(address) as client,
        pytest.raises(WireError, match=r"expected an engine at .*, found none within 0.05 s"),
    ):
        client.status(0.05)


def test_a_request_that_is_too_long_is_never_taken_in():
    with ControlServer(FREE_ADDRESS) as server, zmq.Context() as context:
        with context.socket(zmq.DEALER) as raw:
            raw.connect(server.endpoint)
            raw.setsockopt(zmq.LINGER, 0)
            raw.send_multipart([b"1", b" " * (MAX_HEADER_BYTES + 1)])
            assert not server._socket.zmq.poll(300)
        with context.socket(zmq.DEALER) as raw:
            raw.connect(server.endpoint)
            raw.send_multipart([b"1", b" " * MAX_HEADER_BYTES])
            server.answer(handle, WAIT_S)
            assert b'"kind":"refused"' in raw.recv_multipart()[1]
