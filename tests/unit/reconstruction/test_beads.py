"""The OTF from beads: its damping is found within its error, or the beads are refused."""

import math

import numpy as np
import pytest
import tifffile
import torch

from livesim.commands.otf import measure_otf
from livesim.config.settings import Optics, Settings
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.otf_damping.beads import BeadsUnknownError, bead_otf
from livesim.values.errors import DataError

SIDE, PIXEL_UM, BACKGROUND = 384, 0.08, 20.0


def optics(damping: float) -> Optics:
    return Optics(numerical_aperture=1.2, emission_nm=525.0, pixel_nm=80.0, otf_damping=damping)


def ball(frequency: torch.Tensor, diameter_um: float) -> torch.Tensor:
    """Return the transfer of a ball, as a sum over its discs."""
    heights = np.linspace(-1.0, 1.0, 401)
    at = np.linspace(0.0, float(frequency.max()), 500)
    waves = np.cos(math.pi * diameter_um * at[:, None] * heights)
    transfer = waves @ (1.0 - heights**2) / (1.0 - heights**2).sum()
    return torch.from_numpy(np.interp(frequency.numpy(), at, transfer))


def beads(damping: float, peak: float, diameter_um: float = 0.1, count: int = 40) -> torch.Tensor:
    """Return an image [y, x] of beads at random places, with shot noise."""
    random = np.random.default_rng(3)
    frequency = torch.fft.fftfreq(SIDE, PIXEL_UM, dtype=torch.float64)
    places = torch.from_numpy(random.uniform(0.0, SIDE * PIXEL_UM, (2, count)))
    y, x = torch.exp(-2j * math.pi * places[..., None] * frequency)
    brightness = torch.from_numpy(random.uniform(0.7, 1.3, count))
    spectrum = torch.einsum("b,by,bx->yx", brightness.to(y.dtype), y, x)
    radius = torch.hypot(frequency[:, None], frequency)
    seen = Otf.theoretical(optics(damping))(radius) * ball(radius, diameter_um)
    light = torch.fft.ifft2(spectrum * seen).real.clamp(min=0.0)
    light = peak * light / light.max() + BACKGROUND
    return torch.poisson(light, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("damping", [0.15, 0.4, 0.9])
@pytest.mark.parametrize("peak", [200.0, 2000.0])
def test_the_damping_is_found_within_its_error(damping, peak):
    found = bead_otf(beads(damping, peak), optics(1.0), PIXEL_UM, 0.1)
    assert found.beads > 10
    assert abs(found.damping.value - damping) < max(4.0 * found.damping.error, 0.02 * damping)
    assert found.damping.error < 0.12 * damping
    assert float((found.curve - Otf(1.0, damping)(found.frequency)).abs().max()) < 0.06


def test_beads_of_their_diameter_are_divided_out_and_those_of_another_are_refused():
    image = beads(0.4, 2000.0, diameter_um=0.25)
    assert bead_otf(image, optics(1.0), PIXEL_UM, 0.25).damping.value == pytest.approx(
        0.4, abs=0.02
    )
    with pytest.raises(BeadsUnknownError, match=r"begins with 9. % of it: beads larger than said"):
        bead_otf(image, optics(1.0), PIXEL_UM, 0.1)


def test_what_shows_no_isolated_beads_is_refused():
    empty = torch.poisson(torch.full((128, 128), 50.0), generator=torch.Generator().manual_seed(2))
    for image in (empty, beads(0.4, 500.0, count=900)):
        with pytest.raises(BeadsUnknownError, match="expected 5 or more beads without others"):
            bead_otf(image, optics(1.0), PIXEL_UM, 0.1)


def test_the_command_prints_the_line_of_the_settings(tmp_path, capsys):
    path = tmp_path / "beads.tif"
    pages = np.stack([beads(0.4, 2000.0).numpy()] * 3).astype(np.uint16)
    tifffile.imwrite(path, pages, photometric="minisblack")
    measure_otf(path, Settings(optics=optics(1.0)), 100.0)
    assert capsys.readouterr().out.startswith("otf_damping = 0.")
    with pytest.raises(DataError, match=r"none.tif: expected a TIFF of beads, found"):
        measure_otf(tmp_path / "none.tif", Settings(optics=optics(1.0)), 100.0)
