"""The hook and its thread, with an engine that is there, is not, comes late, or vanishes."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from contextlib import contextmanager
from itertools import chain, repeat

import numpy as np
import pytest
from ndstorage.ndtiff_dataset import NDTiffDataset

from livesim.engine.options import EngineOptions
from livesim.engine.process import Engine
from livesim.engine.record.folder import record_into
from livesim.io.read.open import open_recording
from livesim.values.errors import DataError
from livesim.wire.endpoints import FREE_ADDRESS
from livesim.wire.header import WireError
from livesim_acquisition.hook import background_sender, engine_link, make_hook, make_saved_hook
from livesim_acquisition.hook.background_sender import BackgroundSender
from livesim_acquisition.hook.image_queue import DEPTH, ImageQueue, QueuedImage
from livesim_acquisition.hook.saved_images import read_saved
from livesim_acquisition.sender import Sender
from tests.support.addresses import free_addresses
from tests.support.running_engine import OWN, WAIT_S, at_work, averaging, recorded
from tests.support.waiting import wait_for


@contextmanager
def running(folder, control=FREE_ADDRESS):
    options = EngineOptions(FREE_ADDRESS, FREE_ADDRESS, control)
    with (
        Engine(options, averaging(), None, record_into(folder)) as engine,
        at_work(engine),
    ):
        yield engine


@pytest.fixture
def nobody():
    """An address where nobody listens."""
    return free_addresses(1)[0]


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(engine_link, "ANSWER_S", 0.2)
    monkeypatch.setattr(background_sender, "RETRY_S", 0.05)


@pytest.fixture
def late(monkeypatch):
    """Look for the engine in vain once, then wait until it is there."""
    waits_s = chain([0.2], repeat(WAIT_S))
    monkeypatch.setattr(
        engine_link, "Sender", lambda engine, keep, _: Sender(engine, keep, next(waits_s))
    )


def images(times, first=0):
    """Yield what pycromanager hands to a hook: [y, x] counts and metadata."""
    for stack in range(first, first + times):
        for angle, phase in np.ndindex(3, 3):
            number = 9 * stack + 3 * angle + phase
            axes = {"phase": phase, "time": stack, "angle": angle}
            metadata = {"Axes": axes, "Height": "16", "PixelSizeUm": 0.08, "Exposure": 5.0}
            yield np.full((16, 12), number, np.uint16), metadata


def feed(hook, times, first=0):
    for image, metadata in images(times, first):
        kept, same = hook(image, metadata)
        assert kept is image
        assert same is metadata


def test_every_image_arrives_where_it_belongs(tmp_path):
    with running(tmp_path) as engine:
        sender = BackgroundSender(engine.endpoints.control, OWN)
        feed(make_hook(sender), 4)
        counts = sender.close()
    assert (counts.offered, counts.sent, counts.received, counts.streams) == (36, 36, 36, 1)
    assert (counts.unsent, counts.unusable, sender.fault) == (0, 0, None)
    assert recorded(tmp_path / "stream-001") == list(range(36))


def test_the_stream_says_what_the_metadata_say(tmp_path, monkeypatch):
    starts = []
    monkeypatch.setattr(engine_link.Sender, "start", lambda self, start: starts.append(start))
    monkeypatch.setattr(engine_link.Sender, "send", lambda self, frame: None)
    with running(tmp_path) as engine:
        sender = BackgroundSender(engine.endpoints.control, sizes={"time": 1}, interval_s=2.0)
        feed(make_hook(sender), 1)
        sender.close()
    assert (starts[0].pixel_nm, starts[0].exposure_ms) == (80.0, 5.0)
    assert (starts[0].interval_s, starts[0].sizes) == (2.0, {"time": 1})
    assert starts[0].source == "Micro-Manager"


def test_what_has_been_saved_is_read_and_sent(tmp_path):
    class Dataset:
        def read_image(self, **axes):
            if axes["time"] == 2:
                raise OSError("disk gone")
            return np.full((16, 12), 9 * axes["time"] + 3 * axes["angle"] + axes["phase"], np.uint8)

        def read_metadata(self, **axes):
            return {"Exposure": "2.5"}

    with running(tmp_path) as engine:
        sender = BackgroundSender(engine.endpoints.control, OWN)
        hook = make_saved_hook(sender)
        for _, metadata in images(3):
            hook(metadata["Axes"], Dataset())
        counts = sender.close()
    assert (counts.sent, counts.unusable) == (18, 9)
    assert sender.fault == "an image cannot be used: OSError: disk gone"
    assert recorded(tmp_path / "stream-001") == list(range(18))


@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_an_image_is_read_whole_while_the_next_ones_are_written(tmp_path):
    dataset = NDTiffDataset(str(tmp_path), name="raw", writable=True)
    dataset.initialize({})
    random = np.random.default_rng(1)
    for time_ in range(4):
        image = random.integers(1, 60000, (40, 30), np.uint16)
        dataset.put_image({"time": time_, "sim": 3}, image, {"Exposure": time_})
        pixels, metadata = read_saved(dataset, {"sim": 3, "time": time_})
        np.testing.assert_array_equal(pixels, image)
        assert metadata == {"Exposure": time_}
    dataset.finish()
    with pytest.raises(DataError, match=r"expected an image at \{'time': 9\}, found none"):
        read_saved(dataset, {"time": 9})
    dataset.close()
    del dataset
    gc.collect()  # ndstorage leaves its files to the collector


@pytest.mark.usefixtures("impatient")
def test_without_an_engine_all_is_counted(nobody):
    sender = BackgroundSender(nobody, OWN)
    feed(make_hook(sender), 40)
    counts = sender.close()
    assert (counts.offered, counts.unsent, counts.sent) == (360, 360, 0)
    assert "expected an engine at" in sender.fault


def test_the_hook_never_waits_for_the_engine(nobody, monkeypatch):
    answered = threading.Event()

    def unanswered(*_):
        assert answered.wait(WAIT_S)
        raise WireError("expected an engine, found none")

    monkeypatch.setattr(engine_link, "Sender", unanswered)
    sender = BackgroundSender(nobody, OWN)
    feed(make_hook(sender), 40)  # returns, though nobody has answered yet
    assert sender.counts.unsent == 360 - DEPTH
    answered.set()
    assert sender.close().unsent == 360


@pytest.mark.usefixtures("late")
def test_an_engine_that_comes_late_gets_what_still_waits(tmp_path, nobody):
    sender = BackgroundSender(nobody, OWN)
    feed(make_hook(sender), 2)
    wait_for(lambda: sender.fault)
    with running(tmp_path, nobody):
        feed(make_hook(sender), 1, first=2)
        counts = sender.close()
    assert (counts.sent, counts.received) == (27, 27)
    assert recorded(tmp_path / "stream-001") == list(range(27))


@pytest.mark.usefixtures("late")
def test_a_channel_keeps_its_number_even_if_all_its_first_images_are_given_up(tmp_path, nobody):
    sender = BackgroundSender(nobody, OWN)
    hook = make_hook(sender)
    channels = ["561", "488", "405"]
    for channel in channels:
        for image, metadata in images(40):
            hook(image, metadata | {"Axes": metadata["Axes"] | {"channel": channel}})
    wait_for(lambda: sender.fault)
    with running(tmp_path, nobody):
        counts = sender.close()
    assert counts.unsent >= 3 * 360 - DEPTH - 1
    with open_recording(tmp_path / "stream-001" / "raw.zarr", OWN.pattern) as recording:
        assert {index.channel for index in recording.indices} == {2}


def test_an_engine_that_vanishes_and_comes_back_gets_a_new_stream(tmp_path, nobody, monkeypatch):
    monkeypatch.setattr(background_sender, "RETRY_S", 0.05)
    monkeypatch.setattr("livesim_acquisition.sender.CHECK_EVERY_S", 0.0)
    with BackgroundSender(nobody, OWN) as sender:
        hook = make_hook(sender)
        with running(tmp_path / "first", nobody):
            feed(hook, 2)
            wait_for(lambda: sender.counts.sent == 18)
        feed(hook, 1, first=2)
        with running(tmp_path / "second", nobody):
            feed(hook, 1, first=3)
            wait_for(lambda: sender.counts.sent == 36)
            sender.close()
    counts = sender.counts
    assert (counts.sent, counts.streams, counts.received) == (36, 2, 18)
    assert recorded(tmp_path / "first" / "stream-001") == list(range(18))
    assert recorded(tmp_path / "second" / "stream-001") == list(range(18, 36))


@pytest.mark.parametrize(
    ("image", "metadata", "words"),
    [
        (np.zeros((4, 4), np.uint16), {}, "KeyError: 'Axes'"),
        (np.zeros((4, 4), np.uint16), None, "subscriptable"),
        (np.zeros((4, 4), np.uint16), {"Axes": {"row": 1}}, "found row"),
        (np.zeros((4, 4, 3), np.uint8), {"Axes": {"sim": 0}}, "found shape (4, 4, 3)"),
        (np.zeros((4, 4), bool), {"Axes": {"sim": 0}}, "of bool"),
        (None, {"Axes": {"sim": 0}}, "ndim"),
    ],
)
def test_an_image_of_no_use_is_counted_and_handed_on(tmp_path, image, metadata, words):
    with (
        running(tmp_path) as engine,
        BackgroundSender(engine.endpoints.control, OWN) as sender,
    ):
        assert make_hook(sender)(image, metadata) == (image, metadata)
        feed(make_hook(sender), 1)
        counts = sender.close()
    assert (counts.unusable, counts.unsent) == (1, 0)
    assert words in sender.fault


def test_after_the_end_images_are_only_counted(nobody, impatient):
    sender = BackgroundSender(nobody)
    sender.close()
    feed(make_hook(sender), 1)
    assert (sender.counts.offered, sender.counts.unsent) == (9, 9)


@pytest.mark.parametrize(
    ("depth", "nbytes", "kept"),
    [(3, 1000, [3, 4, 5]), (100, 250, [4, 5]), (100, 50, [5]), (0, 0, [5])],
)
def test_the_queue_keeps_the_newest_within_its_limits(depth, nbytes, kept):
    queue = ImageQueue(depth, nbytes)
    for number in range(6):
        queue.put(QueuedImage(number, lambda: None, 100, 0))
    assert queue.dropped == 6 - len(kept)
    queue.close()
    assert [queue.get().number for _ in kept] == kept
    assert queue.get() is None


def test_the_two_lines_load_nothing_heavy():
    """A user's script imports the hook in the process that drives the microscope."""
    heavy = "{'torch', 'dask', 'pycromanager', 'zarr', 'PyQt5'}"
    code = f"import livesim_acquisition.hook, sys; sys.exit(bool({heavy} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
