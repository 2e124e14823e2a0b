"""Settings at the ends of their bounds give images of numbers; beyond them they are refused."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest

from livesim.config.errors import SettingsError
from livesim.config.settings import parse_settings
from livesim.pipeline.cpu import EagerPath
from livesim.pipeline.devices import CPU
from livesim.pipeline.networks import load_networks
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.values.frames import RawStack, StackIndex
from tests.support.scenes import simulate

OPTICS = {"numerical_aperture": 1.2, "emission_nm": 525.0, "pixel_nm": 80.0, "otf_damping": 1.0}
NONE = {"one": "none", "two": "none"}
BOUNDS = {
    "camera.offset": (0.0, 2.0**32),
    "camera.gain": (1e-6, 1e6),
    "camera.read_noise": (0.0, 1e6),
    "reconstruction.wiener": (1e-6, 1e6),
    "reconstruction.apodization.bend": (1e-6, 1e6),
    "reconstruction.notch.fwhm_cycles_per_um": (1e-6, 1e6),
    "optics.numerical_aperture": (0.01, 1.5),
}


def settings_with(key, value):
    *tables, name = key.split(".")
    changed = reduce(lambda inner, table: {table: inner}, reversed(tables), {name: value})
    values = {"optics": dict(OPTICS), "steps": NONE}
    for table, own in changed.items():
        values[table] = values.get(table, {}) | own
    return parse_settings(values, "settings.toml")


@pytest.fixture(scope="module")
def scene():
    return simulate(1, (64, 64), 2000.0)


@pytest.mark.parametrize(("key", "end"), [(key, end) for key in BOUNDS for end in (0, 1)])
def test_the_ends_of_all_bounds_give_numbers(scene, key, end):
    settings = settings_with(key, BOUNDS[key][end])
    networks = load_networks(settings, CPU)
    pipeline = ReconstructionPipeline(settings, scene.pattern, None, networks, EagerPath(CPU))
    counts = scene.counts[0].numpy().astype(np.uint16)
    result = pipeline(RawStack("ends", StackIndex(), counts))
    assert np.isfinite(result.image).all()
    assert np.isfinite(result.widefield).all()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *((key, 5e-324) for key in BOUNDS if BOUNDS[key][0]),
        *((key, -1.0) for key in BOUNDS),
        *((key, 1e30) for key in BOUNDS if key != "optics.numerical_aperture"),
        *((key, float("nan")) for key in BOUNDS),
    ],
)
def test_what_lies_beyond_is_refused_by_name(key, value):
    with pytest.raises(SettingsError, match=f"settings.toml: {key}: expected .*, found "):
        settings_with(key, value)
