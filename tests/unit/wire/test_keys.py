"""Sockets with CURVE keys: who is known gets through, a stranger gets nothing and does nothing."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import stat
import threading
from contextlib import ExitStack

import numpy as np
import pytest
import zmq
from typer.testing import CliRunner

from livesim.cli import app
from livesim.config.settings import SettingsError
from livesim.engine.options import EngineOptions
from livesim.values.frames import FrameAxes, RawFrame, StackIndex
from livesim.values.results import Result
from livesim.wire.control import StopReply
from livesim.wire.control_client import ControlClient
from livesim.wire.control_server import ControlServer
from livesim.wire.endpoints import (
    FREE_ADDRESS,
    beside,
    check_bindable,
    default_keys,
    endpoint,
    listening,
    split_keys,
    with_keys,
)
from livesim.wire.header import WireError
from livesim.wire.keys import make_pair
from livesim.wire.sockets import FramePuller, FramePusher, Keep, Publisher, Subscriber
from livesim_acquisition.hook.background_sender import BackgroundSender

WAIT_S = 60.0
REFUSED_S = 0.4
"""That a stranger waits for an answer that never comes."""


def run(*words):
    return CliRunner().invoke(app, ["keys", *map(str, words)])


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Folders of keys: of the engine, a known client, and strangers of several kinds."""
    root = tmp_path_factory.mktemp("keys")
    engine, friend = root / "engine", root / "friend"
    make_pair(engine, "server")
    make_pair(friend, "client")
    run("--keys", engine, "--allow", shutil.copy(friend / "client.key", root / "friend.key"))
    run("--keys", friend, "--trust", engine / "server.key")
    for name in ("unknown", "misled"):
        make_pair(root / name, "client")
    shutil.copy(engine / "server.key", root / "unknown" / "server.key")
    make_pair(root / "another", "server")
    shutil.copy(root / "another" / "server.key", root / "misled" / "server.key")
    return root


@pytest.fixture(params=["without keys", "unknown", "misled"])
def stranger(request, keys):
    """What a stranger makes of an address: no keys, keys nobody knows, another server's key."""
    folder = None if request.param == "without keys" else keys / request.param
    return lambda address: with_keys(split_keys(address)[0], folder)


def frame(number):
    return RawFrame("s", number, FrameAxes(), np.full((8, 8), number, np.uint16))


def result(number):
    image = np.full((4, 4), number, np.float32)
    return Result("s", StackIndex(time=number), image, image)


def test_a_stranger_cannot_ask_or_stop(keys, stranger):
    asked = []
    with ControlServer(with_keys(FREE_ADDRESS, keys / "engine")) as server:
        with ControlClient(stranger(server.endpoint)) as client:
            client._socket.zmq.send_multipart(
                [b"1", b'{"version": 4, "kind": "stop"}'], zmq.NOBLOCK
            )
            server.answer(asked.append, REFUSED_S)
            assert not client._socket.zmq.poll(0)
        with (
            pytest.raises(WireError, match="expected an engine"),
            ControlClient(stranger(server.endpoint)) as client,
        ):
            client.stop(REFUSED_S)
        server.answer(asked.append, 0.0)
    assert asked == []


def test_a_stranger_cannot_send_frames(keys, stranger):
    address = with_keys(FREE_ADDRESS, keys / "engine")
    with FramePuller(address) as puller, FramePusher(stranger(puller.endpoint)) as pusher:
        pusher.send(frame(1))  # into its own queue, from which nothing leaves
        assert puller.receive(REFUSED_S) is None


def test_a_stranger_cannot_fill_anything(keys, stranger):
    address = with_keys(FREE_ADDRESS, keys / "engine")
    with FramePuller(address) as puller, ExitStack() as opened:
        host, port = puller.endpoint.removeprefix("tcp://").split(":")
        for _ in range(50):
            opened.enter_context(socket.create_connection((host, int(port))))
        for _ in range(10):
            pusher = opened.enter_context(FramePusher(stranger(puller.endpoint), Keep.DROP_OLDEST))
            for number in range(100):
                pusher.send(frame(number))
        with FramePusher(with_keys(puller.endpoint, keys / "friend")) as friend:
            assert friend.send(frame(4321), WAIT_S)
            assert puller.receive(WAIT_S).sequence == 4321
            assert puller.receive(REFUSED_S) is None


