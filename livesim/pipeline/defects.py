"""Find the defects of the camera of a stream, and give raw stacks on without them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from livesim.config.settings import Camera, Settings
from livesim.io.camera_map import CameraMap, camera_map
from livesim.pipeline.work import as_tensor
from livesim.reconstruction.defects.hits import HitSearch
from livesim.reconstruction.defects.replacement import Replacement, replaced
from livesim.reconstruction.defects.search import without_defects
from livesim.reconstruction.forward.sensor import Sensor
from livesim.values.defects import Defects, Place
from livesim.values.frames import RawStack
from livesim.values.pattern import Pattern
from livesim.values.wording import count


def stacks_without_defects(
    stacks: Sequence[RawStack], settings: Settings, pixel_nm: float
) -> tuple[list[RawStack], Defects]:
    """Return raw stacks with all defects replaced that they show, and what those are; dear.

    Where the settings name a map of the camera's pixels, it is applied first.

    Raises
    ------
    DataError
        If there is a map, and it cannot be used.
    """
    stacks = equalised(stacks, settings)
    counts = torch.stack([as_tensor(stack.pixels) for stack in stacks])
    clean, defects = without_defects(counts, settings.optics, settings.camera, pixel_nm)
    pairs = zip(stacks, clean, strict=True)
    return [replace(stack, pixels=pixels.numpy()) for stack, pixels in pairs], defects


def with_defects(pattern: Pattern, defects: Defects) -> Pattern:
    """Return a pattern that names these defects of the camera too, with words about new ones."""
    known = set(pattern.defects)
    new = [one for one in defects.pixels if (one.y, one.x) not in known]
    fresh = replace(defects, pixels=tuple(new))
    words = tuple(word for word in _words(fresh) if word not in pattern.warnings)
    places: tuple[Place, ...] = tuple(sorted(known | set(fresh.places)))
    if not words and places == pattern.defects:
        return pattern
    return replace(pattern, defects=places, warnings=(*pattern.warnings, *words))


def equalised(stacks: Sequence[RawStack], settings: Settings) -> list[RawStack]:
    """Return raw stacks as a camera of equal pixels would have given them; cheap without a map.

    Raises
    ------
    DataError
        If there is a map, and it cannot be used.
    """
    known = camera_map(settings.camera)
    return [_equalised(stack, known) for stack in stacks]


def sensor_of(camera: Camera) -> Sensor:
    """Return the camera whose counts `equalised` makes: every pixel has the map's read noise.

    Raises
    ------
    DataError
        If there is a map, and it cannot be used.
    """
    sensor, known = Sensor.of(camera), camera_map(camera)
    if known is None or known.read_noise is None:
        return sensor
    return replace(sensor, read_noise=torch.from_numpy(known.read_noise).double())


def _equalised(stack: RawStack, known: CameraMap | None) -> RawStack:
    if known is None or stack.equalised:
        return stack
    return replace(stack, pixels=known.equalised(stack.pixels), equalised=True)


@dataclass(frozen=True, slots=True, eq=False)
class Mended:
    """A raw stack without defects."""

    stack: RawStack
    hits: int = 0
    """Pixels of single frames that were replaced beside those that the pattern names."""


class Mending:
    """Applies the camera's map and replaces defects and hits, stack by stack.

    Where the pattern names defects it takes the time to copy a stack, and some ten microseconds to
    see whether there are hits. The same stack is always mended in the same way.

    Raises
    ------
    DataError
        If there is a map, and it cannot be used.
    """

    def __init__(self, pattern: Pattern, settings: Settings) -> None:
        self._map = camera_map(settings.camera)
        self._optics, self._pixel_nm = settings.optics, pattern.pixel_nm
        self._replace = Replacement(
            pattern.defects, pattern.shape, settings.optics, pattern.pixel_nm
        )
        self._none = not pattern.defects
        self._hits = HitSearch(settings.optics, settings.camera, pattern.pixel_nm)

    def __call__(self, stack: RawStack) -> Mended:
        """Return the stack without defects; itself where there is nothing to do."""
        stack = _equalised(stack, self._map)
        if not self._none:
            stack = replace(stack, pixels=self._replace(as_tensor(stack.pixels)).numpy())
        hits = self._hits(stack.pixels)
        if not hits:
            return Mended(stack)
        shape = (stack.pixels.shape[-2], stack.pixels.shape[-1])
        found = Defects(shape, hits=hits)
        clean = replaced(as_tensor(stack.pixels), found, self._optics, self._pixel_nm)
        return Mended(replace(stack, pixels=clean.numpy()), len(hits))


def _words(defects: Defects) -> list[str]:
    """Return what to say of the defects found; nothing where there are none."""
    words = [f"no defects of the camera are replaced: {defects.doubt}"] if defects.doubt else []
    if defects.pixels:
        words.append(f"{defects.kinds} of the camera: replaced from the pixels around")
    if defects.hits:
        hits = count(len(defects.hits), "hit")
        words.append(f"{hits} of single frames: left out of the estimate")
    return words
