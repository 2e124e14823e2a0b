"""What one page is sent, and that no other waits for it."""

from __future__ import annotations

import asyncio
import gc
import io
import itertools
import json
import struct
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest
from PIL import Image as Pillow
from starlette.testclient import TestClient

from livesim.images.levels import Levels
from livesim.values.clock import steady_ns
from livesim.values.frames import StackIndex
from livesim.values.results import Result
from livesim_gui.browser import live
from livesim_gui.browser.app import application
from livesim_gui.browser.choice import read_told
from livesim_gui.browser.pictures import KEPT, Pictures
from livesim_gui.browser.watcher import UNDER_WAY
from livesim_gui.state.time.ring import Shot
from tests.doubles.fake_engine import FakeEngine, in_use, trust_status

HERE = "http://127.0.0.1:5680"
WATCH = "ws://127.0.0.1:5680/watch"
TIMES = itertools.count()
DRAWN = "Last raw frame to this screen"
LIMIT = 2000
"""Messages that are read at most: a test that waits for what never comes fails."""


def result(time, channel=0, networks=True):
    """Return a result whose widefield, plain and restored images are told apart by brightness."""
    y, x = np.mgrid[:32, :32].astype(np.float32)
    image = np.kron(x, np.ones((2, 2), np.float32))
    now = steady_ns()
    return Result(
        "s",
        StackIndex(time=time, channel=channel),
        image + 200.0 if networks else image + 100.0,
        y,
        now - 5_000_000,
        now,
        plain=image + 100.0 if networks else None,
    )


class Page:
    """Speaks to the server as the page does."""

    def __init__(self, socket, engine):
        self._socket, self._engine = socket, engine
        self.reports = []

    @property
    def figures(self):
        return [one["label"] for one in self.reports[-1]["figures"]] if self.reports else []

    def choose(self, **choice):
        self._socket.send_text(json.dumps({"kind": "choice", **choice}))

    def drawn(self, header):
        self._socket.send_text(json.dumps({"kind": "drawn", "picture": header["picture"]}))

    def picture(self, **result_of):
        """Return the next picture; results are published until there is one."""
        for _ in range(LIMIT):
            self._engine.publish(result(next(TIMES), **result_of))
            message = self._socket.receive()
            if message.get("bytes"):
                return unpacked(message["bytes"])
            assert message["type"] == "websocket.send", message
            self.reports.append(json.loads(message["text"]))
        raise AssertionError("expected a picture, found none")

    def until(self, condition, **result_of):
        for _ in range(LIMIT):
            header, images = self.picture(**result_of)
            self.drawn(header)
            if condition(header):
                return header, images
        raise AssertionError(f"expected another picture, found {header}")


def unpacked(message):
    length = struct.unpack("<I", message[:4])[0]
    header, at = json.loads(message[4 : 4 + length]), 4 + length
    images = []
    for size in header["bytes"]:
        images.append(np.asarray(Pillow.open(io.BytesIO(message[at : at + size]))))
        at += size
    assert at == len(message)
    return header, images


@contextmanager
def watched(**status):
    with (
        FakeEngine(**({"in_use": in_use(), "trust": trust_status()} | status)) as engine,
        TestClient(application(engine.address), base_url=HERE) as client,
    ):
        yield engine, client


def titles(header):
    return [one["stage"] for one in header["pictures"]]


def test_a_picture_is_what_the_engine_published():
    with watched() as (engine, client), client.websocket_connect(WATCH) as socket:
        page = Page(socket, engine)
        header, (image,) = page.until(lambda told: told["pixel_um"] is not None)
        assert titles(header) == ["restored"]
        assert [one["name"] for one in header["stages"]] == ["widefield", "plain", "restored"]
        assert header["raw_size"] == [32, 32]
        assert header["pixel_um"] == pytest.approx(0.08)
        shown = header["pictures"][0]
        assert shown["step"] == 0.5
        assert shown["size"] == [64, 64] == [*image.shape]
        low, high = shown["levels"]
        back = low + image.astype(float) / 255.0 * (high - low)
        assert abs(back - result(0).image).mean() < 1.0, "photo-electrons, of 31 from left to right"
        assert header["age_ms"] >= 5.0


def test_stages_split_and_contrast_are_each_watchers_own():
    with (
        watched() as (engine, client),
        client.websocket_connect(WATCH) as one,
        client.websocket_connect(WATCH) as other,
    ):
        page, second = Page(one, engine), Page(other, engine)
        page.choose(stage="plain", other="widefield", split=True, low=90.0, high=190.0)
        header, images = page.until(lambda told: len(told["pictures"]) == 2)
        assert titles(header) == ["plain", "widefield"]
        assert [image.shape for image in images] == [(64, 64), (32, 32)]
        assert header["pictures"][0]["levels"] == [90.0, 190.0]
        assert header["pictures"][0]["by_itself"] != [90.0, 190.0]
        assert titles(second.until(lambda told: True)[0]) == ["restored"]


def test_a_small_screen_gets_a_small_picture():
    with watched() as (engine, client), client.websocket_connect(WATCH) as socket:
        page = Page(socket, engine)
        page.choose(width=16)
        header, (image,) = page.until(lambda told: told["pictures"][0]["size"] == [16, 16])
        assert image.shape == (16, 16)
        assert header["pictures"][0]["step"] == 2.0


def test_what_is_asked_for_and_not_there_is_the_nearest_that_is():
    with watched() as (engine, client), client.websocket_connect(WATCH) as socket:
        page = Page(socket, engine)
        page.choose(stage="no such stage", channel=7)
        header, _ = page.until(lambda told: True, networks=False)
        assert titles(header) == ["plain"]


