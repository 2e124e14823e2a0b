"""Compute once what a reconstruction needs, from optics, pattern and settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from livesim.config.settings import Camera, Reconstruction
from livesim.reconstruction.bands import Band, separated_bands
from livesim.reconstruction.few_frames import FewFrames
from livesim.reconstruction.filters import Filters
from livesim.reconstruction.grid import edge_window, positions
from livesim.reconstruction.layout import Layout
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.placements import Placement, band_placements, zero_placements
from livesim.values.pattern import Pattern

EDGE_PIXELS = 8
"""Border over which the side bands fade out, so that their periodic jump makes no ringing."""


@dataclass(frozen=True, eq=False)
class Plan:
    """Hold all that depends on settings alone; docs/design/reconstruction.md has the transforms."""

    shape: tuple[int, int]
    """(y, x) of the raw frames."""
    unmixing: Tensor
    """[1 + 2 bands, frame]: the zero order, then the real and the imaginary parts of the bands."""
    bias: Tensor
    """[1 + 2 bands, 1]: what the camera's offset contributes, to be added."""
    ramps: Tensor
    """[band, y, x] complex: sub-pixel shift, centring and edge window in one."""
    columns: slice
    """Of the bands' centred spectra, those inside the OTF."""
    rows: slice
    zero_columns: int
    """Leading columns of the zero order's half spectrum inside the OTF."""
    border: tuple[Tensor, Tensor]
    """[x, y] each: from the spectra of the jumps between opposite borders to the smooth part."""
    placements: tuple[Placement, ...]
    half_columns: int
    """Leading columns of the result's half spectrum that are not zero."""
    transfer: Tensor
    """[2 y, x + 1] effective transfer function of the result, for Richardson-Lucy."""
    richardson_lucy_iterations: int
    few_frames: FewFrames | None = None
    """Where the frames are too few to separate the bands: makes the image instead of all that."""
    processed: bool = False
    """Whether frames and image are processed as the MPhil report does; they are then of 16 bits."""

    def for_photons(self, camera: Camera) -> Plan:
        """Return the plan for frames in photo-electrons; this one is for counts of `camera`."""
        few = self.few_frames and self.few_frames.for_photons()
        gain = 1.0 if self.processed else camera.gain
        unmixing, bias = self.unmixing * gain, torch.zeros_like(self.bias)
        return replace(self, unmixing=unmixing, bias=bias, few_frames=few)

    def to(self, device: torch.device | str) -> Plan:
        """Return the plan on `device`."""
        return self.mapped(lambda values: values.to(device))

    def mapped(self, change: Callable[[Tensor], Tensor]) -> Plan:
        """Return the plan with every tensor replaced by what `change` makes of it."""
        return replace(
            self,
            unmixing=change(self.unmixing),
            bias=change(self.bias),
            ramps=change(self.ramps),
            border=(change(self.border[0]), change(self.border[1])),
            placements=tuple(
                replace(place, weight=change(place.weight)) for place in self.placements
            ),
            transfer=change(self.transfer),
            few_frames=self.few_frames and self.few_frames.mapped(change),
        )

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All of them, in the order in which `mapped` meets them."""
        weights = (place.weight for place in self.placements)
        few = () if self.few_frames is None else self.few_frames.tensors
        return (self.unmixing, self.bias, self.ramps, *self.border, *weights, self.transfer, *few)

    @property
    def form(self) -> tuple[object, ...]:
        """All but the tensors' values: plans whose forms are equal differ in nothing else."""
        places = tuple((p.band, p.source, p.target, p.mirrored) for p in self.placements)
        shapes = tuple(values.shape for values in self.tensors)
        bounds = (self.columns, self.rows, self.zero_columns, self.half_columns)
        around = (self.richardson_lucy_iterations, self.processed)
        return (self.shape, places, shapes, bounds, *around)


def make_plan(
    pattern: Pattern,
    otf: Otf,
    camera: Camera,
    settings: Reconstruction,
    *,
    device: torch.device | str = "cpu",
) -> Plan:
    """Prepare the reconstruction of stacks taken with `pattern`.

    Angles that are not usable contribute their zero order only. Where frames are too few to
    separate bands, `few_frames` makes the image. Where the settings ask for the report's
    processing, counts are not taken for photo-electrons: they are scaled, stack by stack.
    """
    processed = settings.processing == "report"
    if processed:
        camera = Camera()
    zero, bands = separated_bands(pattern)
    layout = Layout(pattern.shape, pattern.pixel_nm / 1000.0, otf)
    filters = Filters(layout, otf, settings, zero.weight, bands, pattern.noise_to_signal)
    placements = [
        p for number in range(len(bands)) for p in band_placements(layout, filters, number)
    ]
    placements += zero_placements(layout, filters)
    border = _border(layout)
    rows = torch.stack([zero.row.real] + [b.row.real for b in bands] + [b.row.imag for b in bands])
    unmixing = rows / camera.gain
    plan = Plan(
        shape=pattern.shape,
        unmixing=unmixing.float(),
        bias=(-camera.offset * unmixing.sum(dim=1, keepdim=True)).float(),
        ramps=_ramps(layout, bands),
        columns=layout.box_x,
        rows=layout.box_y,
        zero_columns=layout.reach_x + 1,
        border=border,
        placements=tuple(placements),
        half_columns=max(p.target[0].stop for p in placements),
        transfer=filters.transfer.float(),
        richardson_lucy_iterations=settings.richardson_lucy_iterations,
        few_frames=FewFrames.of(pattern, otf, camera, settings) if pattern.too_few_frames else None,
        processed=processed,
    )
    return plan.to(device)


def _ramps(layout: Layout, bands: list[Band]) -> Tensor:
    """Return exp(2 pi i (centre + sub-pixel shift).r) times the edge window, [band, y, x]."""
    window = edge_window(layout.shape, EDGE_PIXELS)
    rows, columns = layout.shape
    y, x = positions(layout.shape, 1.0)
    ramps = []
    for band in bands:
        _, (rest_x, rest_y) = layout.split(band.shift)
        turn_x = (layout.centre[1] + rest_x) / columns
        turn_y = (layout.centre[0] + rest_y) / rows
        ramps.append(window * torch.exp(2j * torch.pi * (turn_y * y + turn_x * x)))
    if not ramps:
        return torch.zeros(0, *layout.shape, dtype=torch.complex64)
    return torch.stack(ramps).to(torch.complex64)


def _border(layout: Layout) -> tuple[Tensor, Tensor]:
    """Return the factors that turn the jumps between opposite borders into the smooth part.

    An image is a periodic one plus a smooth one that holds the jumps at its borders (Moisan,
    J. Math. Imaging Vis. 39, 161, 2011, eq. 11). Only the periodic one may be deconvolved: the
    jumps are no part of the object.
    """
    rows, columns = layout.shape
    index_x = torch.arange(layout.reach_x + 1, dtype=torch.float64)[:, None]
    turn_x = 2.0 * torch.pi / columns * index_x
    turn_y = 2.0 * torch.pi / rows * torch.arange(rows, dtype=torch.float64)[None, :]
    curvature = 2.0 * torch.cos(turn_x) + 2.0 * torch.cos(turn_y) - 4.0
    curvature[0, 0] = torch.inf
    across_rows = (1.0 - torch.exp(1j * turn_y)) / curvature
    across_columns = (1.0 - torch.exp(1j * turn_x)) / curvature
    return across_rows.to(torch.complex64), across_columns.to(torch.complex64)