def test_a_stranger_cannot_read_results(keys, stranger):
    address = with_keys(FREE_ADDRESS, keys / "engine")
    with Publisher(address) as publisher:
        known = with_keys(publisher.endpoint, keys / "friend")
        with (
            Subscriber(known, Keep.DROP_OLDEST) as friend,
            Subscriber(stranger(publisher.endpoint)) as subscriber,
        ):
            while friend.receive(0.02) is None:
                publisher.publish(result(1))
            for number in range(5):
                publisher.publish(result(number))
            assert friend.receive(WAIT_S) is not None
            assert subscriber.receive(REFUSED_S) is None


def test_who_is_known_gets_through(keys):
    address = with_keys(FREE_ADDRESS, keys / "engine")
    with ControlServer(address) as server:
        known = with_keys(server.endpoint, keys / "friend")
        with ControlClient(known) as client:
            client._socket.zmq.send_multipart([b"1", b'{"version": 4, "kind": "stop"}'])
            server.answer(lambda request: StopReply(), WAIT_S)
            assert client._socket.zmq.poll(round(1000 * WAIT_S))
    with (
        FramePuller(address) as puller,
        FramePusher(with_keys(puller.endpoint, keys / "friend")) as pusher,
    ):
        for number in range(3):
            assert pusher.send(frame(number), WAIT_S)
        for number in range(3):
            assert puller.receive(WAIT_S).sequence == number


def test_what_passes_the_wire_cannot_be_read(keys):
    """Bytes between two sockets, seen by one who forwards them: the pixels are not among them."""
    text = b"secret structure" * 4
    pixels = np.frombuffer(text, np.uint8).reshape(8, 8)
    seen = {}
    for name, folders in {"plain": (None, None), "curve": ("engine", "friend")}.items():
        server, client = (None if one is None else keys / one for one in folders)
        with FramePuller(with_keys(FREE_ADDRESS, server)) as puller:
            seen[name] = overheard(puller, client, RawFrame("s", 0, FrameAxes(), pixels))
    assert text in seen["plain"]
    assert b"secret" not in seen["curve"]
    assert len(seen["curve"]) > len(text)


def overheard(puller, client, sent):
    """Forward a frame through a tap; return the bytes that went from client to server."""
    heard = bytearray()
    host, port = puller.endpoint.removeprefix("tcp://").split(":")
    with socket.create_server(("127.0.0.1", 0)) as tap:
        address = f"tcp://127.0.0.1:{tap.getsockname()[1]}"
        with FramePusher(with_keys(address, client)) as pusher:
            inward, _ = tap.accept()
            with inward, socket.create_connection((host, int(port))) as outward:
                pumps = [
                    threading.Thread(target=pump, args=(inward, outward, heard)),
                    threading.Thread(target=pump, args=(outward, inward, bytearray())),
                ]
                for one in pumps:
                    one.start()
                assert pusher.send(sent, WAIT_S)
                np.testing.assert_array_equal(puller.receive(WAIT_S).pixels, sent.pixels)
                for one in (inward, outward):
                    one.shutdown(socket.SHUT_RDWR)
                for one in pumps:
                    one.join(WAIT_S)
    return bytes(heard)


def pump(source, target, heard):
    """Pass bytes on until one side ends."""
    with contextlib.suppress(OSError):
        while data := source.recv(4096):
            heard += data
            target.sendall(data)


