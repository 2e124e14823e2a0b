"""Addresses and keys as they are typed, why an engine is silent, messages that are overtaken."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest

from livesim.wire.control_server import ControlServer
from livesim.wire.endpoints import default_keys, with_keys
from livesim.wire.keys import make_pair
from livesim_gui.connection_help import why_silent
from livesim_gui.link import Link
from livesim_gui.state.health.notice import STAYS_S, Notice
from livesim_gui.state.stream.connection import Connection, as_typed, complete_address
from livesim_gui.state.stream.feed import Feed
from livesim_gui.state.stream.hint import hint

AWAY = "tcp://127.0.0.2:5603"
"""Loopback as well, but not the address that livesim takes for this machine."""


@pytest.mark.parametrize(
    ("address", "keys", "whole"),
    [
        ("gpu", "/k", "tcp://gpu:5603?keys=/k"),
        ("gpu:7", " /k ", "tcp://gpu:7?keys=/k"),
        ("gpu", "~/k", f"tcp://gpu:5603?keys={Path.home()}/k"),
        ("gpu", "", with_keys("tcp://gpu:5603", default_keys())),
        ("gpu?keys=/own", "/k", "tcp://gpu:5603?keys=/own"),
        ("localhost", "/k", "tcp://127.0.0.1:5603"),
        ("127.0.0.1?keys=/own", "/k", "tcp://127.0.0.1:5603?keys=/own"),
    ],
)
def test_an_address_and_keys_say_where_the_engine_is_reached(address, keys, whole):
    assert complete_address(address, keys) == whole
    assert complete_address(*(part or keys for part in as_typed(whole))) == whole


def test_the_keys_of_another_machine_have_a_field_of_their_own():
    assert as_typed("tcp://gpu:5603?keys=/k") == ("gpu:5603", "/k")
    assert as_typed("tcp://127.0.0.1:5603?keys=/k") == ("127.0.0.1:5603?keys=/k", None)


def test_nobody_there_and_keys_refused_are_told_apart():
    with socket.create_server(("127.0.0.1", 0)) as listens:
        there = f"tcp://127.0.0.1:{listens.getsockname()[1]}"
        assert why_silent(there, "no answer") == "no answer"
        assert "does not accept the keys in /k" in why_silent(with_keys(there, Path("/k")), "")
    assert "Nobody listens" in why_silent(with_keys(there, Path("/k")), "")


def test_an_engine_that_does_not_know_the_keys_is_said_to_refuse_them(tmp_path, qtbot):
    engine, known, stranger = tmp_path / "engine", tmp_path / "known", tmp_path / "stranger"
    make_pair(engine, "server")
    (engine / "known_clients").mkdir()
    shutil.copy(make_pair(known, "client"), engine / "known_clients" / "scope.key")
    make_pair(stranger, "client")
    shutil.copy(engine / "server.key", stranger)
    feed = Feed()
    with ControlServer(with_keys("tcp://127.0.0.1:0", engine)) as server:
        plain = server.endpoint.partition("?")[0]
        link = Link(with_keys(plain, stranger), feed)
        qtbot.waitUntil(lambda: feed.news(0.0).words is not None, timeout=60_000)
        link.close(wait_s=5.0)
    news = feed.news(0.0)
    assert f"does not accept the keys in {stranger}" in news.words


def test_the_window_says_why_a_connection_with_keys_fails():
    feed = Feed()
    generation = feed.begin(with_keys(AWAY, Path("/k")))
    feed.silence(generation, "refused")
    news = feed.news(0.0)
    assert news.connection is Connection.WAITING
    assert hint(news) == "refused"


def test_a_message_vanishes_when_it_is_overtaken_or_old():
    notice, there = Notice(), []
    notice.say("no map yet", 10.0, lambda: bool(there))
    assert notice.words(10.1) == "no map yet"
    there.append("a map")
    assert notice.words(10.2) == ""
    there.clear()
    assert notice.words(10.3) == "", "gone for good"
    notice.say("saved", 11.0)
    assert notice.words(11.0 + STAYS_S - 0.1) == "saved"
    assert notice.words(11.0 + STAYS_S) == ""
