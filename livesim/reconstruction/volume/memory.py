"""Say how much memory a volume takes, before it is taken."""

from __future__ import annotations

from livesim.reconstruction.volume.bridge import bridge_length

_ORDERS = 2
_NETWORK_BYTES = 400
"""For every voxel of the doubled grid, as measured with both steps on 32 planes of 128 x 128; step
two alone takes 250."""


def volume_bytes(shape: tuple[int, int], planes: int, angles: int) -> int:
    """Return about how many bytes the reconstruction of one volume takes, plan included.

    Parameters
    ----------
    shape
        (y, x) of the raw frames.
    planes, angles
        Of the volume.
    """
    area = shape[0] * shape[1]
    pixels = area * (planes + bridge_length(planes))
    bands = angles * _ORDERS + 1
    kept = 8 * area * planes * (bands + 1) + 3 * 8 * pixels  # their spectra, one of them along z
    weights = 8 * pixels * (bands + 1)  # as large as the bands and their bridges
    result = (8 + 8) * 2 * pixels + 4 * 4 * pixels  # half spectrum and its inverse, the volume
    making = 8 * 2 * 2 * pixels  # of the plan: signal and low-pass in double precision
    return kept + weights + result + making


def volume_network_bytes(shape: tuple[int, int], planes: int) -> int:
    """Return about how many bytes a network and its arbitration take beside the reconstruction.

    Parameters
    ----------
    shape
        (y, x) of the raw frames.
    planes
        Of the volume.
    """
    return _NETWORK_BYTES * 4 * shape[0] * shape[1] * planes
