"""Compute once what the reconstruction of a stack of planes needs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from livesim.config.settings import (
    VOLUME_BEND,
    Apodization,
    Camera,
    Optics,
    Reconstruction,
    SettingsError,
)
from livesim.reconstruction.bands import Band, separated_bands
from livesim.reconstruction.filters import APODIZATIONS, DEFAULT_WIENER
from livesim.reconstruction.layout import Layout
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.placements import (
    BORDER,
    ZERO_ORDER,
    Rectangle,
    band_rectangles,
    zero_rectangles,
)
from livesim.reconstruction.plan import Plan, make_plan
from livesim.reconstruction.volume.bridge import bridge_length
from livesim.reconstruction.volume.defocus import sampled, stack_transfer
from livesim.reconstruction.volume.measured import through_focus
from livesim.values.volume_otf import VolumeOtf
from livesim.values.volume_pattern import VolumePattern

_TINY = 1e-6
_LEAST_HELD = 1e-4
"""Of the greatest weight: what is weaker in a whole row, as what the spread function's ends leave
beyond where light can be, is not computed."""
_LEAST_FLOOR = 0.02**2
"""What is no noise either, but not what the transfer functions say: light from beyond the stack."""


@dataclass(frozen=True, eq=False)
class VolumePlacement:
    """A rectangle of a band's spectrum through all planes, and its place in the result's."""

    band: int
    """`ZERO_ORDER`, `BORDER` or the number of a band."""
    source: tuple[slice, slice]
    target: tuple[slice, slice]
    """[x, y] both."""
    mirrored: bool
    """Whether it is conjugated and turned by 180 degrees in x and y."""
    even: Tensor
    odd: Tensor | None
    """[kz, y, x, 2], for real and imaginary parts in the target's orientation: the weight is
    even - i odd at kz, 0 or more, and its conjugate at -kz. None: there is no odd part. Those for
    imaginary parts conjugate what is mirrored."""
    held: tuple[tuple[int, int, int], ...]
    """[y] how many kz, and from which x to which, hold all weights of a row that matter."""

    @classmethod
    def of(cls, band: int, part: Rectangle, weight: Tensor) -> VolumePlacement:
        """Return that of a rectangle whose weight [kz, x, y] is complex, kz 0 or more."""
        weight, power = weight.mT, weight.mT.abs()
        some = power > _LEAST_HELD * power.max()
        sign = -1.0 if part.mirrored else 1.0
        even, odd = (torch.stack((one, sign * one), dim=-1) for one in (weight.real, -weight.imag))
        is_odd = bool(odd.abs().max() > _TINY * power.max())
        return cls(
            band,
            part.source,
            part.target,
            part.mirrored,
            even.float(),
            odd.float() if is_odd else None,
            _extents(some),
        )

    @property
    def weight(self) -> Tensor:
        """[kz, x, y] complex, at all kz that the result holds."""
        real = self.even[..., 0].mT
        imaginary = torch.zeros_like(real) if self.odd is None else self.odd[..., 0].mT
        return torch.complex(both_ways(real), torch.cat((-imaginary, imaginary[1:].flip(0))))

    def to(self, device: torch.device | str) -> VolumePlacement:
        """Return it on `device`."""
        odd = None if self.odd is None else self.odd.to(device)
        return replace(self, even=self.even.to(device), odd=odd)


def both_ways(values: Tensor) -> Tensor:
    """Return what is given at kz of 0 and more, and is the same at -kz, at all [kz, ...]."""
    return torch.cat((values, values[1:].flip(0)))


def _extents(some: Tensor) -> tuple[tuple[int, int, int], ...]:
    """Return [y] how many kz, from which x to which, hold all that is true in [kz, y, x]."""
    deep, wide = some.any(dim=2), some.any(dim=0)
    count = torch.arange(1, len(some) + 1)[:, None]
    x = torch.arange(1, some.shape[2] + 1)
    first = torch.where(wide, x, len(x)).amin(dim=1) - 1
    extents = torch.stack(((deep * count).amax(dim=0), first, (wide * x).amax(dim=1)), dim=1)
    return tuple((kz, left, right) for kz, left, right in extents.tolist())


@dataclass(frozen=True, eq=False)
class VolumePlan:
    """Hold all that depends on pattern and settings alone."""

    plane: Plan
    """How each plane is separated into bands as it arrives, and how each is inverted at the end."""
    planes: int
    bridge: int
    """Further planes that lead from the last one back to the first, beyond the stack."""
    placements: tuple[VolumePlacement, ...]
    columns: int
    """Leading columns of the result's half spectrum that are not zero."""
    depths: Tensor
    """[kz], which axial frequencies the result holds, as numbers of those of the bands."""
    passed: Tensor
    """[kz, x, 2 y] 0 to 1: what of a perfect object the apodization passes."""
    share: Tensor
    """[kz, x, 2 y] 0 to 1: which share of that the filter leaves."""
    unit: float
    """Distance of the planes in depths of focus: what one layer of an object that fills the stack
    gives of the light of a widefield plane, about."""

    def to(self, device: torch.device | str) -> VolumePlan:
        """Return the plan on `device`."""
        return replace(
            self,
            plane=self.plane.to(device),
            placements=tuple(place.to(device) for place in self.placements),
            depths=self.depths.to(device),
            passed=self.passed.to(device),
            share=self.share.to(device),
        )

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return self.share.device

    @property
    def even(self) -> float:
        """What an even widefield volume of brightness 1 is in the result."""
        return 2.0 / (self.planes + self.bridge)


