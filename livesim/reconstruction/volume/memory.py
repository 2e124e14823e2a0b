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
    area, bands = shape[0] * shape[1], angles * _ORDERS + 1
    pixels = area * (planes + bridge_length(planes))
    kept = 8 * area * planes * (bands + 1)  # spectra of the bands
    weights = 6 * pixels * bands  # at half of the axial frequencies; half of the bands have two
    known = 2 * 8 * pixels  # of the plan: what is passed, and the share that the filter leaves
    strip = 2 * 8 * pixels  # all of the result's spectrum on a GPU
    result = (16 + 16) * area * planes + 16 * pixels  # before the inverse, images, spectrum
    return kept + weights + known + strip + result


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
