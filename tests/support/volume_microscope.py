"""A small microscope of three beams for tests: its settings, patterns and networks' recipes."""

from __future__ import annotations

import math

from livesim.config.settings import Camera, Settings
from livesim.values.pattern import Pattern, PatternAngle

OPTICS = {
    "numerical_aperture": 1.4,
    "emission_nm": 525.0,
    "excitation_nm": 488.0,
    "refractive_index": 1.515,
    "pixel_nm": 80.0,
    "otf_damping": 1.0,
}
CAMERA = Camera(offset=0.0, gain=1.0, read_noise=0.0)
MODULATION = (1.2, 0.6)
RECIPE = """
name = "small"
size = 40
steps = 2
[volume]
planes = 8
{volume}
[networks.small]
kind = "rcan"
{more}
inputs = {inputs}
outputs = {outputs}
groups = 1
blocks = 1
features = 8
"""


def volume_settings(planes, order, *, optics=None, pattern=None, **tables) -> Settings:
    """Return the settings of so many planes that come in an order; other keywords are tables."""
    stepping = {"phases": 5, "harmonics": 2, "order": order, "sizes": {"z": planes}}
    return Settings.model_validate(
        {"optics": OPTICS | (optics or {}), "pattern": stepping | (pattern or {})} | tables
    )


def three_beams(
    side, first=0.0, apart=0.0, steps=(0.0, 1.0, 2.0, 3.0, 4.0), bright=(), spacing_nm=407.0
) -> Pattern:
    """Return fringes in three directions in a field of `side` pixels.

    The phases of the first angle begin at `first`, those of each next one `apart` later, in rad;
    `steps` are their steps in fifths of a period, and `bright` the light of each frame.
    """
    angles, k = [], 1000.0 / spacing_nm
    for number in range(3):
        turn = math.radians(-50.0 + 60.0 * number)
        begin = first + apart * number
        phases = tuple(begin + 2.0 * math.pi * step / 5.0 for step in steps)
        vector = (k * math.cos(turn), k * math.sin(turn))
        angles.append(PatternAngle(vector, phases, MODULATION, intensity=bright))
    return Pattern(80.0, (side, side), tuple(angles))


def recipe(inputs, outputs=1, volume="", more="") -> str:
    """Return a recipe of a small network of volumes; `volume` and `more` are further lines."""
    return RECIPE.format(inputs=inputs, outputs=outputs, volume=volume, more=more)
