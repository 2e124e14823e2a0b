"""Volumes on another device than the CPU: nothing mixes, and what comes out is here."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from livesim.pipeline.volume import build
from livesim.pipeline.volume.build import device_that_fits
from livesim.pipeline.volume.channel import VolumeChannel
from livesim.pipeline.volume.networks import (
    VolumeNetwork,
    VolumeNetworks,
    load_volume_networks,
)
from livesim.pipeline.volume.pipeline import VolumePipeline
from livesim.pipeline.volume.restorer import VolumeRestorer
from livesim_acquisition.microscope.volume_microscope import VolumeMicroscope
from livesim_models.volume.step import PlanesStep
from tests.doubles.elsewhere import ELSEWHERE, Elsewhere
from tests.support.volume_network import drawn_network, drawn_step_one
from tests.unit.pipeline.test_volumes import PLANES, SETTINGS, planes


@pytest.fixture(scope="module")
def microscope():
    return VolumeMicroscope(SETTINGS)


def test_the_double_refuses_what_a_gpu_refuses():
    with Elsewhere():
        there, here = torch.ones(3, device=ELSEWHERE), torch.ones(3)
        assert there.device == (2.0 * there[:2]).device == ELSEWHERE
        assert here.to(ELSEWHERE).device == ELSEWHERE
        assert there.cpu().device == torch.device("cpu")
        assert float((there * torch.tensor(2.0)).sum()) == 6.0
        with pytest.raises(RuntimeError, match="expected tensors elsewhere"):
            there + here
        with pytest.raises(TypeError, match="expected a tensor of the CPU"):
            there.numpy()


def test_a_plain_volume_is_the_same_elsewhere(microscope):
    counts, pattern = microscope.take(0).counts, microscope.pattern.pattern
    here, there = (_made(pattern, counts, device) for device in (torch.device("cpu"), ELSEWHERE))
    for one, other in zip(here, there, strict=True):
        np.testing.assert_array_equal(other.result.image, one.result.image)
        np.testing.assert_array_equal(other.result.widefield, one.result.widefield)


def _made(pattern, counts, device):
    with Elsewhere():
        pipeline = VolumePipeline(SETTINGS, pattern, device)
        steps = [pipeline.add_plane(one, preview=True) for one in planes(counts)]
    return [one for step in steps for one in step.made]


@pytest.mark.parametrize("steps", ["two", "one", "both"])
def test_networks_restore_the_same_volume_elsewhere(microscope, tmp_path, steps):
    taken, pattern = microscope.take(0), microscope.pattern.pattern
    both = {"behind": "drawn"} if steps == "both" else {}
    asked = {
        "one": "none" if steps == "two" else drawn_step_one(tmp_path, 0.3),
        "two": "none" if steps == "one" else drawn_network(tmp_path, -0.3, **both),
    }
    settings = SETTINGS.model_copy(update={"steps": SETTINGS.steps.model_copy(update=asked)})
    networks, plan = load_volume_networks(settings), VolumeChannel.of(pattern, SETTINGS).plan
    counts = torch.from_numpy(taken.counts).float()

    def moved(network):
        """Return one that computes here, as its weights are here."""
        if network is None:
            return None
        run = lambda channels: network.step.network(channels.cpu()).to(channels.device)  # noqa: E731
        return VolumeNetwork(network.card, PlanesStep(run))

    moved = VolumeNetworks(moved(networks.one), moved(networks.two), networks.models)
    found = []
    with Elsewhere():
        for device in (torch.device("cpu"), ELSEWHERE):
            own = plan.to(device)
            restore = VolumeRestorer(own, pattern, settings, moved)
            make = restore._make.__class__(own)
            begun = make.begin()
            widefield = torch.stack([make.add(begun, z, counts[z]).clone() for z in range(PLANES)])
            found.append(restore(make.spectrum(begun), widefield, counts.__getitem__))
    here, there = found
    assert there.image.device == there.error.device == torch.device("cpu")
    assert not torch.equal(here.image, here.plain)
    for name in ("image", "plain", "network", "error"):
        assert torch.equal(getattr(there, name), getattr(here, name)), name
    assert there.shown == here.shown


def test_volumes_too_large_for_a_gpu_are_made_on_the_cpu(microscope, monkeypatch, caplog):
    pattern, gpu = microscope.pattern.pattern, torch.device("cuda", 0)
    for gibibytes, expected in ((24, gpu), (1, torch.device("cpu"))):
        monkeypatch.setattr(build.torch.cuda, "mem_get_info", lambda _, n=gibibytes: (0, n << 30))
        assert device_that_fits(gpu, pattern, PLANES) == expected
    assert "the GPU has 1.0: they are computed on the processor" in caplog.text
    assert "the GPU has 24.0" not in caplog.text
