"""Compare the damping of the OTF that the settings state with that of the frames."""

from __future__ import annotations

import math

from livesim.config.settings import Optics
from livesim.reconstruction.doctor.trial import Evidence
from livesim.reconstruction.otf_damping.estimate import DampingUnknownError, find_damping
from livesim.values.finding import MOST_SURE, Fault, Finding, mending

_FAR = 3.0
"""Standard errors from which the stated damping is doubted."""
_NOTICEABLE = 1.25
"""Times too large or too small: less hardly shows in an image."""


def damping_findings(now: Evidence | None, optics: Optics) -> list[Finding]:
    """Return a finding where the stated damping is not that of the frames.

    Nothing is said where none is stated, or a measured OTF takes its place.
    """
    stated = optics.otf_damping
    if now is None or not now.usable or stated == "auto" or optics.otf_file is not None:
        return []
    try:
        found = find_damping(now.photons, now.stacks, now.pattern, optics).damping
    except DampingUnknownError:
        return []
    factor = max(found.value / stated, stated / found.value)
    far = abs(found.value - stated) / found.error
    if far <= _FAR or factor <= _NOTICEABLE:
        return []
    return [
        Finding(
            Fault.WRONG_DAMPING,
            f"{stated:g} is assumed, the frames show {found.value:.2g} ± {found.error:.1g}",
            min(math.erf(far / math.sqrt(2.0)), MOST_SURE),
            mending("optics", f"otf_damping = {found.value:.2f}"),
            'otf_damping = "auto" finds it from every recording',
            value=found.value,
        )
    ]