def test_a_watcher_that_draws_nothing_holds_nobody():
    with (
        watched() as (engine, client),
        client.websocket_connect(WATCH) as asleep,
        client.websocket_connect(WATCH) as awake,
    ):
        page = Page(awake, engine)
        seen = [page.until(lambda told: True)[0]["time"] for _ in range(20)]
        assert seen == sorted(seen)
        assert len(set(seen)) == 20
        pictures = 0
        for _ in range(LIMIT):
            message = asleep.receive()
            pictures += "bytes" in message
            # The second report that follows nothing but reports: no picture is on its way.
            if pictures == UNDER_WAY and "text" in message:
                break
        assert pictures == UNDER_WAY, "it was sent what it can hold, and no more"


def test_reports_say_what_the_viewer_says():
    with watched() as (engine, client), client.websocket_connect(WATCH) as socket:
        page = Page(socket, engine)
        page.until(lambda told: page.figures and page.figures[0] == DRAWN)
        report = page.reports[-1]
        assert report["trust"]["word"] == "✔ trusted"
        assert report["trust"]["reasons"] == ["The photons do not contradict it."]
        assert report["engine"] == {"word": "running", "tone": "good"}
        assert [one["peak"] for one in report["angles"]] == ["31 σ"] * 3
        assert report["angles"][0]["period"] == "200 nm"
        assert report["microscope"]["na"] == 1.4
        assert report["microscope"]["pixel"] == 80.0
        assert report["resolution"] == "attainable 110 nm, widefield 186 nm"
        assert not engine.stages_asked, "the engine is asked to make nothing more than without us"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no JSON", "expected JSON"),
        ("[]", "expected a message of the page"),
        ('{"kind": "stop"}', "kind"),
        ('{"kind": "choice", "low": 3.0}', "black and white together"),
        ('{"kind": "choice", "low": 3.0, "high": 2.0}', "expected white above black"),
        ('{"kind": "choice", "high": 1e999, "low": 0}', "high"),
        ('{"kind": "choice", "width": 0}', "width"),
        ('{"kind": "choice", "width": 100000}', "width"),
        ('{"kind": "choice", "stage": "' + "x" * 100 + '"}', "stage"),
        ('{"kind": "choice", "tsage": "plain"}', "tsage"),
        ('{"kind": "drawn", "picture": -1}', "picture"),
    ],
)
def test_messages_that_are_none_end_the_connection_with_a_sentence(text, words):
    with watched() as (_, client), client.websocket_connect(WATCH) as socket:
        socket.send_text(text)
        assert end(socket)["code"] == 1008
    with pytest.raises(ValueError, match=words):
        read_told(text)


def test_bytes_are_no_message():
    with watched() as (_, client), client.websocket_connect(WATCH) as socket:
        socket.send_bytes(b'{"kind": "choice"}')
        assert end(socket)["reason"] == "expected a message as text, found bytes"


def end(socket):
    """Return the message that ends a connection."""
    messages = (socket.receive() for _ in range(LIMIT))
    return next(message for message in messages if message["type"] == "websocket.close")


def test_a_flood_is_cut_off():
    with watched() as (_, client), client.websocket_connect(WATCH) as socket:
        for number in range(LIMIT):
            socket.send_text(json.dumps({"kind": "drawn", "picture": number}))
        assert "at most 50 messages a second" in end(socket)["reason"]


def shot(time=0):
    return Shot(time, result(time))


def test_each_kind_of_picture_is_painted_once_for_all():
    """However many watch: the work for the 20th is sending."""

    async def asked():
        pictures, one, by_hand = Pictures(), shot(), Levels(0.0, 300.0)
        try:
            same = await asyncio.gather(*(pictures.of(one, "plain", None, 64) for _ in range(20)))
            assert all(picture is same[0] for picture in same)
            assert pictures.painted == 1
            others = [("restored", None, 64), ("plain", by_hand, 64), ("plain", None, 16)]
            for kind in others * 3:
                await pictures.of(one, *kind)
            assert pictures.painted == 4
            await pictures.of(shot(1), "plain", None, 64)
            assert pictures.painted == 5
        finally:
            pictures.close()

    asyncio.run(asked())


def test_the_newest_pictures_alone_are_kept():
    async def asked():
        pictures = Pictures()
        try:
            for time in range(2 * KEPT):
                await pictures.of(shot(time), "plain", None, 64)
            assert len(pictures._known) == KEPT
        finally:
            pictures.close()

    asyncio.run(asked())


def results_alive() -> dict[int, Result]:
    """Return all results in memory; they are held, so that no later one gets the same key."""
    gc.collect()
    return {id(one): one for one in gc.get_objects() if type(one) is Result}


def test_a_sleeping_watcher_keeps_no_images(monkeypatch):
    """Results of 2048 x 2048 raw pixels are some 150 MB each, and watchers may be many."""
    monkeypatch.setattr(live, "MEMORY_BYTES", 1)
    before = results_alive()  # what other tests have left
    with (
        watched() as (engine, client),
        client.websocket_connect(WATCH) as asleep,
        client.websocket_connect(WATCH) as awake,
    ):
        page = Page(awake, engine)
        page.until(lambda told: True)
        while "bytes" not in asleep.receive():
            pass
        for _ in range(10):
            page.until(lambda told: True)
        own = results_alive().keys() - before.keys()
        assert len(own) <= 3, "the newest, and those on their way"


def test_the_engine_has_one_listener_however_many_watch():
    with watched() as (engine, client), ExitStack() as stack:
        pages = [
            Page(stack.enter_context(client.websocket_connect(WATCH)), engine) for _ in range(5)
        ]
        for page in pages:
            page.until(lambda told: True)
        assert engine._publisher._socket.presence.count() == 1
