"""The simulated microscope: what it promises of its frames, and of what it imports."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from livesim.config import Camera, Optics, SettingsError
from livesim.frames import PatternAngle
from livesim_acquisition.microscope import SimulatedMicroscope
from livesim_acquisition.specimen import Filaments

OPTICS = Optics(numerical_aperture=1.4, emission_nm=520.0, pixel_nm=80.0)
ANGLES = (
    PatternAngle((4.0, 1.0), (0.1, 2.3, 4.1), (0.8,)),
    PatternAngle((0.0, 4.5), (1.0, 3.0, 5.2), (0.7,)),
)


def microscope(**changes):
    values = {
        "optics": OPTICS,
        "camera": Camera(offset=100.0, gain=2.0, read_noise=1.0),
        "angles": ANGLES,
        "specimen": Filaments((128, 96), 40.0, count=8, speed_nm_per_s=20_000.0),
        "peak_photons": 200.0,
        "seed": 3,
    }
    return SimulatedMicroscope(**(values | changes))


def stacks(scope, times):
    pixels = np.stack([frame.pixels for frame in scope.frames(times)])
    return pixels.reshape(times, 2, 3, 64, 48)


def test_frames_say_what_they_are():
    frames = list(microscope().frames(2))
    assert [frame.sequence for frame in frames] == list(range(12))
    axes = [(frame.axes.time, frame.axes.angle, frame.axes.phase) for frame in frames]
    assert axes == [(t, a, p) for t in range(2) for a in range(2) for p in range(3)]
    assert all(frame.pixels.dtype == np.uint16 for frame in frames)
    assert all(frame.exposure_ms == 5.0 and frame.camera_ns > 0 for frame in frames)


def test_the_same_seed_gives_the_same_counts_and_another_does_not():
    first, again, other = (stacks(microscope(seed=seed), 2) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_brightest_widefield_pixel_has_the_photons_asked_for():
    photons = (stacks(microscope(peak_photons=4000.0), 1)[0].mean((0, 1)) - 100.0) / 2.0
    assert photons.max() == pytest.approx(4000.0, rel=0.05)


def test_the_specimen_moves_without_flicker():
    # Every stack must be its own: three phases a third of a turn apart add up to widefield.
    thirds = (PatternAngle((4.0, 1.0), (0.0, 2 * np.pi / 3, 4 * np.pi / 3), (0.8,)),)
    scope = microscope(angles=thirds, camera=Camera(), peak_photons=2000.0)
    frames = np.stack([frame.pixels for frame in scope.frames(6)]).astype(float)
    widefield = frames.reshape(6, 3, 64, 48).mean(1)
    total = widefield.sum((1, 2))
    np.testing.assert_allclose(total, total[0], rtol=0.01)
    assert np.abs(widefield[5] - widefield[0]).max() > 200.0


def test_a_background_is_added_to_every_pixel():
    bare, lit = stacks(microscope(), 1), stacks(microscope(background_photons=50.0), 1)
    assert lit.mean() - bare.mean() == pytest.approx(100.0, rel=0.05)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"specimen": Filaments((128, 96), 80.0)}, "expected a specimen of 40.0 nm pixels"),
        ({"specimen": Filaments((127, 96), 40.0)}, "expected an even specimen"),
        ({"optics": OPTICS.model_copy(update={"pixel_nm": None})}, "expected optics.pixel_nm"),
    ],
)
def test_what_does_not_fit_is_refused(changes, words):
    with pytest.raises(SettingsError, match=words):
        microscope(**changes)


def test_importing_the_sources_of_frames_does_not_load_torch():
    modules = "microscope", "replay", "sender", "specimen", "streaming"
    imports = "; ".join(f"import livesim_acquisition.{name}" for name in modules)
    check = f"{imports}; import sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], timeout=60).returncode == 0