def test_the_known_clients_change_without_a_restart(keys, tmp_path):
    own, friend = tmp_path / "engine", keys / "friend"
    shutil.copytree(keys / "engine", own)
    known = own / "known_clients" / "friend.key"

    def asks(folder, limit_s):
        heard = []
        with ControlClient(with_keys(server.endpoint, folder)) as client:
            client._socket.zmq.send_multipart([b"1", b'{"version": 4, "kind": "stop"}'])
            server.answer(lambda request: heard.append(request) or StopReply(), limit_s)
        return bool(heard)

    with ControlServer(with_keys(FREE_ADDRESS, own)) as server:
        assert not asks(keys / "unknown", REFUSED_S)
        shutil.copy(keys / "unknown" / "client.key", own / "known_clients" / "new.key")
        (own / "known_clients" / "broken.key").write_text("nothing")
        assert asks(keys / "unknown", WAIT_S)
        assert asks(friend, WAIT_S)
        known.unlink()
        assert not asks(friend, REFUSED_S)
        assert asks(keys / "unknown", WAIT_S)


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda folder: None, "found no server.key_secret"),
        (lambda folder: make_pair(folder, "server"), "keys of known clients, found none"),
    ],
)
def test_an_engine_without_keys_listens_to_its_machine_only(tmp_path, prepare, words):
    check_bindable(FREE_ADDRESS)
    with pytest.raises(SettingsError, match="needs CURVE keys: run `livesim keys --server`"):
        check_bindable("tcp://0.0.0.0:5601")
    prepare(tmp_path)
    address = listening(FREE_ADDRESS, 5601, "0.0.0.0", tmp_path)
    with pytest.raises(SettingsError, match=words):
        EngineOptions(frames=address)


def test_a_broken_key_file_is_named(keys, tmp_path):
    shutil.copytree(keys / "engine", tmp_path, dirs_exist_ok=True)
    (tmp_path / "known_clients" / "broken.key").write_text("nothing")
    with pytest.raises(SettingsError, match=r"broken\.key: expected a CURVE key"):
        FramePuller(with_keys(FREE_ADDRESS, tmp_path))
    with pytest.raises(SettingsError, match="expected a CURVE key, found no file"):
        FramePusher(with_keys("tcp://127.0.0.1:9", tmp_path))
    with pytest.raises(SettingsError, match="expected a CURVE key, found no file"):
        BackgroundSender(with_keys("tcp://127.0.0.1:9", tmp_path))


def test_addresses_name_the_folder_of_keys():
    assert endpoint("127.0.0.1:7") == "tcp://127.0.0.1:7"
    assert split_keys(endpoint("gpu.lab")) == ("tcp://gpu.lab:5603", default_keys())
    assert split_keys(endpoint("gpu.lab:7?keys=/a b"))[1].name == "a b"
    assert split_keys(listening("tcp://127.0.0.1:5601", 5601, "10.0.0.7"))[0].endswith("7:5601")
    control = endpoint("gpu.lab:7?keys=/k")
    assert beside(control, "tcp://0.0.0.0:5602") == "tcp://gpu.lab:5602?keys=/k"
    for wrong in ("gpu.lab?key=/k", "gpu.lab?keys=/k&more=1", "gpu.lab#x"):
        with pytest.raises(SettingsError, match="expected an address"):
            endpoint(wrong)


def test_the_keys_of_two_machines_are_made_and_exchanged(tmp_path):
    gpu, scope = tmp_path / "gpu", tmp_path / "scope"
    assert run("--keys", gpu, "--server").exit_code == 0
    made = run("--keys", scope, "--client")
    named = re.search(r"made\s*(.*?\.key):", made.stdout.replace("\n", ""))[1]
    assert run("--keys", gpu, "--allow", named).exit_code == 0
    shown = run("--keys", scope, "--trust", gpu / "server.key")
    assert "server:" in shown.stdout
    assert "with its secret key" in shown.stdout
    assert "known client" in run("--keys", gpu).stdout
    for secret in (gpu / "server.key_secret", scope / "client.key_secret"):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        assert stat.S_IMODE(secret.parent.stat().st_mode) == 0o700
    with (
        FramePuller(with_keys(FREE_ADDRESS, gpu)) as puller,
        FramePusher(with_keys(puller.endpoint, scope)) as pusher,
    ):
        assert pusher.send(frame(4), WAIT_S)
        assert puller.receive(WAIT_S).sequence == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--server"], "expected no server key yet"),
        (["--allow", "{}/engine/server.key_secret"], "found a secret one"),
        (["--allow", "{}/none.key"], "found no file"),
        (["--trust", "{}/another/server.key"], "expected no other key of this name yet"),
    ],
)
def test_keys_are_never_mixed_up_or_lost(keys, words, said):
    before = (keys / "engine" / "server.key").read_bytes()
    ran = run("--keys", keys / "engine", *[word.format(keys) for word in words])
    assert said in str(ran.exception)
    assert (keys / "engine" / "server.key").read_bytes() == before
