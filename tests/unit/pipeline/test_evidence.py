"""What a raw stack says of a network: the plain image's error is known without the truth."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from livesim.config.settings import Steps
from livesim.pipeline.calibration import with_levels
from livesim.pipeline.evidence import evidence_of
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.values.errors import DataError
from livesim.values.frames import RawStack, StackIndex
from livesim_models.data.sample import scaled
from livesim_models.data.truth import unit_noise_to_signal
from livesim_models.evaluation.reference import reference
from livesim_models.trust.evidence import LIGHT
from tests.support.scenes import BACKGROUND, simulate

PEAK = 60.0


def pipeline_of(scene, pixels, steps):
    settings = scene.described(steps=steps)
    stack = RawStack("s", StackIndex(), pixels)
    noise = unit_noise_to_signal(scene.truth, scene.pattern, scene.optics)
    known = replace(scene.pattern, noise_to_signal=scaled(noise, float(scene.expected.mean())))
    return ReconstructionPipeline(settings, with_levels(known, [stack], settings)), stack


@pytest.fixture(scope="module")
def scene():
    return simulate(4, (160, 160), PEAK)


def test_the_plain_images_error_is_found_without_the_truth(scene):
    pipeline, stack = pipeline_of(scene, scene.counts[0].numpy(), Steps(one="none", two="quick"))
    own = evidence_of(pipeline, stack, "cells.tif")
    truth = reference((scene.truth + BACKGROUND * PEAK).numpy(), scene.pattern, scene.otf)
    inside = (slice(24, -24), slice(24, -24))

    def held(image):
        seen = torch.fft.rfft2(image.float()) * own.share
        return torch.fft.irfft2(seen, s=own.shape)

    found, true, generator = [], [], torch.Generator().manual_seed(1)
    for _ in range(8):
        split = own.split(generator)
        off = (held(split.plain) - split.unseen)[inside].square().mean()
        found.append(float(off - own.unseen_noise[inside].mean()))
        wrong = held(split.plain - LIGHT * torch.from_numpy(truth))
        true.append(float(wrong[inside].square().mean()))
    assert np.mean(found) == pytest.approx(np.mean(true), rel=0.15)
    assert own.recording == "cells.tif"


def test_pixels_that_share_noise_are_refused(scene):
    smooth = torch.nn.functional.avg_pool2d(scene.counts[0].float(), 3, 1, 1).numpy()
    pipeline, stack = pipeline_of(scene, smooth, Steps(one="none", two="quick"))
    with pytest.raises(DataError, match=r"cells\.tif: its photons cannot be split: "):
        evidence_of(pipeline, stack, "cells.tif")


def test_without_a_network_there_is_nothing_to_judge(scene):
    pipeline, stack = pipeline_of(scene, scene.counts[0].numpy(), Steps(one="none", two="none"))
    with pytest.raises(DataError, match="expected raw stacks on which a network runs"):
        evidence_of(pipeline, stack, "cells.tif")
