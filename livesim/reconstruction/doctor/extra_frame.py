"""Find a frame without fringes beside those of every raw stack, such as one of the widefield."""

from __future__ import annotations

from torch import Tensor

from livesim.reconstruction.doctor.signature import signature
from livesim.values.finding import Fault, Finding

SURE = 0.98
_CLEAR = 6.0
"""Strength of fringes, in units of the noise, from which frames without any are told."""
_NONE, _ALL = 0.3, 0.5
"""Of the usual strength: what the extra frames have at the most, and all others at the least."""


def extra_frame_findings(photons: Tensor, frames: int, number: int) -> list[Finding]:
    """Return a finding where one frame more than a raw stack has returns without fringes.

    Parameters
    ----------
    photons
        [frame, y, x] in the order of acquisition.
    frames
        Of one raw stack.
    number
        Of the first frame in the recording.
    """
    period = frames + 1
    if len(photons) < period:
        return []
    strength = signature(photons, period).values.abs().amax(dim=0)
    usual = float(strength.median())
    for first in range(period) if usual > _CLEAR else ():
        extra = strength[first::period]
        others = [float(one) for at, one in enumerate(strength) if at % period != first]
        if float(extra.max()) < _NONE * usual and min(others) > _ALL * usual:
            return [_finding(tuple(range(number + first, number + len(photons), period)), frames)]
    return []


def _finding(at: tuple[int, ...], frames: int) -> Finding:
    which = f"frame {at[0]} shows" if len(at) == 1 else f"frames {at[0]}, {at[1]} and so on show"
    return Finding(
        Fault.WRONG_COUNT,
        f"{which} no fringes: one frame more than the {frames} of a raw stack",
        SURE,
        None,
        "leave these frames out of the file, which may be of the widefield, or take them as a "
        "recording of their own",
        at,
    )
