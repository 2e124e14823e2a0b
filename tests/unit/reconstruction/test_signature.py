"""The wave vectors of a recording, read without its settings."""

from __future__ import annotations

import math

import pytest

from livesim.reconstruction.doctor.signature import signature
from tests.support.scenes import CAMERA, simulate


@pytest.mark.parametrize("shape", [(96, 160), (160, 96)])
def test_wave_vectors_are_found_in_fields_of_any_shape(shape):
    scene = simulate(1, shape, 500.0)
    frames = ((scene.counts.float() - CAMERA.offset) / CAMERA.gain).flatten(0, 2)
    found = [peak.k for peak in signature(frames, 9).peaks]
    per_pixel = scene.pattern.pixel_nm / 1000.0
    for angle in scene.pattern.angles:
        true = tuple(per_pixel * k for k in angle.k_cycles_per_um)
        assert min(math.dist(true, one) for one in found) < 0.3 / max(shape)
