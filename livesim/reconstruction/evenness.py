"""Find frames of a raw stack that are lit otherwise than the others of their angle.

The bands of an angle are separated by what differs between its frames. Light that does, because the
source flickers or a shutter hides a part of the field, is taken for fringes and leaves stripes.
Fringes themselves are far finer than the parts of the field that are compared here, and leave their
mean light as it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d

from livesim.reconstruction.separation import Group, groups
from livesim.values.pattern import Pattern

_BLOCK = 8
"""Pixels along a side of blocks over which light is summed, or a period where that is longer."""
_BLOCKS, _FEWEST_PARTS, _PARTS = 4, 2, 4
"""Along a side: blocks in a part of the field at least, and parts."""
_OFF = 0.1
"""Share of the light by which a frame differs from the mean of its angle. In six recordings, over
as much of the field as is asked for, it was 5 % at the most."""
_ALIKE = 3.5
"""Sum of what the blocks of a part differ by, over the root of the sum of squares: where a few
structures lie on the fringes or beside, the blocks differ by chance, up and down."""
_SHARE = 3.0 / 16.0
"""Of the field's lit parts, that differ in the same direction."""
_AS_MUCH = 0.5
"""Of what a frame differs by where that is clear: parts that differ as much count as well."""
_LIT = 0.1
"""Of the brightest part."""
_FEWEST = 3
"""Frames of an angle that can be told from each other."""
_TINY = 1e-6


@dataclass(frozen=True, slots=True)
class Uneven:
    """The frame that differs most from the others of its angle."""

    frame: int
    """Position in the raw stack, flattened angle-major."""
    off: float
    """Its light over that of the others, less 1."""
    share: float
    """Of the field in which it differs."""

    @property
    def weight(self) -> float:
        """How much of the light is concerned."""
        return self.share * abs(self.off)

    @property
    def words(self) -> str:
        """What is to be said of it."""
        where = "" if self.share > 1.0 - _SHARE else f" in {100.0 * self.share:.0f} % of the field"
        how = "darker" if self.off < 0.0 else "brighter"
        return f"frame {self.frame} is {100.0 * abs(self.off):.0f} % {how}{where}"


def uneven_frames(photons: Tensor, pattern: Pattern) -> tuple[Uneven, ...]:
    """Return of every usable angle the frame that is lit otherwise, if there is one.

    How bright the pattern says that its frames are is no difference.

    Parameters
    ----------
    photons
        [frame, y, x] of one raw stack.
    pattern
        That it is restored with.
    """
    block = max(_BLOCK, math.ceil(_longest_period(pattern)))
    parts = [min(_PARTS, side // (_BLOCKS * block)) for side in photons.shape[-2:]]
    if min(parts) < _FEWEST_PARTS or pattern.too_few_frames:
        return ()
    blocks = avg_pool2d(photons[:, None].float(), block)[:, 0]
    told = (group for group in groups(pattern) if group.usable and len(group.frames) >= _FEWEST)
    worst = (_worst(blocks, (parts[0], parts[1]), group) for group in told)
    return tuple(one for one in worst if one is not None)


def _longest_period(pattern: Pattern) -> float:
    """Return the longest period of the fringes that are used, in pixels; 0 without any."""
    return max((one.period_nm for one in pattern.angles if one.usable), default=0.0) / (
        pattern.pixel_nm
    )


def _worst(blocks: Tensor, parts: tuple[int, int], group: Group) -> Uneven | None:
    own = blocks[list(group.frames)]
    brightness = group.angles[0].intensity
    if brightness:
        own = own / own.new_tensor(brightness)[:, None, None].clamp(min=1e-6)
    mean = own.mean(dim=0, keepdim=True)
    light, off, squares = (
        adaptive_avg_pool2d(one, parts) for one in (mean, own - mean, (own - mean).square())
    )
    # Of means, so the root of the number of blocks in a part is missing.
    inside = math.sqrt(blocks[0].numel() / light.numel())
    alike = inside * off.abs() / squares.clamp(min=_TINY).sqrt()
    lit = light > _LIT * light.max()
    apart = off / light.clamp(min=_TINY)
    differ = lit & (alike > _ALIKE) & (apart.abs() > _OFF)
    found: list[tuple[float, float, int]] = []
    for number, frame in enumerate(group.frames):
        for there in (differ[number] & (off[number] < 0.0), differ[number] & (off[number] > 0.0)):
            part = float(there.sum() / lit.sum().clamp(min=1))
            if part >= _SHARE:
                found.append((part, float(apart[number][there].mean()), frame))
    if not found:
        return None
    _, differs, frame = max(found, key=lambda one: one[0] * abs(one[1]))
    others = 1.0 - differs / (len(group.frames) - 1)
    # Parts of few structures differ as well, but not clearly enough to be counted before.
    as_well = lit & (apart[group.frames.index(frame)] / differs > _AS_MUCH)
    share = float(as_well.sum() / lit.sum())
    return Uneven(frame, (1.0 + differs) / max(others, _TINY) - 1.0, share)
