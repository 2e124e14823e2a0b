"""Layouts of recordings, and raw stacks and results of known values to record."""

import numpy as np

from livesim.config.settings import Settings
from livesim.io.recipe import Recipe
from livesim.io.write.output_layout import OutputLayout, RawLayout
from livesim.values.frames import RawStack
from livesim.values.results import Result

RECIPE = Recipe(
    settings=Settings.model_validate({"optics": {"numerical_aperture": 1.4, "emission_nm": 525}})
)
RAW = RawLayout(angles=2, phases=3, y=4, x=5, pixel_nm=80.0, interval_s=0.1)
RESULT = OutputLayout(y=8, x=10, pixel_nm=40.0, channel_names=("GFP",))


def raw_stack(index, seed=0):
    rng = np.random.default_rng([seed, index.position, index.time, index.channel, index.z])
    return RawStack(
        stream="test",
        index=index,
        pixels=rng.integers(0, 65536, RAW.shape, dtype=np.uint16),
        exposure_ms=5.0 + index.time,
        last_received_ns=10**18 + index.time,
    )


def result(index):
    rng = np.random.default_rng([index.position, index.time, index.channel, index.z])
    image = rng.normal(0, 10, (8, 10)).astype(np.float32)
    return Result("test", index, image, image[::2, ::2], 10**18 + index.time, 10**18 + 7)


def place(index):
    return (index.position, index.time, index.channel, index.z)


def files_of(path, name):
    """Return the files of an array's chunks or shards."""
    return [one for one in (path / name).rglob("*") if one.is_file() and one.name != "zarr.json"]
