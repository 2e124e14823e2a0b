import math
from types import SimpleNamespace

import pytest
import torch

from livesim.reconstruction.estimate.band_overlap_grid import BandOverlapGrid
from livesim.reconstruction.estimate.grid import EstimationGrid
from livesim.reconstruction.otf import Otf

OTF = Otf(cutoff=4.5)
PIXEL_UM = 0.08


def overlap_of(k: tuple[float, float]) -> tuple[BandOverlapGrid, EstimationGrid]:
    grid = EstimationGrid((96, 120), PIXEL_UM, OTF)
    steady = SimpleNamespace(power=torch.ones(200), trust=grid.window)
    return BandOverlapGrid(grid, steady, k), grid  # type: ignore[arg-type]


VECTORS = [(4.0, -0.4), (2.9, 2.9), (0.1, 4.1), (2.4, -3.3)]


@pytest.mark.parametrize("k", VECTORS)
def test_the_grid_holds_all_that_two_disks_share(k):
    shared, grid = overlap_of(k)
    reach, half = OTF.cutoff, math.hypot(*k) / 2
    area = 2 * (reach**2 * math.acos(half / reach) - half * math.sqrt(reach**2 - half**2))
    sample = math.prod(1.0 / (n * PIXEL_UM) for n in grid.shape)
    found = ((shared.near > 0.0) & (shared.far > 0.0)).sum() * sample
    assert float(found) == pytest.approx(area, rel=0.01)
    assert math.prod(shared.shape) < math.prod(grid.shape)


def back_to_fft_order(shape: tuple[int, int]) -> torch.Tensor:
    """Return what turns images whose zero frequency is in the middle."""
    along_y, along_x = (
        torch.exp(-2j * torch.pi * (n // 2) / n * torch.arange(n, dtype=torch.float64))
        for n in shape
    )
    return along_y[:, None] * along_x


@pytest.mark.parametrize("k", VECTORS)
def test_images_are_the_frames_turned_back_by_half_of_k(k):
    shared, grid = overlap_of(k)
    x, y = grid.x, grid.y
    blob = torch.exp(-(x**2 + y**2) / (2 * 0.9**2))  # narrow in frequency, nothing at the border
    frame = (blob * torch.cos(math.pi * (k[0] * x + k[1] * y) + 0.7)).float()
    found = shared.images(shared.moved(torch.fft.rfft2(frame))) * back_to_fft_order(shared.shape)
    small = torch.exp(-(shared.x**2 + shared.y**2) / (2 * 0.9**2))
    scale = math.prod(grid.shape) / math.prod(shared.shape)
    expected = 0.5 * scale * small * complex(math.cos(0.7), math.sin(0.7))
    inside = small > 0.1
    error = (found - expected)[inside].abs().max() / expected.abs().max()
    assert float(error) < 0.02


def test_both_bands_fade_where_the_lens_ends_and_nowhere_else():
    shared, grid = overlap_of((2.9, 2.9))
    rows, columns = (torch.arange(n) - n // 2 for n in shared.shape)
    gy, gx = rows[:, None] * grid.steps[0], columns * grid.steps[1]
    outer = torch.maximum(
        *(torch.hypot(gy - s * shared.k[1] / 2, gx - s * shared.k[0] / 2) for s in (1, -1))
    )
    assert torch.all(shared.fade[outer >= OTF.cutoff] == 0.0)
    assert torch.all(shared.fade[outer < 0.96 * OTF.cutoff] == 1.0)
    edge = (outer > 0.97 * OTF.cutoff) & (outer < OTF.cutoff)
    assert torch.all((shared.fade[edge] > 0.0) & (shared.fade[edge] < 1.0))


def test_the_zero_order_lies_half_of_k_the_other_way():
    shared, grid = overlap_of((2.9, 2.9))
    rows, columns = (torch.arange(n) - n // 2 for n in shared.shape)
    radius = torch.hypot(
        rows[:, None] * grid.steps[0] - shared.k[1] / 2, columns * grid.steps[1] - shared.k[0] / 2
    )
    torch.testing.assert_close(shared.near, OTF(radius), atol=1e-5, rtol=0.0)
