from dataclasses import replace

import numpy as np
import pytest

from livesim.config.settings import PatternSettings, Settings, SettingsError
from livesim.pipeline.calibration import calibrate
from livesim.pipeline.counts import with_noise_said
from livesim.values.frames import RawStack, StackIndex
from livesim.values.pattern import Pattern
from tests.support.scenes import CAMERA, OPTICS, PLAIN, simulate


def calibrated(clipped_share: float) -> Pattern:
    """Return the pattern of a scene whose brightest pixels are clipped."""
    counts = simulate(0, (128, 128)).counts[0].numpy()
    most = np.quantile(counts, 1.0 - clipped_share) if clipped_share else counts.max()
    pixels = np.minimum(counts, most).round().astype(np.uint16)
    stack = RawStack(stream="s", index=StackIndex(), pixels=pixels)
    return calibrate([stack], Settings(optics=OPTICS, camera=CAMERA, steps=PLAIN))


def test_frames_that_are_not_clipped_are_not_spoken_of():
    pattern = calibrated(0.0)
    assert not pattern.doubts
    assert not any("clipped" in words for words in pattern.warnings)


@pytest.mark.parametrize(
    ("share", "doubted", "usable"),
    [(0.002, False, 3), (0.01, True, 3), (0.03, True, 0), (0.2, True, 0)],
)
def test_clipped_frames_are_said_and_refused_where_they_hide_the_modulation(share, doubted, usable):
    pattern = calibrated(share)
    assert any("are clipped at" in words for words in pattern.warnings)
    assert any("are clipped at" in words for words in pattern.doubts) == doubted
    assert sum(angle.usable for angle in pattern.angles) == usable
    assert pattern.is_widefield_only == (usable == 0)


@pytest.mark.parametrize(("offset", "doubted"), [(100.0, False), (250.0, True)])
def test_counts_below_the_offset_are_doubted(offset, doubted):
    pixels = simulate(0, (128, 128)).counts[0].numpy()
    stack = RawStack(stream="s", index=StackIndex(), pixels=pixels)
    camera = CAMERA.model_copy(update={"offset": offset})
    pattern = calibrate([stack], Settings(optics=OPTICS, camera=camera, steps=PLAIN))
    assert any("less than no light" in words for words in pattern.doubts) == doubted


def test_an_offset_above_all_counts_is_refused():
    stack = RawStack(
        stream="s", index=StackIndex(), pixels=simulate(0, (128, 128)).counts[0].numpy()
    )
    camera = CAMERA.model_copy(update={"offset": 60_000.0})
    with pytest.raises(SettingsError, match="expected one below the counts, found 60000"):
        calibrate([stack], Settings(optics=OPTICS, camera=camera, steps=PLAIN))


@pytest.mark.parametrize("period", [20.0, 50.0])
def test_fringes_finer_than_the_pixels_are_refused(period):
    stack = RawStack(
        stream="s", index=StackIndex(), pixels=simulate(0, (128, 128)).counts[0].numpy()
    )
    pattern = PatternSettings(expected_period_nm=period)
    settings = Settings(optics=OPTICS, camera=CAMERA, pattern=pattern, steps=PLAIN)
    with pytest.raises(SettingsError, match=r"expected fringes that pixels of 80 nm can show"):
        calibrate([stack], settings)


@pytest.mark.parametrize(
    ("camera", "cure"),
    [
        ({}, None),
        ({"gain": 0.25}, "set gain = "),
        ({"offset": 0.0}, "set offset = "),
        ({"read_noise": 40.0}, "read_noise = "),
    ],
)
def test_noise_that_is_not_that_of_the_camera_is_said(camera, cure):
    pixels = simulate(3, (192, 192), 500.0).counts[0].numpy()
    stack = RawStack(stream="s", index=StackIndex(), pixels=pixels)
    optics = OPTICS.model_copy(update={"otf_damping": "auto"})
    camera = CAMERA.model_copy(update=camera)
    settings = Settings(optics=optics, camera=camera, steps=PLAIN)
    pattern = calibrate([stack], settings)
    said = with_noise_said(pattern, stack, settings).warnings[len(pattern.warnings) :]
    assert len(said) == (cure is not None)
    assert cure is None or cure in said[0]
    nowhere = replace(pattern, angles=tuple(replace(a, usable=False) for a in pattern.angles))
    assert with_noise_said(nowhere, stack, settings) is nowhere
