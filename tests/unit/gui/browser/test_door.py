"""Who may come in: host, origin and token."""

from __future__ import annotations

import socket

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from livesim.config.settings import SettingsError
from livesim_gui.browser import door
from livesim_gui.browser.app import application
from livesim_gui.browser.server import PORT, Listening, address_of, listening

NOBODY = "tcp://127.0.0.1:9"
TOKEN = "a token of more than twenty characters"
HERE = "http://127.0.0.1:5680"
WATCH = "ws://127.0.0.1:5680/watch"


@pytest.fixture(autouse=True)
def _no_delay(monkeypatch):
    monkeypatch.setattr(door, "WRONG_S", 0.0)


def client(token=None, base=HERE):
    return TestClient(application(NOBODY, token), base_url=base)


@pytest.mark.parametrize(
    ("base", "status"),
    [
        (HERE, 200),
        ("http://localhost:5680", 200),
        ("http://[::1]:5680", 200),
        ("http://evil.example:5680", 403),
        ("http://127.0.0.1.evil.example", 403),
        ("http://192.168.1.20:5680", 403),
    ],
)
def test_without_a_token_only_this_machines_own_names_are_answered(base, status):
    """A foreign name that is made to point here could read along (DNS rebinding)."""
    asked = client(base=base)
    for path in ("/", "/offer", "/page/page.js"):
        assert asked.get(path).status_code == status, path


@pytest.mark.parametrize("host", ["", "[", "a b", "localhost@evil.example"])
def test_odd_host_headers_are_refused(host):
    assert client().get("/offer", headers={"host": host}).status_code == 403


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:80", "x", "http://[", "http://[x]"]
)
@pytest.mark.parametrize("token", [None, TOKEN])
def test_pages_from_elsewhere_are_refused(origin, token):
    asked, headers = client(token), {"origin": origin, "authorization": f"Bearer {TOKEN}"}
    refused = asked.post("/try", headers=headers)
    assert refused.status_code == 403
    assert "expected a question of this page" in refused.text
    with pytest.raises(WebSocketDisconnect), asked.websocket_connect(WATCH, headers=headers):
        pass


def test_our_own_page_is_let_in():
    with client().websocket_connect(WATCH, headers={"origin": HERE}) as socket:
        assert socket.receive_json()["kind"] == "report"


def test_with_a_token_nothing_is_shown_without_it():
    asked = client(TOKEN, "http://microscope.example:5680")
    assert asked.get("/").status_code == 200, "the page that asks for the token"
    for path in ("/offer", "/try", "/watch", "/nothing"):
        assert asked.get(path).status_code == 401, path
    with pytest.raises(WebSocketDisconnect), asked.websocket_connect(WATCH):
        pass


def test_the_token_gives_a_cookie_that_no_script_reads():
    asked = client(TOKEN, "http://microscope.example:5680")
    for wrong in ("", TOKEN[:-1], f"{TOKEN}x", "x" * 1000, "\udcff".encode(errors="replace")):
        assert asked.post("/enter", content=wrong).status_code in (401, 413), wrong
        assert asked.get("/offer").status_code == 401
    entered = asked.post("/enter", content=TOKEN)
    assert entered.status_code == 204
    said = entered.headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=strict" in said
    assert TOKEN not in said
    assert asked.get("/offer").status_code == 200


def test_scripts_say_the_token_in_a_header():
    asked = client(TOKEN)
    assert asked.get("/offer", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert asked.get("/offer", headers={"authorization": "Bearer other"}).status_code == 401


@pytest.mark.parametrize("path", ["/", "/page/page.css", "/offer", "/nothing"])
def test_every_answer_forbids_what_comes_from_elsewhere(path):
    headers = client().get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path", ["/page/../door.py", "/page/%2e%2e/door.py", "/page//etc/passwd", "/page/..%2fdoor.py"]
)
def test_files_beside_the_page_are_not_answered(path):
    assert client().get(path).status_code == 404


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("127.0.0.1:6000", "127.0.0.1", 6000),
        ("6000", "127.0.0.1", 6000),
        ("localhost", "localhost", PORT),
        ("[::1]:7000", "::1", 7000),
    ],
)
def test_addresses_on_this_machine(address, host, port):
    assert listening(address, None) == Listening(host, port)


@pytest.mark.parametrize("address", ["0.0.0.0:5680", "192.168.1.20", "[::]:5680"])
def test_other_machines_need_a_token(address):
    with pytest.raises(SettingsError, match="needs a token"):
        listening(address, None)


def test_with_a_token_other_machines_are_listened_to():
    assert listening("0.0.0.0", TOKEN).host == "0.0.0.0"
    with pytest.raises(SettingsError, match="at least 20 characters, found 5"):
        listening("0.0.0.0", "short")


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:80/"),
        ("::1", "http://[::1]:80/"),
        ("0.0.0.0", "http://microscope:80/"),
        ("::", "http://microscope:80/"),
    ],
)
def test_the_address_that_is_said_can_be_typed(monkeypatch, host, address):
    monkeypatch.setattr(socket, "gethostname", lambda: "microscope")
    assert address_of(host, 80) == address


@pytest.mark.parametrize("address", ["127.0.0.1:x", "127.0.0.1:99999", "a/b", "u@h:1", "[::1"])
def test_what_is_no_address(address):
    with pytest.raises(SettingsError, match="--listen: expected"):
        listening(address, None)
