"""What waits for the networks of a stream, and in which order it is done; no engine runs."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from livesim.config.settings import SettingsError
from livesim.engine.beside import networks as networks_module
from livesim.engine.beside.networks import KEPT_STACKS, LiveNetworks
from livesim.engine.pending import Pending, ready
from livesim.engine.seams import Later, Reconstructed
from livesim.values.frames import StackIndex
from livesim.values.results import Result, VolumePart
from livesim.wire.networks import networks_words, run_of
from tests.support.running_engine import WAIT_S

IMAGE = np.zeros((8, 8), np.float32)


def first(time, nbytes=1000, channel=0, begin=lambda: ready(())):
    index = StackIndex(time=time, channel=channel)
    result = Result("s", index, IMAGE, IMAGE, provisional=True)
    return Reconstructed(result, later=Later(begin, nbytes))


def whole(time, position=0, begin=lambda: ready(())):
    """Return the last plane of a plain volume of three."""
    index = StackIndex(position, time, z=2)
    part = VolumePart(3, 3)
    result = Result("s", index, IMAGE, IMAGE, provisional=True, volume=part)
    return Reconstructed(result, later=Later(begin, 1000))


def test_only_so_many_stacks_wait():
    published = []
    live = LiveNetworks(published.append, run="held")
    live.open(published.append)
    for time in range(3 * KEPT_STACKS):
        live.offer(first(time))
    assert live.waiting == KEPT_STACKS
    assert not live.ask(StackIndex(time=0))
    live.offer(first(1000, networks_module.KEPT_BYTES))
    assert live.waiting == 1, "the newest is kept however large it is"
    live.close()


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        (1, "begin 2 of 1, begin 2 of 0, take 2 of 1, begin 1 of 1, take 2 of 0, begin 1 of 0"),
        (0, "begin 2 of 1, take 2 of 1, begin 2 of 0, take 2 of 0, begin 1 of 1, take 1 of 1"),
    ],
)
def test_while_a_gpu_works_on_one_channel_another_one_is_begun_with(beside, said):
    """Never two stacks of one channel; without a GPU one after the other, the newest first."""
    told, delivered, all_done = [], [], threading.Event()

    def work(time, channel):
        def take():
            told.append(f"take {time} of {channel}")
            if (time, channel) == (2, 0):
                return ()  # it failed, which is counted
            index = StackIndex(time=time, channel=channel)
            return (Reconstructed(Result("s", index, IMAGE, IMAGE)),)

        def begin():
            told.append(f"begin {time} of {channel}")
            return Pending(take, beside)

        return first(time, 1000, channel, begin)

    def deliver(made):
        delivered.append((made.result.index.time, made.result.index.channel))
        if len(delivered) == 3:
            all_done.set()

    live = LiveNetworks(deliver, run="held")
    live.open(deliver)
    for time, channel in ((1, 0), (1, 1), (2, 0), (2, 1)):
        live.offer(work(time, channel))
    live.choose("newest")
    assert all_done.wait(WAIT_S)
    live.close()
    assert sorted(delivered) == [(1, 0), (1, 1), (2, 1)]
    assert ", ".join(told).startswith(said)


def test_of_volumes_the_newest_of_every_place_alone_waits():
    live = LiveNetworks(lambda made: None, run="held")
    live.open(lambda made: None)
    for time, position in ((0, 0), (0, 1), (1, 0), (2, 0)):
        live.offer(whole(time, position))
    assert live.waiting == 2
    assert not live.ask(StackIndex(time=1))
    assert live.ask(StackIndex(position=1, z=1)), "any plane stands for its volume"
    live.close()


def test_all_planes_of_a_volume_are_delivered_in_their_order():
    delivered, done = [], threading.Event()

    def begin():
        indices = [StackIndex(time=4, z=z) for z in range(3)]
        planes = [Result("s", one, IMAGE, IMAGE, plain=IMAGE) for one in indices]
        return ready(tuple(Reconstructed(one) for one in planes))

    def deliver(made):
        delivered.append(made)
        if len(delivered) == 3:
            done.set()

    live = LiveNetworks(deliver)
    live.open(deliver)
    live.offer(whole(4, begin=begin))
    assert done.wait(WAIT_S)
    live.close()
    assert [one.result.index.z for one in delivered] == [0, 1, 2]
    assert all(one.second for one in delivered)


@pytest.mark.parametrize(
    ("text", "run", "words"),
    [
        ("off", "off", "off"),
        ("held", "held", "only when held"),
        ("newest", "newest", "on the newest stack"),
        ("3", 3, "on every 3rd stack"),
        ("11", 11, "on every 11th stack"),
    ],
)
def test_when_the_networks_work_in_words(text, run, words):
    assert run_of(text) == run
    assert networks_words(run) == words


@pytest.mark.parametrize("text", ["0", "-1", "sometimes", ""])
def test_other_words_are_refused(text):
    with pytest.raises(SettingsError, match=f"expected off, held, newest .* found '{text}'"):
        run_of(text)
