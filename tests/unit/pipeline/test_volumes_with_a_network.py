"""A network on live volumes: plain first, the newest one later, the same as offline to the bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from livesim.commands.restore.volume_channel import VolumeMaker
from livesim.config.settings import SettingsError, Steps
from livesim.pipeline.computing import TorchComputing
from livesim.pipeline.volume.channel import VolumeChannel
from livesim.pipeline.volume.pipeline import VolumePipeline
from livesim.reconstruction.volume.reconstructor import VolumeReconstructor
from livesim.values.frames import FrameAxes, RawFrame, StackIndex
from livesim.values.verdict import SHOWN
from livesim_acquisition.microscope.volume_microscope import VolumeMicroscope
from tests.support.volume_network import DEEP, drawn_network, drawn_step_one
from tests.unit.pipeline.test_volumes import PLANES, SETTINGS, planes

SIZE = 48


def asking_for(two, one="none", **steps):
    return SETTINGS.model_copy(update={"steps": Steps(one=one, two=two, **steps)})


@pytest.fixture(scope="module", params=["two", "one", "both", "deep"])
def settings(request, tmp_path_factory):
    """Those that ask for networks which change much: behind the reconstruction, before, both."""
    folder = tmp_path_factory.mktemp("network")
    if request.param == "two":
        return asking_for(drawn_network(folder, -0.3))
    if request.param == "deep":  # three dimensions
        return asking_for("none", drawn_step_one(folder, 0.5, DEEP))
    one = drawn_step_one(folder, 0.3)
    return asking_for(
        "none" if request.param == "one" else drawn_network(folder, 0.3, behind="drawn"), one
    )


@pytest.fixture(scope="module")
def microscope():
    return VolumeMicroscope(SETTINGS)


@pytest.fixture(scope="module")
def counts(microscope):
    """Two volumes [time, z, angle, phase, y, x]."""
    return np.stack([microscope.take(time).counts for time in range(2)])


@pytest.fixture(scope="module")
def pattern(microscope):
    return microscope.pattern.pattern


def alone(channel, counts):
    """Return the plain volume where no network is asked for."""
    return VolumeReconstructor(channel.plan)(torch.from_numpy(counts.astype(np.float32))).numpy()


@pytest.fixture(scope="module")
def offline(counts, pattern, settings):
    """What `livesim restore` makes of both: restored, and plain."""
    plain = []
    channel = VolumeChannel.of(pattern, settings)
    make = VolumeMaker(
        channel,
        lambda at: torch.from_numpy(counts[at.time, at.z]).float(),
        lambda index, made, restorer: plain.append(made.plain.numpy()),
    )
    restored = [make(StackIndex(time=time)).copy() for time in range(2)]
    np.testing.assert_allclose(plain[0], alone(channel, counts[0]), atol=1e-5 * plain[0].max())
    assert np.abs(restored[0] - plain[0]).max() > 0.01
    return restored, plain


def last_step(pipeline, counts, time, *, plain):
    steps = [pipeline.add_plane(one, preview=False, plain=plain) for one in planes(counts, time)]
    assert not any(step.made for step in steps[:-1])
    return steps[-1].made


def images(made, stage="image"):
    return np.stack([getattr(one.result, stage) for one in made])


def test_a_stream_whose_source_waits_gets_the_volumes_of_restore(
    counts, pattern, settings, offline
):
    restored, plain = offline
    pipeline = VolumePipeline(settings, pattern)
    for time in range(2):
        made = last_step(pipeline, counts[time], time, plain=False)
        np.testing.assert_array_equal(images(made), restored[time])
        np.testing.assert_array_equal(images(made, "plain"), plain[time])
        assert not any(one.result.provisional or one.later for one in made)
        assert all(one.network().shape == (2 * SIZE, 2 * SIZE) for one in made)


def test_the_plain_volume_comes_first_and_the_network_keeps_what_it_needs(
    counts, pattern, settings, offline
):
    restored, plain = offline
    pipeline = VolumePipeline(settings, pattern)
    first = [last_step(pipeline, counts[time], time, plain=True) for time in range(2)]
    channel = VolumeChannel.of(pattern, settings)
    for time, made in enumerate(first):
        np.testing.assert_array_equal(images(made), alone(channel, counts[time]))
        assert all(one.result.provisional and one.result.plain is None for one in made)
        assert [one.later is not None for one in made] == [False] * (PLANES - 1) + [True]
    # The second volume has taken the memory of the first one meanwhile.
    for time in (1, 0):
        later = first[time][-1].later
        assert later.nbytes > counts[time].nbytes
        second = later.run()
        np.testing.assert_array_equal(images(second), restored[time])
        np.testing.assert_array_equal(images(second, "plain"), plain[time])
        indices = [StackIndex(time=time, z=z) for z in range(PLANES)]
        assert [one.result.index for one in second] == indices
        received = [one.result.last_received_ns for one in first[time]]
        assert [one.result.last_received_ns for one in second] == received
        assert not any(one.result.provisional for one in second)


def test_the_review_of_a_volume_has_maps_of_every_plane(counts, pattern, settings):
    made = last_step(VolumePipeline(settings, pattern), counts[0], 0, plain=False)
    assert [one.review is not None for one in made] == [False] * (PLANES - 1) + [True]
    trust = made[-1].review(lambda done: None)
    assert "of what the networks changed is shown" in trust.verdict.sentence
    assert trust.numbers.plain_denied_percent is None
    found = dict(trust.maps_of(made[-1].result.index))
    assert list(found) == [StackIndex(z=z) for z in range(PLANES)]
    for maps in found.values():
        assert set(maps) == {SHOWN}
        assert maps[SHOWN].shape == (SIZE, SIZE)
        assert 0.0 <= maps[SHOWN].min() <= maps[SHOWN].max() <= 1.0


def test_frames_that_the_network_never_saw_leave_live_volumes_plain(
    counts, pattern, tmp_path, caplog
):
    own = asking_for(drawn_network(tmp_path, 0.3, frames=25))
    made = last_step(VolumePipeline(own, pattern), counts[0], 0, plain=True)
    expected = alone(VolumeChannel.of(pattern, own), counts[0])
    np.testing.assert_array_equal(images(made), expected)
    assert not any(one.result.provisional or one.later for one in made)
    assert "expected planes of 25 frames" in caplog.text


def test_a_pattern_that_a_step_one_does_not_know_leaves_live_volumes_plain(
    counts, pattern, tmp_path, caplog, offline
):
    """One angle without fringes, of which it would make something that is not there."""
    first, *others = pattern.angles
    lost = replace(pattern, angles=(replace(first, usable=False), *others))
    own = asking_for("none", drawn_step_one(tmp_path, 0.3))
    made = last_step(VolumePipeline(own, lost), counts[0], 0, plain=True)
    assert not any(one.result.provisional or one.later for one in made)
    assert "expected fringes in every angle as 'drawn' was trained on" in caplog.text


def test_a_stream_says_which_network_works_on_its_volumes(settings):
    computing = TorchComputing(None, lambda settings: None)
    found = computing.resolve(settings)
    asked = {step for step in ("one", "two") if getattr(settings.steps, step) != "none"}
    assert set(found.models) == {f"drawn-{step}.safetensors" for step in asked}
    assert {card["name"] for card in found.cards.values()} == {"drawn"}
    assert (found.settings.steps.one, found.settings.steps.two) == (
        settings.steps.one,
        settings.steps.two,
    )
    plain = computing.resolve(asking_for("auto"))
    assert (plain.settings.steps.two, dict(plain.models)) == ("none", {})
    with pytest.raises(SettingsError, match="found 'quick', which is for single planes"):
        computing.resolve(asking_for("quick"))
    with pytest.raises(SettingsError, match=r"steps\.all: expected 'none' for volumes"):
        computing.resolve(asking_for("none", all="quick"))


def test_the_memory_of_the_network_counts(counts, settings, monkeypatch):
    computing = TorchComputing(None, lambda settings: None)
    frame = RawFrame("s", 0, FrameAxes(), counts[0, 0, 0, 0])
    # So much that plain volumes fit, and a network's do not.
    pages = next(
        pages
        for pages in range(1 << 10, 1 << 30, 1 << 10)
        if _fits(computing, SETTINGS, frame, pages, monkeypatch)
    )
    assert not _fits(computing, settings, frame, pages, monkeypatch)


def _fits(computing, settings, frame, pages, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("os.sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": pages}.__getitem__)
        return computing.refusal(settings, frame, 1) is None


def test_planes_of_other_streams_are_not_mixed_up(counts, pattern, settings, offline):
    """Two positions, whose planes alternate."""
    pipeline = VolumePipeline(settings, pattern)
    found = {}
    for pair in zip(planes(counts[0]), planes(counts[1]), strict=True):
        for position, stack in enumerate(pair):
            there = replace(stack, index=replace(stack.index, position=position))
            made = pipeline.add_plane(there, preview=False, plain=True).made
            if made:
                found[position] = made[-1].later.run()
    for position in range(2):
        np.testing.assert_array_equal(images(found[position]), offline[0][position])
