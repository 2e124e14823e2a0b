"""Measurements of accuracy and quality, one command each; for times there is `livesim bench`."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
MEASURED = ROOT / "docs" / "measured"
