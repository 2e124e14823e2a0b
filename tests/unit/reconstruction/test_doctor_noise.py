"""Wrong settings of a camera are named and mended; right ones are not accused."""

import tomllib

import pytest
import torch
from torch.nn.functional import avg_pool2d

from livesim.config.settings import Camera, Settings
from livesim.reconstruction.camera_noise import NoiseUnknownError
from livesim.reconstruction.doctor.examine import examine
from livesim.reconstruction.doctor.noise import noise_findings, noise_of
from livesim.values.finding import Fault
from tests.support.faults import PIXEL_NM, SETTINGS, Light, sequence
from tests.support.scenes import CAMERA, OPTICS


@pytest.fixture(scope="module")
def frames():
    """Two sound stacks of a camera of gain 1, offset 100 and read noise 1.5."""
    return sequence(5, Light(100.0, 128), 2)


def said_of(frames, **camera):
    settings = SETTINGS.model_copy(update={"camera": CAMERA.model_copy(update=camera)})
    return examine(frames, settings, PIXEL_NM).findings


@pytest.mark.parametrize("gain", [0.5, 0.7, 1.4, 2.0])
def test_a_wrong_gain_is_named_and_mended(frames, gain):
    (finding,) = said_of(frames, gain=gain)
    assert finding.fault is Fault.WRONG_NOISE
    assert finding.value == pytest.approx(1.0, rel=0.1)
    assert f"(settings: {gain:g})" in finding.words
    mended = tomllib.loads(finding.mend)["camera"]
    assert said_of(frames, **mended) == ()


def test_the_right_settings_are_not_accused(frames):
    assert said_of(frames) == ()
    assert said_of(frames, gain=1.05, read_noise=1.0) == ()


def test_a_register_that_multiplies_needs_twice_the_gain(frames):
    doubled = 100.0 + 2.0 * (frames - 100.0)
    (finding,) = said_of(doubled, gain=1.0)
    assert "with the excess noise of an EMCCD" in finding.advice


def test_an_offset_that_is_too_low_is_mended_from_the_noise(frames):
    (finding,) = said_of(frames, offset=40.0)
    assert finding.fault is Fault.WRONG_NOISE
    assert tomllib.loads(finding.mend)["camera"]["offset"] == pytest.approx(100.0, abs=4.0)
    assert said_of(frames, **tomllib.loads(finding.mend)["camera"]) == ()


def test_an_offset_that_is_too_high_is_mended_from_the_noise_too(frames):
    (finding,) = said_of(frames, offset=120.0)
    assert finding.fault is Fault.WRONG_OFFSET
    assert tomllib.loads(finding.mend)["camera"]["offset"] == pytest.approx(100.0, abs=3.0)


def test_where_no_place_is_dark_the_offset_is_mended_from_the_noise(frames):
    """The darkest place has 60 counts of light everywhere, and so tells far too high an offset."""
    veil = torch.full_like(frames, 60.0)
    veiled = frames + torch.poisson(veil, generator=torch.Generator().manual_seed(0))
    (finding,) = said_of(veiled, offset=200.0)
    assert finding.fault is Fault.WRONG_OFFSET
    assert tomllib.loads(finding.mend)["camera"]["offset"] == pytest.approx(100.0, abs=10.0)


def test_shared_noise_is_named(frames):
    (finding,) = said_of(avg_pool2d(frames[None], 2, 1)[0])
    assert (finding.fault, finding.mend) == (Fault.SHARED_NOISE, None)
    assert "resampled, smoothed or denoised" in finding.words


def test_dark_frames_tell_the_read_noise_and_bright_even_ones_the_gain():
    noise = torch.randn(9, 128, 128, generator=torch.Generator().manual_seed(0))
    (finding,), _ = noise_findings(noise_of(100.0 + 3.0 * noise, OPTICS, PIXEL_NM), CAMERA)
    assert tomllib.loads(finding.mend)["camera"]["read_noise"] == pytest.approx(3.0, rel=0.1)
    (finding,), _ = noise_findings(noise_of(300.0 + 20.0 * noise, OPTICS, PIXEL_NM), CAMERA)
    assert tomllib.loads(finding.mend)["camera"]["gain"] == pytest.approx(2.0, rel=0.1)


def test_a_camera_that_is_not_linear_has_no_gain_to_set():
    light = sequence(6, Light(600.0, 128), 2) - 100.0
    saturating = 1000.0 * (1.0 - torch.exp(-light / 100.0))
    (finding,), _ = noise_findings(noise_of(saturating, OPTICS, PIXEL_NM), Camera())
    assert "does not grow in a straight line" in finding.words
    assert finding.mend is None


def test_pixels_too_large_are_no_fault(frames):
    coarse = OPTICS.model_copy(update={"pixel_nm": 160.0})
    found = noise_of(frames, coarse, 160.0)
    assert isinstance(found, NoiseUnknownError)
    findings, untold = noise_findings(found, CAMERA)
    assert findings == []
    assert untold[0].startswith("gain and read noise of the camera: pixels are too large")
    assert examine(frames, Settings(optics=coarse), 160.0).findings != ()