def make_volume_plan(
    pattern: VolumePattern,
    optics: Optics,
    camera: Camera,
    settings: Reconstruction,
    measured: VolumeOtf | None = None,
) -> VolumePlan:
    """Prepare the reconstruction of volumes taken with `pattern`; `measured` wins over theory.

    Raises
    ------
    SettingsError
        If the planes lie too far apart for what the first order holds, or Richardson-Lucy steps are
        asked for, which there are none of in three dimensions.
    """
    check_planes(pattern, optics)
    if settings.richardson_lucy_iterations:
        raise SettingsError(
            f"reconstruction.richardson_lucy_iterations: expected 0 for volumes, found "
            f"{settings.richardson_lucy_iterations}"
        )
    otf = Otf.under(pattern.lateral, optics)
    plane = make_plan(pattern.lateral, otf, camera, settings)
    layout = Layout(pattern.lateral.shape, pattern.lateral.pixel_nm / 1000.0, otf)
    zero, bands = separated_bands(pattern.lateral)
    bridge = bridge_length(pattern.planes)
    filters = _VolumeFilters(layout, pattern, optics, measured, settings, zero, bands)
    placements, share = filters.placements()
    columns = max(one.target[0].stop for one in placements)
    half = filters.kz
    depths = torch.cat((half, pattern.planes + bridge - half[1:].flip(0)))
    return VolumePlan(
        plane,
        pattern.planes,
        bridge,
        tuple(placements),
        columns,
        depths,
        both_ways(filters.low_pass()[:, :columns].float()),
        both_ways(share[:, :columns].float()),
        filters.unit,
    )


