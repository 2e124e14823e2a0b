"""Draw lines, rings, sheets, leaves, spots, text and charts."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from string import ascii_letters, digits, punctuation

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from livesim_models.data.varied.photographs import Picture
from livesim_models.data.varied.textures import Random, fractal, log_uniform, scaled

_FINER = 3
"""Pixels of the drawing along one of the picture."""
_SIGNS = ascii_letters + digits + punctuation + "     "
_FONTS = ("DejaVuSans.ttf", "DejaVuSerif.ttf", "DejaVuSansMono-Bold.ttf", "STIXGeneralItalic.ttf")
Points = list[tuple[float, float]]
_AROUND = 2.0 * np.pi * np.arange(20) / 20
"""Directions in which the rim of an ellipse has points."""


class _Canvas:
    """Holds a drawing that is finer than the picture; what is drawn later covers what was there."""

    def __init__(self, side: int) -> None:
        self.side, self.fine = side, _FINER * side
        self._image = Image.new("F", (self.fine, self.fine))
        self.draw = ImageDraw.Draw(self._image)

    def picture(self) -> Picture:
        """Return the picture [side, side], 0 to 1."""
        return scaled(np.asarray(self._image.reduce(_FINER)))


def bundles(side: int, random: Random) -> Picture:
    """Return bent lines of mixed widths [side, side], alone and side by side, that cross."""
    canvas = _Canvas(side)
    bend, width = log_uniform(0.005, 0.15, random), log_uniform(0.5, 6.0, random)
    for _ in range(int(log_uniform(2, 40, random))):
        middle = _walk(canvas.fine, bend, random)
        apart = _FINER * log_uniform(1.0, 8.0, random)
        for number in range(int(random.integers(1, 4))):
            thick = max(1, round(_FINER * width * log_uniform(0.5, 2.0, random)))
            line = [(x + number * apart, y + 0.4 * number * apart) for x, y in middle]
            canvas.draw.line(line, fill=random.uniform(0.2, 1.0), width=thick, joint="curve")
    return canvas.picture()


def _walk(side: int, bend: float, random: Random) -> Points:
    """Return points of a line that bends by chance, three fine pixels apart."""
    count = int(log_uniform(10, side / 2, random))
    heading = random.uniform(0.0, 2.0 * np.pi) + np.cumsum(random.normal(0.0, bend, count))
    x, y = random.uniform(0.0, side, 2)
    xs, ys = x + 3.0 * np.cumsum(np.cos(heading)), y + 3.0 * np.cumsum(np.sin(heading))
    return list(zip(xs.tolist(), ys.tolist(), strict=True))


def bodies(side: int, random: Random) -> Picture:
    """Return round bodies [side, side]: filled, or rings with something inside."""
    canvas, size = _Canvas(side), log_uniform(1.5, 0.35 * side, random)
    hollow = random.random() < 0.5
    for _ in range(int(log_uniform(2, 60, random))):
        radius = _FINER * size * log_uniform(0.5, 1.5, random)
        x, y = random.uniform(0.0, canvas.fine, 2)
        flat = random.uniform(0.5, 1.0)
        box = (x - radius, y - flat * radius, x + radius, y + flat * radius)
        tone = random.uniform(0.2, 1.0)
        if not hollow:
            canvas.draw.ellipse(box, fill=tone)
            continue
        wall = max(1, round(_FINER * random.uniform(0.5, 3.0)))
        canvas.draw.ellipse(box, fill=random.uniform(0.0, 0.3), outline=tone, width=wall)
        for _ in range(int(random.integers(0, 6))):
            cx, cy = x + radius * random.uniform(-0.6, 0.6), y + flat * radius * 0.6
            end = (cx + radius * random.uniform(-0.4, 0.4), y - flat * radius * 0.6)
            canvas.draw.line([(cx, cy), end], fill=tone, width=wall)
    return canvas.picture()


def sheets(side: int, random: Random) -> Picture:
    """Return flat patches with straight and bent rims [side, side], on top of each other."""
    canvas = _Canvas(side)
    for _ in range(int(log_uniform(2, 25, random))):
        x, y = random.uniform(0.0, canvas.fine, 2)
        corners = int(random.integers(3, 9))
        around = np.sort(random.uniform(0.0, 2.0 * np.pi, corners))
        away = _FINER * log_uniform(2.0, 0.5 * side, random) * random.uniform(0.5, 1.0, corners)
        rim = zip(x + away * np.cos(around), y + away * np.sin(around), strict=True)
        canvas.draw.polygon([(float(a), float(b)) for a, b in rim], fill=random.uniform(0.0, 1.0))
    return canvas.picture()


def leaves(side: int, random: Random) -> Picture:
    """Return opaque leaves of all sizes [side, side], plain and rough ones, on top of each other.

    Dead leaves have the edges and the spectrum of photographs: Lee, Mumford & Huang, Int. J.
    Comput. Vis. 41, 35 (2001). As many are of a size as its inverse cube says.
    """
    tones, roughness = _Canvas(side), _Canvas(side)
    least, most = log_uniform(1.0, 4.0, random), log_uniform(0.1, 0.6, random) * side
    rough, angular = random.uniform(0.0, 1.0, 2)
    for _ in range(int(log_uniform(150, 1500, random))):
        radius = least / np.sqrt(1.0 - random.random() * (1.0 - (least / most) ** 2))
        rim = _leaf(tones.fine, _FINER * float(radius), random, angular=random.random() < angular)
        tones.draw.polygon(rim, fill=random.uniform(0.0, 1.0))
        roughness.draw.polygon(rim, fill=random.uniform(0.0, 1.0) * (random.random() < rough))
    texture = fractal(side, random) - np.float32(0.5)
    return scaled(tones.picture() + roughness.picture() * texture)


def _leaf(side: int, radius: float, random: Random, *, angular: bool) -> Points:
    """Return the rim of an ellipse, or of a rectangle."""
    flat, turn = random.uniform(0.3, 1.0), random.uniform(0.0, np.pi)
    y, x = random.uniform(-0.05, 1.05, 2) * side
    around = 2.0 * np.pi * (np.arange(4) + 0.5) / 4 if angular else _AROUND
    along, across = radius * np.cos(around), flat * radius * np.sin(around)
    xs = x + np.cos(turn) * along - np.sin(turn) * across
    ys = y + np.sin(turn) * along + np.cos(turn) * across
    return list(zip(xs.tolist(), ys.tolist(), strict=True))


def spots(side: int, random: Random) -> Picture:
    """Return points [side, side] of unlike brightness, strewn evenly or in heaps."""
    count, heaps = int(log_uniform(3, 600, random)), int(random.integers(1, 12))
    y, x = random.uniform(0.0, side, (2, count))
    if random.random() < 0.5:
        centres, spread = random.uniform(0.0, side, (2, heaps)), log_uniform(2.0, 20.0, random)
        own = random.integers(0, heaps, count)
        y, x = centres[:, own] + random.normal(0.0, spread, (2, count))
    tone = np.exp(random.normal(0.0, random.uniform(0.0, 1.0), count))
    picture = np.zeros((side, side))
    np.add.at(picture, (y.astype(int) % side, x.astype(int) % side), tone)
    return scaled(picture)


def writing(side: int, random: Random) -> Picture:
    """Return lines of random signs [side, side], dark on light or light on dark, turned."""
    wide = 2 * side
    canvas = _Canvas(wide)
    size = log_uniform(4.0, 24.0, random)
    font = _font(_FONTS[int(random.integers(len(_FONTS)))], round(_FINER * size))
    for top in np.arange(0.0, wide, 1.3 * size):
        signs = "".join(random.choice(list(_SIGNS), int(2.5 * wide / size)).tolist())
        canvas.draw.text((0.0, _FINER * top), signs, fill=random.uniform(0.5, 1.0), font=font)
    turned = Image.fromarray(canvas.picture()).rotate(
        random.uniform(0.0, 360.0), Image.Resampling.BILINEAR
    )
    first = side // 2
    return scaled(np.asarray(turned)[first : first + side, first : first + side])


@cache
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    path = files("matplotlib").joinpath("mpl-data", "fonts", "ttf", name)
    return ImageFont.truetype(str(path), size)


def chart(side: int, random: Random) -> Picture:
    """Return a drawing [side, side] of bars, curves, boxes and disks."""
    canvas = _Canvas(side)
    fine = canvas.fine
    for _ in range(int(log_uniform(3, 40, random))):
        x, y = random.uniform(-0.1, 1.0, 2) * fine
        w, h = (_FINER * log_uniform(1.0, 0.6 * side, random) for _ in range(2))
        tone, style = random.uniform(0.0, 1.0), int(random.integers(4))
        thick = max(1, round(_FINER * log_uniform(0.5, 4.0, random)))
        if style == 0:
            canvas.draw.rectangle((x, y, x + w, y + h), fill=tone)
        elif style == 1:
            canvas.draw.rectangle((x, y, x + w, y + h), outline=tone, width=thick)
        elif style == 2:
            canvas.draw.arc((x, y, x + w, y + h), 0.0, random.uniform(30, 360), tone, thick)
        else:
            ends = random.uniform(0.0, fine, 4).tolist()
            canvas.draw.line(ends, fill=tone, width=thick)
    return canvas.picture()
