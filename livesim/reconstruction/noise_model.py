"""Say how much the pixels of an image scatter: as measured from its frames, else as was set."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from livesim.config.settings import Camera
from livesim.reconstruction.camera_noise import (
    MOST_ERROR,
    CameraNoise,
    CorrelatedNoiseError,
    Node,
    NoiseUnknownError,
    interpolated,
    measure_camera_noise,
    pooled,
)

_ALWAYS = 1e9
"""Photo-electrons that no pixel has."""


@dataclass(frozen=True, slots=True)
class NoiseModel:
    """The variance of pixels against their light, in photo-electrons as the settings count them."""

    curve: tuple[Node, ...]
    """(photo-electrons, variance), ascending; straight lines between them, level beyond."""
    measured: bool
    """Whether the frames told it; if not, it is that of the settings."""
    words: str
    """Where the numbers come from, in a sentence."""
    refusal: str | None = None
    """Why no variance of single pixels describes this noise; None where one does."""
    apart: Tensor | None = None
    """[y, x] what every pixel has more than the curve says; None = all are alike."""

    def variance(self, light: Tensor) -> Tensor:
        """Return the variance where the mean light is `light` photo-electrons, [..., y, x]."""
        common = interpolated(light, self.curve)
        return common if self.apart is None else common + self.apart.to(common)

    def of_pixels(self, read_noise: Tensor, camera: Camera) -> NoiseModel:
        """Return the same of pixels whose read noise [y, x] is known, in electrons.

        A curve that was measured holds that of common pixels, one of settings theirs.
        """
        own = read_noise.square()
        common = float(pooled(own).median()) if self.measured else camera.read_noise**2
        return replace(self, apart=own - common)


def settings_noise(camera: Camera, words: str = "as the settings say") -> NoiseModel:
    """Return the noise of a camera that is as its settings say."""
    dark = camera.read_noise**2 + 1.0 / (12.0 * camera.gain**2)
    return NoiseModel(((0.0, dark), (_ALWAYS, _ALWAYS + dark)), False, words)


def believed_noise(frames: Tensor, camera: Camera, pixel_um: float, cutoff: float) -> NoiseModel:
    """Return the noise to weigh images with: measured where the frames tell it, else the settings'.

    Dear for a frame (0.1 s for nine of 256 x 256), so it is called beside the frame path, once for
    a stream. Where only photo-electrons are at hand, they are counts of a `Camera` of gain 1.

    Parameters
    ----------
    frames
        [frame, y, x] counts of one or several raw stacks.
    camera
        As the settings say; photo-electrons are counted with its offset and gain.
    pixel_um
        Raw pixel in the specimen.
    cutoff
        Cycles/µm of the optics, 2 NA / emission wavelength.
    """
    try:
        found = measure_camera_noise(frames, pixel_um, cutoff)
    except CorrelatedNoiseError as reason:
        kept = settings_noise(camera, f"the settings' noise: {reason}")
        return NoiseModel(kept.curve, False, kept.words, str(reason))
    except NoiseUnknownError as reason:
        return settings_noise(camera, f"the settings' noise: {reason}")
    return _in_electrons(found, camera)


def _in_electrons(found: CameraNoise, camera: Camera) -> NoiseModel:
    """Return measured noise in the settings' photo-electrons."""
    if found.straight and (found.gain <= 0.0 or _uncertainty(found) > MOST_ERROR):
        return _scaled(found, camera)
    words = "measured beyond the optics' cut-off"
    if not found.straight:
        words += "; it does not grow in a straight line with the light"
    return NoiseModel(_electrons(found.curve(), camera), True, words)


def _electrons(curve: tuple[Node, ...], camera: Camera) -> tuple[Node, ...]:
    offset, gain = camera.offset, camera.gain
    return tuple(((counts - offset) / gain, variance / gain**2) for counts, variance in curve)


def _scaled(found: CameraNoise, camera: Camera) -> NoiseModel:
    """Return the settings' noise times a measured factor, where the light is too even for more."""
    kept = settings_noise(camera)
    light, variances = torch.tensor(_electrons(found.nodes, camera), dtype=torch.float64).T
    factor = float((variances / kept.variance(light)).median())
    curve = tuple((at, factor * variance) for at, variance in kept.curve)
    words = f"{factor:.2g} times the settings', measured; the light is too even to tell more"
    return NoiseModel(curve, True, words)


def _uncertainty(found: CameraNoise) -> float:
    """Return the variance's relative error where it is largest of the light that occurs."""
    return max(found.error(at) / max(found.line(at), 1e-30) for at in found.light)
