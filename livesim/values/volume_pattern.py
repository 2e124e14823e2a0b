"""The frozen values of a three-beam pattern that lights a stack of planes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

from livesim.values.pattern import AxialPattern, NoiseToSignal, Pattern

IN_THREE_DIMENSIONS = "volumes are reconstructed in three dimensions"
"""Said by every recipe of volumes."""
PLAIN_IN_THREE_DIMENSIONS = f"{IN_THREE_DIMENSIONS}, without networks"
"""Said by recipes of those that no network has restored."""


@dataclass(frozen=True, slots=True)
class VolumePattern:
    """The illumination of a stack of planes, fixed to the objective while the stage moves.

    With u the distance of the focal plane from the object, away from the objective, the light is
    1 + m_1 cos(2 pi kz u + psi) cos(2 pi k.r + phi_n) + m_2 cos(2 (2 pi k.r + phi_n)) (Gustafsson
    et al., Biophys. J. 94, 4957, 2008): only the first order depends on the depth.

    Raises
    ------
    ValueError
        If the pattern has not two harmonics, its lines are finer than light can make them, or the
        axial phases are not one for each angle.
    """

    lateral: Pattern
    """k of the first order, which has twice the spacing of the finest lines; two harmonics."""
    planes: int
    z_step_nm: float
    excitation_nm: float
    refractive_index: float
    axial_phases_rad: tuple[float, ...]
    """psi of each angle: where the pattern's focus lies, against that of the detection."""
    noise_to_signal: NoiseToSignal | None = None
    """Of volumes, in frequencies of all three axes; None = not measured."""

    def __post_init__(self) -> None:
        if len(self.axial_phases_rad) != len(self.lateral.angles):
            raise ValueError(
                f"expected {len(self.lateral.angles)} axial phases, one for each angle, "
                f"found {len(self.axial_phases_rad)}"
            )
        for angle in self.lateral.angles:
            if len(angle.modulation) != 2:
                raise ValueError(
                    f"expected the two harmonics of three beams, found {len(angle.modulation)}"
                )
            self.axial_frequency(angle.k_cycles_per_um)

    @classmethod
    def of(cls, pattern: Pattern) -> Self:
        """Return what a pattern says of volumes.

        Raises
        ------
        ValueError
            If it says nothing of them, or what it says is wrong.
        """
        axial = pattern.axial
        if axial is None:
            raise ValueError("expected a pattern of volumes, found one of single planes")
        return cls(
            replace(pattern, axial=None),
            axial.planes,
            axial.z_step_nm,
            axial.excitation_nm,
            axial.refractive_index,
            axial.phases_rad,
            axial.noise_to_signal,
        )

    @property
    def pattern(self) -> Pattern:
        """The same as one pattern, as files and messages carry it."""
        axial = AxialPattern(
            self.planes,
            self.z_step_nm,
            self.excitation_nm,
            self.refractive_index,
            self.axial_phases_rad,
            self.noise_to_signal,
        )
        return replace(self.lateral, axial=axial)

    @property
    def z_step_um(self) -> float:
        """Distance of neighbouring planes."""
        return self.z_step_nm / 1000.0

    def with_noise(self, noise_to_signal: NoiseToSignal | None) -> VolumePattern:
        """Return the same pattern with a noise-to-signal ratio of the volume."""
        return replace(self, noise_to_signal=noise_to_signal)

    def moved(self, corner: tuple[int, int], shape: tuple[int, int]) -> VolumePattern:
        """Return the pattern of whole frames, this one being that of a window in them.

        Parameters
        ----------
        corner
            (y, x) of the window's first pixel.
        shape
            (y, x) of the whole frames.
        """
        pixel_um = self.lateral.pixel_nm / 1000.0
        angles = []
        for angle in self.lateral.angles:
            kx, ky = angle.k_cycles_per_um
            turn = 2.0 * math.pi * (kx * corner[1] + ky * corner[0]) * pixel_um
            phases = tuple(phase - turn for phase in angle.phases_rad)
            angles.append(replace(angle, phases_rad=phases))
        return replace(self, lateral=replace(self.lateral, angles=tuple(angles), shape=shape))

    def axial_frequency(self, k_cycles_per_um: tuple[float, float]) -> float:
        """Return kz of the first order in cycles/µm: n / lambda - sqrt((n / lambda)² - k²).

        Raises
        ------
        ValueError
            If k is as long as the light's own wave number.
        """
        own, k = 1000.0 * self.refractive_index / self.excitation_nm, math.hypot(*k_cycles_per_um)
        if k >= own:
            raise ValueError(
                f"expected first-order lines wider than {1000.0 / own:.0f} nm, the wavelength in "
                f"the medium, found {1000.0 / k:.0f} nm"
            )
        return own - math.sqrt(own**2 - k**2)
