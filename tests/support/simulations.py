"""Settings of a small simulated microscope for tests."""

from __future__ import annotations

from pathlib import Path

from livesim.config.settings import Settings, parse_settings

SIZE = (64, 48)
OPTICS = {
    "numerical_aperture": 1.4,
    "emission_nm": 520.0,
    "pixel_nm": 80.0,
    "otf_damping": 0.5,
}
CAMERA = {"offset": 100.0, "gain": 2.0, "read_noise": 1.0}


def settings(
    *,
    optics: dict | None = None,
    pattern: dict | None = None,
    camera: dict | None = None,
    true_pattern: dict | None = None,
    true_camera: dict | None = None,
    **simulation,
) -> Settings:
    """Return small settings; other keywords are keys and tables of `[simulation]`."""
    true = {"pattern": true_pattern or {}, "camera": true_camera or {}}
    return parse_settings(
        {
            "optics": OPTICS | (optics or {}),
            "camera": CAMERA | (camera or {}),
            "pattern": pattern or {},
            "simulation": {"size": SIZE, "seed": 3, "time_points": 2} | true | simulation,
        },
        "test",
    )


def settings_file(folder: Path, **changes) -> Path:
    """Write such settings to a file."""
    path = folder / "microscope.toml"
    path.write_text(settings(**changes).to_toml(), encoding="utf-8")
    return path
