"""An engine that listens beyond its own machine: with keys all goes, without them nothing."""

from __future__ import annotations

import shutil
import sys

import pytest

from livesim.config.settings import load_settings
from livesim.io.read.open import open_recording
from livesim.processes.engine import EngineProcess
from livesim.wire.control_client import ControlClient
from livesim.wire.endpoints import with_keys
from livesim.wire.keys import make_pair
from tests.support.processes import LIMIT_S, livesim

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "darwin", reason="127.0.0.2 is no address there"),
]

BIND = "127.0.0.2"
"""Loopback as well, but not the address that livesim takes for this machine."""
TOML = """
[optics]
numerical_aperture = 1.2
emission_nm = 525.0
pixel_nm = 80.0
[steps]
one = "none"
two = "none"
[simulation]
size = [64, 64]
time_points = 2
"""


@pytest.fixture
def keys(tmp_path):
    """Folders of keys of an engine and of a client that know each other."""
    engine, client = tmp_path / "keys-engine", tmp_path / "keys-client"
    make_pair(engine, "server")
    (engine / "known_clients").mkdir()
    shutil.copy(make_pair(client, "client"), engine / "known_clients" / "scope.key")
    shutil.copy(engine / "server.key", client)
    return engine, client


def test_a_stream_to_an_engine_with_keys(tmp_path, keys):
    config = tmp_path / "microscope.toml"
    config.write_text(TOML)
    record = tmp_path / "recordings"
    with EngineProcess(f"--bind={BIND}", f"--keys={keys[0]}", f"--record={record}") as engine:
        plain = engine.control()
        assert plain.startswith(f"tcp://{BIND}:")
        known = with_keys(plain, keys[1])
        sent = livesim("simulate", "-c", config, "--to", known, "--rate", "max")
        assert "18 frames sent" in sent.stderr
        assert ", 18 received" in sent.stderr
        shown = livesim("status", "--engine", known)
        assert "receive" in shown.stdout
        stranger = livesim("status", "--engine", with_keys(plain, keys[0]), check=False)
        assert (stranger.returncode, stranger.stdout) == (2, "")
        assert "expected a CURVE key, found no file" in stranger.stderr
        with ControlClient(plain) as nobody, ControlClient(known) as client:
            nobody._socket.zmq.send_multipart([b"1", b'{"version": 2, "kind": "stop"}'])
            assert client.status(LIMIT_S).faults.malformed_messages == 0
            client.stop(LIMIT_S)
        engine.wait()
    with open_recording(
        record / "stream-001" / "raw.zarr", load_settings(config).pattern
    ) as recording:
        assert recording.sizes.time == 2


def test_without_keys_it_says_how_to_make_them(tmp_path):
    said = livesim("engine", "--bind", "0.0.0.0", "--keys", tmp_path, check=False)
    assert said.returncode == 2
    assert "needs CURVE keys, found no server.key_secret" in said.stderr
    assert "livesim keys --server" in said.stderr
    assert said.stderr.count("\n") == 1
