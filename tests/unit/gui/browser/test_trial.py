"""What may be dropped on the page, and what a recording may cost the machine."""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from livesim_gui.browser.app import application
from livesim_gui.browser.trial import PLACES, TrialLimits, Trials
from livesim_gui.browser.upload import (
    MOST_SETTINGS_BYTES,
    RECORDING,
    SETTINGS,
    UploadError,
    UploadLimits,
    receive_upload,
)

HERE = "http://127.0.0.1:5680"
NOBODY = "tcp://127.0.0.1:9"
SMALL = UploadLimits(most_bytes=1000, most_s=5.0, silent_s=0.5)
ECHO = """
import pathlib, sys
folder = pathlib.Path(sys.argv[1])
found = sorted((one.name, one.read_bytes().decode()) for one in folder.iterdir())
(folder / "answer.bin").write_text(repr(found))
"""
NEVER = "import time; time.sleep(600)"
NOTHING = "raise MemoryError"


def request(parts, ended=True, every_s=0.0, **headers):
    """Return a request whose body is `parts`; then it ends, or nothing more comes."""
    coming = iter(parts)

    async def receive():
        await asyncio.sleep(every_s)
        try:
            return {"type": "http.request", "body": next(coming), "more_body": True}
        except StopIteration:
            if ended:
                return {"type": "http.request", "body": b"", "more_body": False}
            await asyncio.Event().wait()

    known = {"livesim-settings-bytes": "0"} | {k.replace("_", "-"): v for k, v in headers.items()}
    raw = [(name.encode(), value.encode()) for name, value in known.items()]
    scope = {"type": "http", "method": "POST", "path": "/try", "headers": raw}
    return Request(scope, receive)


def received(folder, *args, limits=SMALL, **kwargs):
    asyncio.run(receive_upload(request(*args, **kwargs), folder, limits))
    return {one.name: one.read_bytes() for one in folder.iterdir()}


def test_settings_and_recording_are_told_apart_wherever_the_body_is_cut(tmp_path):
    body = b"[optics]\n" + b"II*\0 pixels"
    for cut in range(len(body)):
        found = received(
            tmp_path, [body[:cut], body[cut:]], livesim_settings_bytes=str(len("[optics]\n"))
        )
        assert found == {SETTINGS: b"[optics]\n", RECORDING: b"II*\0 pixels"}


@pytest.mark.parametrize(
    ("body", "more", "words"),
    [
        (itertools.repeat(b"x" * 100), {}, "at most 0 MiB, found a larger one"),
        ([b"x"], {"content_length": "1001"}, "found a larger one"),
        ([b"x"], {"content_length": "9" * 5000}, "found a larger one"),
        ([b"x"], {"ended": False}, "found it still on its way"),
        ([], {}, "found an empty file"),
        ([b"[optics]"], {"livesim_settings_bytes": "8"}, "found an empty file"),
        ([b"x"], {"livesim_settings_bytes": "none"}, "expected the header"),
        ([b"x"], {"livesim_settings_bytes": "-1"}, "expected the header"),
        ([b"x"], {"livesim_settings_bytes": "²"}, "expected the header"),
        ([b"x"], {"livesim_settings_bytes": str(MOST_SETTINGS_BYTES + 1)}, "at most 64 KiB"),
        ([b"x"], {"livesim_settings_bytes": "9" * 5000}, "at most 64 KiB"),
        ([b"x"], {"livesim_settings_bytes": "0" * 5000 + "1"}, "at most 64 KiB"),
    ],
)
def test_bodies_that_are_refused(tmp_path, body, more, words):
    with pytest.raises(UploadError, match=words):
        received(tmp_path, body, **more)
    assert sum(one.stat().st_size for one in tmp_path.iterdir()) <= SMALL.most_bytes


def test_a_body_that_never_pauses_and_never_ends_has_a_limit(tmp_path):
    limits = UploadLimits(most_bytes=1 << 30, most_s=0.2, silent_s=5.0)
    with pytest.raises(UploadError, match=r"within 0\.2 s"):
        received(tmp_path, itertools.repeat(b"x"), every_s=0.01, limits=limits)


def test_only_the_page_can_send_one():
    """A form on another page sends no header of its own."""
    trials = Trials((sys.executable, "-c", ECHO))
    client = TestClient(application(NOBODY, trials=trials), base_url=HERE)
    assert client.post("/try", content=b"x").status_code == 400
    assert client.get("/try").status_code == 405


def tried(script, limits=None):
    trials = Trials((sys.executable, "-c", script), limits)
    client = TestClient(application(NOBODY, trials=trials), base_url=HERE)
    headers = {"livesim-settings-bytes": "3"}
    return client.post("/try", content=b"a=1pixels", headers=headers)


def test_the_childs_answer_is_the_pages():
    answer = tried(ECHO)
    assert answer.status_code == 200
    assert answer.text == "[('recording', 'pixels'), ('settings.toml', 'a=1')]"


def test_a_child_that_dies_is_a_sentence():
    answer = tried(NOTHING)
    assert answer.status_code == 422
    assert "too much memory, or a damaged file" in answer.text


@pytest.mark.skipif(sys.platform != "linux", reason="looks for a process in /proc")
def test_a_child_that_takes_too_long_is_killed_with_all_it_has_started(tmp_path):
    said = tmp_path / "pid"
    script = f"""
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path({str(said)!r}).write_text(str(child.pid))
time.sleep(600)
"""
    answer = tried(script, TrialLimits(most_s=5.0))
    assert answer.status_code == 422
    assert "done within 5 s" in answer.text
    for _ in range(6000):
        stat = Path(f"/proc/{said.read_text()}/stat")
        if not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return
        time.sleep(0.01)
    raise AssertionError("expected the grandchild to be gone, found it running")


def test_without_trials_nothing_is_taken():
    client = TestClient(application(NOBODY), base_url=HERE)
    assert client.get("/offer").text == "0"
    assert client.post("/try", content=b"x").status_code == 403


def test_one_at_a_time_some_waiting_and_no_more(tmp_path):
    """Each is restored alone; where all places are taken, one more is refused at once."""

    async def asked():
        log = tmp_path / "log"
        script = f"""
import pathlib, sys
log = pathlib.Path({str(log)!r})
with log.open("a") as file: file.write("begin\\n")
(pathlib.Path(sys.argv[1]) / "answer.bin").write_text("done")
with log.open("a") as file: file.write("end\\n")
"""
        trials = Trials((sys.executable, "-c", script))
        answers = [asyncio.create_task(trials.answer(request([b"x"]))) for _ in range(PLACES)]
        await asyncio.sleep(0)
        with pytest.raises(UploadError, match="are being tried already") as refused:
            await trials.answer(request([b"x"]))
        assert refused.value.status == 503
        assert await asyncio.gather(*answers) == [b"done"] * PLACES
        assert log.read_text().split() == ["begin", "end"] * PLACES
        assert await trials.answer(request([b"x"])) == b"done", "the places are free again"

    asyncio.run(asked())


def test_where_the_page_goes_away_the_child_ends():
    async def asked():
        trials = Trials((sys.executable, "-c", NEVER), TrialLimits(most_s=100.0))
        parts = iter(
            [
                {"type": "http.request", "body": b"x", "more_body": False},
                {"type": "http.disconnect"},
            ]
        )

        async def receive():
            return next(parts, {"type": "http.disconnect"})

        headers = [(b"livesim-settings-bytes", b"0")]
        scope = {"type": "http", "method": "POST", "path": "/try", "headers": headers}
        with pytest.raises(UploadError):
            await trials.answer(Request(scope, receive))

    asyncio.run(asked())
