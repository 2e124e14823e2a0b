"""`livesim serve` as its users meet it: an engine, a server and Chromium, real processes."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import zipfile
import zlib
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import tifffile

from bench.speed.looped_stream import STACKS, looped_stream
from livesim.commands.simulate.files import simulate_files
from livesim.processes.viewer_children import Children
from livesim_acquisition.microscope.demo import demo_settings
from tests.support.chromium import PHONE, canvas, chromium, opened, picture

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.slow

SIZE, PER_S = 128, 4.0
TOKEN = "twenty characters or more"


def settings(stacks, networks="none"):
    """Return the demo's microscope in small, with or without networks."""
    known = demo_settings(SIZE, 500.0, stacks=stacks)
    steps = known.steps.model_copy(update={"one": networks, "two": networks})
    return known.model_copy(update={"steps": steps})


@contextmanager
def serving(engine, *flags):
    """Run `livesim serve`; give its process and address."""
    command = [sys.executable, "-m", "livesim", "serve", "--engine", engine]
    with subprocess.Popen(
        [*command, "--listen", "127.0.0.1:0", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            yield server, server.stdout.readline().strip()
        finally:
            server.send_signal(signal.SIGTERM)
            said = server.communicate(timeout=30)[1]
        assert said == "", said
        assert server.returncode == 0


@pytest.fixture(scope="module")
def children():
    """An engine that takes a stream, and what can end it."""
    own = Children()
    engine = own.start_engine(None, None, at_once=False)
    with looped_stream(engine, settings(STACKS), PER_S):
        yield own
    own.close()


@pytest.fixture(scope="module")
def server(children):
    with serving(children.engine) as running:
        yield running


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


def wait(page, condition):
    """Wait until a condition holds, as the page goes on."""
    for _ in range(1200):
        if condition():
            return
        page.wait_for_timeout(50)
    raise AssertionError("expected it within a minute, found it still not so")


@pytest.mark.parametrize("size", [PHONE, (1280, 800)])
def test_the_live_picture(server, browser, size):
    with opened(browser, server[1], size) as page:
        expect(page.locator("#engine")).to_have_text("running")
        expect(page.locator("#right")).to_have_text("Plain")
        before = picture(page)
        wait(page, lambda: picture(page) > before + 10)
        mean, spread = canvas(page)
        assert spread > 10.0, "filaments on a dark ground"
        assert 0.0 < mean < 128.0
        expect(page.locator("#rate")).to_have_text(
            re.compile(r"^\d+\.\d pictures/s, \d+ ms after the last raw frame$")
        )
        expect(page.locator("#angles tbody tr")).to_have_count(3)
        expect(page.locator("#bar")).to_have_text(re.compile("^[125]0* µm$"))
        # Nothing is wider than the screen.
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert page.livesim_said == []


def test_stages_split_contrast_and_zoom(server, browser):
    with opened(browser, server[1]) as page:
        expect(page.locator("#right")).to_have_text("Plain")
        page.get_by_role("button", name="Widefield").click()
        expect(page.locator("#right")).to_have_text("Widefield")
        expect(page.get_by_role("button", name="Widefield")).to_have_attribute(
            "aria-pressed", "true"
        )
        page.get_by_role("button", name="Split", exact=True).click()
        expect(page.locator("#left")).to_have_text("Plain")
        page.get_by_role("button", name="Split", exact=True).click()
        expect(page.locator("#left")).to_be_hidden()

        page.get_by_label("Automatic").uncheck()
        expect(page.locator("#white")).to_be_enabled()
        bright = canvas(page)[0]
        page.get_by_label("White").fill("1000")
        wait(page, lambda: canvas(page)[0] < 0.8 * bright)
        page.get_by_label("Automatic").check()
        wait(page, lambda: canvas(page)[0] > 0.8 * bright)

        words = page.locator("#bar").inner_text()
        for _ in range(3):
            page.get_by_role("button", name="Zoom in").click()
        expect(page.locator("#bar")).not_to_have_text(words)
        page.get_by_role("button", name="Fit").click()
        expect(page.locator("#bar")).to_have_text(words)
    assert page.livesim_said == []


def test_every_control_has_a_name(server, browser):
    with opened(browser, server[1]) as page:
        expect(page.locator("#right")).to_have_text("Plain")
        unnamed = page.evaluate(
            """() => [...document.querySelectorAll("button, input, select")].filter((one) =>
                !(one.textContent.trim() || one.getAttribute("aria-label") || one.labels?.length)
            ).map((one) => one.id)"""
        )
        assert unnamed == []


def test_the_server_never_loads_torch(server, browser):
    """It has the memory of a page, and its pictures come from the engine."""
    with opened(browser, server[1]) as page:
        expect(page.locator("#right")).to_have_text("Plain")
        if sys.platform == "linux":
            maps = Path(f"/proc/{server[0].pid}/maps").read_text(encoding="utf-8")
            assert "zmq" in maps
            assert "torch" not in maps
            assert "Qt5" not in maps


def test_a_recording_is_tried(server, browser, tmp_path):
    simulate_files(settings(2, "auto"), tmp_path / "cells")
    raw, config = tmp_path / "cells" / "raw.ome.tif", tmp_path / "cells" / "raw.toml"
    with opened(browser, server[1], PHONE) as page:
        page.get_by_role("button", name="Try it").click()
        # What the stream knows of its microscope need not be typed.
        expect(page.locator("#na")).to_have_value(str(settings(1).optics.numerical_aperture))
        page.locator("#file").set_input_files([raw, config])
        page.get_by_role("button", name="Restore", exact=True).click()
        pictures = page.locator("#tried-pictures img")
        expect(pictures).to_have_count(3, timeout=120_000)
        names = [one.get_attribute("alt") for one in pictures.all()]
        assert names == ["Widefield", "Plain", "Restored"]
        widths = page.evaluate("[...document.images].map((one) => one.naturalWidth)")
        assert widths == [SIZE, 2 * SIZE, 2 * SIZE]
        expect(page.locator("#tried-trust")).to_have_text(re.compile("trust|look"))
        expect(page.locator("#tried-doctor li").first).to_have_text(re.compile("No fault found"))
        expect(page.locator("#tried-scale")).to_have_text(re.compile("Fringes at 3 of 3 angles"))

        bad = tmp_path / "recording.zip"
        with zipfile.ZipFile(bad, "w") as archive:
            archive.writestr("x.tif", b"0")
        page.locator("#file").set_input_files(bad)
        page.get_by_role("button", name="Restore", exact=True).click()
        expect(page.locator("#try-words")).to_have_text(re.compile("found a file that begins"))
        expect(page.locator("#tried")).to_be_hidden()


def bomb(file):
    """Write a TIFF of some MB, each of whose frames unfolds to 512 MiB where 32 kB are stated."""
    deflate = zlib.compressobj(1)
    zeros = bytes(1 << 24)
    strip = b"".join(deflate.compress(zeros) for _ in range(32)) + deflate.flush()
    frames = np.zeros((9, SIZE, SIZE), np.uint16)
    with tifffile.TiffWriter(file) as writer:
        for _ in frames:
            writer.write(
                iter([strip]),
                shape=(SIZE, SIZE),
                dtype=np.uint16,
                compression="adobe_deflate",
                rowsperstrip=SIZE,
                photometric="minisblack",
            )


def test_a_bomb_is_a_sentence(server, browser, tmp_path):
    bomb(tmp_path / "bomb.tif")
    config = tmp_path / "bomb.toml"
    config.write_text(settings(1).to_toml(), encoding="utf-8")
    with opened(browser, server[1]) as page:
        page.get_by_role("button", name="Try it").click()
        page.locator("#file").set_input_files([tmp_path / "bomb.tif", config])
        page.get_by_role("button", name="Restore", exact=True).click()
        expect(page.locator("#try-words")).to_have_text(re.compile("expected"), timeout=120_000)


def test_with_a_token_it_is_asked_for(children, browser, tmp_path):
    file = tmp_path / "token"
    file.write_text(TOKEN, encoding="utf-8")
    with serving(children.engine, "--token", str(file)) as (_, address):
        with opened(browser, address) as page:
            expect(page.locator("#live")).to_be_hidden()
            page.get_by_label("Token").fill("another one, also long enough")
            page.get_by_role("button", name="Come in").click()
            expect(page.locator("#door-words")).to_have_text(re.compile("found another one"))
            page.get_by_label("Token").fill(TOKEN)
            page.get_by_role("button", name="Come in").click()
            expect(page.locator("#right")).to_have_text("Plain")
        with opened(browser, f"{address}#{TOKEN}") as page:
            expect(page.locator("#right")).to_have_text("Plain")
            assert page.url == address, "the token does not stay in the address"


def answer_to(address, *sent, until=b"\0\0"):
    """Return what is answered to raw bytes, up to its end or to `until`.

    All but the first part wait for the first answer.
    """
    host, port = re.fullmatch(r"http://(.+):(\d+)/", address).groups()
    with socket.create_connection((host, int(port)), 20.0) as connection:
        connection.sendall(sent[0])
        answered = connection.recv(65536)
        for part in sent[1:]:
            connection.sendall(part)
        with suppress(ConnectionResetError):
            while until not in answered and (part := connection.recv(65536)):
                answered += part
    return answered


HEAD = "{line} HTTP/1.1\r\nHost: 127.0.0.1\r\n{more}\r\n"


@pytest.mark.parametrize(
    ("line", "more", "words"),
    [
        ("POST /try", f"livesim-settings-bytes: 0\r\nContent-Length: {1 << 40}\r\n", b"256 MiB"),
        ("POST /try", f"Content-Length: {1 << 40}\r\n", b"livesim-settings-bytes"),
        ("POST /", f"Content-Length: {1 << 40}\r\n", b"405"),
        ("GET /", "x" * 1_000_000 + ": y\r\n", b"400"),
        ("GET /../../etc/passwd", "", b"404"),
        ("BREW /", "", b"405"),
    ],
)
def test_requests_that_are_none_of_the_pages(server, line, more, words):
    more += "" if "Content-Length" in more else "Connection: close\r\n"
    head = HEAD.format(line=line, more=more).encode()
    assert words in answer_to(server[1], head, until=words)


def test_who_sends_too_much_still_hears_why():
    """A connection that is closed on somebody who sends would show no answer."""
    with serving("tcp://127.0.0.1:9", "--upload", "1") as (_, address):
        connection = HTTPConnection(urlsplit(address).netloc, timeout=20.0)
        headers = {"livesim-settings-bytes": "0"}
        connection.request("POST", "/try", iter([bytes(1 << 16)] * 128), headers)
        answer = connection.getresponse()
        assert answer.status == 413
        assert answer.read().startswith(b"expected a file of at most 1 MiB")
        connection.close()


UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate\r\n"
)


def test_a_message_without_end_is_cut_off(server):
    head = HEAD.format(line="GET /watch", more=UPGRADE).encode()
    # A text frame of a terabyte, masked with zeros, of which some is sent.
    frame = b"\x81\xff" + (1 << 40).to_bytes(8, "big") + b"\0\0\0\0" + b"x" * 100_000
    answered = answer_to(server[1], head, frame)
    assert answered.startswith(b"HTTP/1.1 101")
    assert b"permessage-deflate" not in answered, "JPEG would be compressed for every watcher"
    assert b"exceeds the maximum size (4096 bytes)" in answered


def test_a_foreign_page_gets_no_socket(server):
    more = UPGRADE + "Origin: http://evil.example\r\n"
    head = HEAD.format(line="GET /watch", more=more).encode()
    assert answer_to(server[1], head).startswith(b"HTTP/1.1 403")


def test_where_the_engine_ends_it_is_said(browser):
    own = Children()
    try:
        engine = own.start_engine(None, None, at_once=False)
        with serving(engine) as (_, address), opened(browser, address) as page:
            expect(page.locator("#hint")).to_have_text("The engine waits for a stream.")
            own.stop_engine()
            expect(page.locator("#engine")).to_have_text("engine lost")
            expect(page.locator("#hint")).to_have_text("The engine does not answer any more.")
    finally:
        own.close()
