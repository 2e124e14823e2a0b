import io

import pytest
from rich.console import Console

from livesim.commands.calibrate import show_pattern
from livesim.values.pattern import OtfDamping, Pattern, PatternAngle


def shown(
    pixel_nm: float, attainable_nm: float, *, usable: bool = True, otf: OtfDamping | None = None
) -> str:
    angle = PatternAngle((5.0, 0.0), (0.0, 2.1, 4.2), (0.8,), usable=usable)
    pattern = Pattern(
        pixel_nm, (64, 64), (angle,), attainable_resolution_nm=attainable_nm, otf_damping=otf
    )
    text = io.StringIO()
    show_pattern(pattern, Console(file=text, width=200))
    return text.getvalue()


@pytest.mark.parametrize(
    ("pixel_nm", "attainable_nm", "usable", "words"),
    [
        (65.0, 95.0, True, "95 nm, limited by the aperture and the line spacing of 200 nm"),
        (110.0, 110.0, True, "limited by the sampling: raw pixels of 110 nm are too coarse"),
        (65.0, 176.0, False, "that of the widefield: no fringes were found"),
    ],
)
def test_what_limits_the_resolution_is_said(pixel_nm, attainable_nm, usable, words):
    assert words in shown(pixel_nm, attainable_nm, usable=usable)


def test_the_otf_found_is_said():
    words = "OTF damping 0.42 ± 0.03, found in the frames (0.15 is assumed where"
    assert words in shown(65.0, 95.0, otf=OtfDamping(0.42, 0.03))
    assert "OTF" not in shown(65.0, 95.0)


def test_what_nobody_has_measured_is_not_shown_as_infinite():
    words = shown(65.0, float("nan"))
    assert "inf" not in words
    assert "nan" not in words
    assert "attainable resolution unknown" in words