class _VolumeFilters:
    """The Wiener filter of every band (Gustafsson et al., Biophys. J. 94, 4957, 2008, eq. 12)."""

    def __init__(
        self,
        layout: Layout,
        pattern: VolumePattern,
        optics: Optics,
        measured: VolumeOtf | None,
        settings: Reconstruction,
        zero: Band,
        bands: list[Band],
    ) -> None:
        self._layout, self._pattern, self._settings = layout, pattern, settings
        self._zero, self._bands = zero, bands
        planes = self._planes = pattern.planes + bridge_length(pattern.planes)
        focus = through_focus(optics, measured, pattern.z_step_um, -(planes // 2), planes)
        self.unit = pattern.z_step_um / focus.depth_um
        tables = {ZERO_ORDER: focus.table}
        for number, band in enumerate(bands):
            angle = pattern.lateral.angles[band.angle]
            kz = pattern.axial_frequency(angle.k_cycles_per_um)
            psi = pattern.axial_phases_rad[band.angle]
            tables[number] = focus.modulated(kz, psi) if band.harmonic == 1 else focus.table
        # In units of the depth of focus: what a Wiener constant means does not depend on the stack.
        self._tables = {
            number: self.unit * stack_transfer(table, planes, focus.first)
            for number, table in tables.items()
        }
        self._cutoff_z = axial_cutoff(optics)
        every_kz = torch.arange((planes + 1) // 2).double() / (planes * pattern.z_step_um)
        self.kz = torch.nonzero(every_kz < self._reach()[1])[:, 0]
        """Which axial frequencies the result holds, 0 or more, as numbers of the bands' own."""
        self._kz = every_kz[self.kz]

    def placements(self) -> tuple[list[VolumePlacement], Tensor]:
        """Return where every part of every band goes, with its filter; and what all leave.

        That is the share [kz, x, 2 y] of what the apodization passes. All at kz of 0 or more.
        """
        parts = [(ZERO_ORDER, one) for one in zero_rectangles(self._layout)]
        for number, band in enumerate(self._bands):
            parts += [(number, one) for one in band_rectangles(self._layout, band.shift)]
        signal = self._signal(parts)
        filled = signal + self._floor()
        gain = self._passed() / filled
        placements = []
        for number, part in parts:
            filtered = self._weight(number) * self._transfer(number, part).conj()
            weight = filtered * gain[(slice(None), *part.target)]
            placements.append(VolumePlacement.of(number, part, weight))
            if number == ZERO_ORDER:
                # Jumps between opposite borders are no part of the object: only low-passed.
                low_pass = self._passed()[(slice(None), *part.target)]
                border = low_pass * self._border_scale() - weight
                placements.append(VolumePlacement.of(BORDER, part, border))
        return placements, signal / filled

    def _weight(self, number: int) -> float:
        return self._zero.weight if number == ZERO_ORDER else self._bands[number].weight

    def _transfer(self, number: int, part: Rectangle) -> Tensor:
        """Return the transfer function [kz, x, y] of a band over a rectangle."""
        fx, fy = self._layout.frequencies(part.gx, part.gy)
        fx, fy = fx - part.shift[0], fy - part.shift[1]
        inside_x = (fx * self._layout.length[1]).abs() <= self._layout.reach_x + 0.5
        inside_y = (fy * self._layout.length[0]).abs() <= self._layout.reach_y + 0.5
        relative = torch.sqrt(fx * fx + fy * fy) / self._layout.otf.cutoff
        relative = torch.where(inside_x & inside_y, relative, 1.0)
        return sampled(self._tables[number][self.kz], relative)

    def _signal(self, parts: list[tuple[int, Rectangle]]) -> Tensor:
        """Return the summed signal of all bands, [kz, x, 2 y]."""
        rows, columns = self._layout.shape
        signal = torch.zeros(len(self.kz), columns + 1, 2 * rows, dtype=torch.float64)
        for number, part in parts:
            power = self._transfer(number, part).abs().square()
            signal[(slice(None), *part.target)] += self._weight(number) * power
        return signal

    def _floor(self) -> Tensor:
        """Return the constant of the Wiener denominator [kz, x, 2 y].

        It is w squared, or the true ratio of noise to object.
        """
        wiener, noise = self._settings.wiener, self._pattern.noise_to_signal
        if wiener != "auto" or noise is None:
            return torch.tensor((DEFAULT_WIENER if wiener == "auto" else wiener) ** 2)
        fx, fy = self._frequencies()
        lateral = (fx * fx + fy * fy)[None]
        relative = torch.sqrt(lateral + self._kz.square()[:, None, None]) / self._layout.otf.cutoff
        return (noise.at_cutoff * relative**noise.exponent).clamp(min=_LEAST_FLOOR)

    def _frequencies(self) -> tuple[Tensor, Tensor]:
        """Return fx [x, 1] and fy [1, 2 y] of the result's half spectrum, cycles/µm."""
        rows, columns = self._layout.shape
        gx = torch.arange(columns + 1)[:, None]
        gy = (torch.fft.fftfreq(2 * rows) * 2 * rows).round().long()[None, :]
        return self._layout.frequencies(gx, gy)

    def _passed(self) -> Tensor:
        """Return the low-pass of the result [kz, x, 2 y], scaled for inverses without a norm."""
        rows, columns = self._layout.shape
        return self.low_pass() / (rows * columns * self._planes) * self.unit

    def low_pass(self) -> Tensor:
        """Return what of a perfect object the result passes, [kz, x, 2 y] 0 to 1."""
        fx, fy = self._frequencies()
        reach, reach_z = self._reach()
        settings: Apodization = self._settings.apodization
        edge = reach if settings.cutoff == "auto" else settings.cutoff * self._layout.otf.cutoff
        lateral = (fx * fx + fy * fy) / edge**2
        relative = torch.sqrt(lateral[None] + (self._kz / reach_z).square()[:, None, None]).clamp(
            max=1.0
        )
        passed = APODIZATIONS[settings.shape](relative).clamp(min=0.0)
        return passed ** settings.bent(VOLUME_BEND)

    def _border_scale(self) -> float:
        """Return what an even volume is divided by, of which every plane sees all others."""
        return 1.0 / float(self._tables[ZERO_ORDER][0, 0].real)

    def _reach(self) -> tuple[float, float]:
        """Return the highest lateral and axial frequencies that any band holds."""
        shifts = [math.hypot(*band.shift) for band in self._bands]
        axial = [
            self._pattern.axial_frequency(self._pattern.lateral.angles[b.angle].k_cycles_per_um)
            for b in self._bands
            if b.harmonic == 1
        ]
        lateral = self._layout.otf.cutoff + max(shifts, default=0.0)
        return lateral, self._cutoff_z + max(axial, default=0.0)


def check_planes(pattern: VolumePattern, optics: Optics) -> None:
    """Refuse planes too far apart for the finest axial detail, and stacks too thin for any.

    Raises
    ------
    SettingsError
        With the largest step, or the least depth, that would do.
    """
    depth_nm, least = pattern.planes * pattern.z_step_nm, 500.0 / axial_cutoff(optics)
    if depth_nm < least:
        raise SettingsError(
            f"expected volumes at least {least:.0f} nm deep, half the finest axial period that the "
            f"objective passes, found {pattern.planes} planes {pattern.z_step_nm:g} nm apart"
        )
    most = greatest_step_nm(pattern, optics)
    if pattern.z_step_nm > most:
        raise SettingsError(
            f"expected planes at most {most:.0f} nm apart, half the finest axial period, found "
            f"{pattern.z_step_nm:g} nm"
        )


def greatest_step_nm(pattern: VolumePattern, optics: Optics) -> float:
    """Return the distance of planes of which the finest axial period has two."""
    angles = pattern.lateral.angles
    fringes = max(pattern.axial_frequency(angle.k_cycles_per_um) for angle in angles)
    return 500.0 / (axial_cutoff(optics) + fringes)


def axial_cutoff(optics: Optics) -> float:
    """Return the highest axial frequency that the widefield microscope passes, cycles/µm."""
    index, wave_um = optics.refractive_index, optics.emission_nm / 1000.0
    return (index - math.sqrt(index**2 - optics.numerical_aperture**2)) / wave_um
