"""The prepared forward model against the one that is written out frame by frame."""

import pytest
import torch

from livesim.config.settings import PatternSettings
from livesim.reconstruction.forward.model import expected_photons
from livesim.reconstruction.forward.projection import Projection
from livesim.reconstruction.otf import Otf
from tests.support.scenes import OPTICS, random_pattern

OTF = Otf.theoretical(OPTICS)
LAYOUTS = {
    "two beams": PatternSettings(),
    "three beams": PatternSettings(phases=5, harmonics=2),
    "hexagonal": PatternSettings(layout="hexagonal"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_frames_are_those_of_the_forward_model(layout):
    pattern = random_pattern(3, (48, 64), LAYOUTS[layout], phase_error_deg=10.0)
    specimen = torch.rand(96, 128, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found = Projection(pattern, OTF, dtype=torch.float64).frames(specimen)
    expected = expected_photons(specimen, pattern, OTF).flatten(0, 1)
    torch.testing.assert_close(found, expected, rtol=0.0, atol=1e-12)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_way_back_is_the_adjoint_and_leaves_the_variance_of_noise_at_one(layout):
    pattern = random_pattern(4, (64, 64), LAYOUTS[layout], phase_error_deg=10.0)
    projection = Projection(pattern, OTF, dtype=torch.float64)
    generator = torch.Generator().manual_seed(2)
    specimen = torch.rand(128, 128, dtype=torch.float64, generator=generator)
    noise = torch.randn(projection.frames(specimen).shape, dtype=torch.float64, generator=generator)
    back = projection.back(noise)
    lifted = (projection.frames(specimen) * noise).sum()
    torch.testing.assert_close((specimen * back * projection.power).sum(), lifted)
    assert float(back.square().mean().sqrt()) == pytest.approx(1.0, abs=0.06)
