"""Draw scale bars and words into pictures that are saved; the window draws its own with Qt."""

from __future__ import annotations

from functools import cache

from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from livesim.images.scale_bar import scale_bar

FONTS = ("DejaVuSans.ttf", "arial.ttf", "Arial.ttf", "LiberationSans-Regular.ttf")
"""Sans-serif fonts of Linux, Windows and macOS, wherever the system keeps its fonts."""
SMALLEST_LETTERS = 14
LETTERS_IN_SIDE = 24
"""The letters' height in the shorter side of a picture."""
INK, OUTLINE = "white", "black"


def letter_height(picture: Pillow.Image) -> int:
    """Return how tall letters are, in pixels; also the margin around what is drawn."""
    return max(SMALLEST_LETTERS, min(picture.size) // LETTERS_IN_SIDE)


def draw_scale_bar(picture: Pillow.Image, pixel_um: float) -> None:
    """Draw a bar into the lower right corner, its length written above it.

    Parameters
    ----------
    picture
        Grey or RGB; drawn into.
    pixel_um
        Of the picture.
    """
    bar = scale_bar(picture.width * pixel_um)
    size = letter_height(picture)
    right, bottom = picture.width - size, picture.height - size
    left, top = right - round(bar.length / pixel_um) + 1, bottom - max(3, size // 5)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), fill=OUTLINE)
    draw.rectangle((left, top, right, bottom), fill=INK)
    draw_words(picture, ((left + right) / 2, top - size / 4), bar.words, anchor="mb")


def draw_words(
    picture: Pillow.Image, at: tuple[float, float], words: str, *, anchor: str = "la"
) -> None:
    """Write words at a place, outlined; `anchor` as Pillow names it."""
    size = letter_height(picture)
    font, has_micro = _font(size)
    shown = words if has_micro else words.replace("µ", "u")
    outline = max(1, size // 12)
    draw = ImageDraw.Draw(picture)
    draw.text(at, shown, INK, font, anchor, stroke_width=outline, stroke_fill=OUTLINE)


@cache
def _font(size: int) -> tuple[ImageFont.FreeTypeFont | ImageFont.ImageFont, bool]:
    """Return the first of FONTS this machine has, or Pillow's own; and whether it knows "µ"."""
    for name in FONTS:
        try:
            return ImageFont.truetype(name, size), True
        except OSError:
            continue
    return ImageFont.load_default(size), False
