"""Measured transfer functions of volumes: what a file says is found on the planes of a stack."""

import math

import numpy as np
import pytest
import tifffile
import torch

from livesim.config.settings import Camera, Optics
from livesim.io.read.volume_otf import read_volume_otf
from livesim.reconstruction.forward.pupil import Pupil
from livesim.reconstruction.volume.defocus import ThroughFocus
from livesim.reconstruction.volume.estimate import estimate_volume_pattern
from livesim.reconstruction.volume.measured import through_focus
from livesim.reconstruction.volume.stack import VolumeOptics
from livesim.values.errors import DataError

STEP_UM, COUNT, KR = 0.1, 64, 100
STEPS = (0.06, 1.0 / (STEP_UM * COUNT))
OPTICS = Optics(numerical_aperture=1.3, emission_nm=560.0, refractive_index=1.515, otf_damping=0.4)


@pytest.fixture(scope="module")
def table():
    """Return the tables [order, kr, kz] of an ideal objective, brighter than theory's."""
    focus = ThroughFocus.of(Pupil(OPTICS), STEP_UM, -COUNT // 2, COUNT)
    radius = np.arange(KR) * STEPS[0] / focus.cutoff * (focus.table.shape[1] - 1)
    known = np.arange(focus.table.shape[1])
    rows = np.stack([np.interp(radius, known, row, right=0.0) for row in focus.table.numpy()])
    over_kz = np.fft.fft(np.fft.ifftshift(rows, axes=0), axis=0).T
    return 7.0 * np.stack([over_kz] * 3)


def optics(path, steps=STEPS):
    return OPTICS.model_copy(update={"otf_file": path, "otf_step_per_um": steps})


def interleaved(table):
    return np.stack([table.real, table.imag], axis=-1).reshape(3, KR, 2 * COUNT).astype(np.float32)


def write(folder, values):
    tifffile.imwrite(folder / "otf.tif", values, photometric="minisblack")


def test_a_table_becomes_the_planes_of_any_stack(table, tmp_path):
    write(tmp_path, interleaved(table))
    chosen = optics(tmp_path / "otf.tif")
    found = through_focus(chosen, read_volume_otf(chosen), 0.13, -7, 15)
    expected = ThroughFocus.of(Pupil(OPTICS), 0.13, -7, 15).table
    inner = slice(10, 180)
    torch.testing.assert_close(found.table[:, inner], expected[:, inner], atol=0.015, rtol=0.0)
    assert found.depth_um == pytest.approx(0.56 * 1.515 / 1.69)


def test_beyond_the_end_of_a_table_nothing_is_known(table, tmp_path):
    shown = 70  # of the columns, up to 4.2 of 4.6 cycles/um
    short = interleaved(table)[:, :shown]
    write(tmp_path, short)
    chosen = optics(tmp_path / "otf.tif")
    found = through_focus(chosen, read_volume_otf(chosen), 0.13, -7, 15)
    radius = torch.linspace(0.0, found.cutoff, found.table.shape[1], dtype=torch.float64)
    beyond = radius > (shown - 1) * STEPS[0]
    assert 0 < beyond.sum() < 30
    assert torch.all(found.table[:, beyond] == 0.0)
    assert torch.any(found.table[:, ~beyond][:, -1] != 0.0)


def test_amplitudes_alone_are_read_too(table, tmp_path):
    write(tmp_path, np.abs(table).astype(np.float32))
    found = read_volume_otf(optics(tmp_path / "otf.tif"))
    np.testing.assert_allclose(found.table.real, np.abs(table[0]), rtol=1e-5)
    assert found.table.shape == (KR, COUNT)


@pytest.mark.parametrize(
    ("change", "steps", "sentence"),
    [
        (lambda t: t, None, "expected otf_step_per_um"),
        (lambda t: t[:2], STEPS, "expected for volumes tables"),
        (lambda t: t[0], STEPS, "expected for volumes tables"),
        (lambda t: t * np.nan, STEPS, "finite"),
        (lambda t: t[..., 1:], STEPS, "real and imaginary parts in turn along kz, found 127"),
    ],
)
def test_what_is_no_table_is_refused(change, steps, sentence, table, tmp_path):
    write(tmp_path, change(interleaved(table)))
    with pytest.raises(DataError, match=sentence):
        read_volume_otf(optics(tmp_path / "otf.tif", steps))


def test_a_table_of_other_steps_is_no_otf_of_this_aperture(table, tmp_path):
    write(tmp_path, interleaved(table))
    wrong = optics(tmp_path / "otf.tif", (STEPS[0], 5.0 * STEPS[1]))
    with pytest.raises(DataError, match=r"found a correlation of .*otf_step_per_um may be wrong"):
        through_focus(wrong, read_volume_otf(wrong), 0.125, -12, 24)


@pytest.mark.recordings
def test_the_reference_programs_own_table_fits_its_own_volume(recordings):
    import mrc

    planes = np.array(mrc.imread(recordings / "sim3d" / "raw.dv")).reshape(3, -1, 5, 64, 64)
    frames = torch.from_numpy(planes.astype(np.float64)).permute(1, 0, 2, 3, 4)
    chosen = Optics(
        numerical_aperture=1.42,
        emission_nm=525.0,
        refractive_index=1.515,
        otf_file=recordings / "sim3d" / "otf.dv",
        otf_step_per_um=(1.0 / (0.08 * 256), 1.0 / (0.125 * 65)),
    )
    known = VolumeOptics(chosen, 488.0, 80.0, 125.0, read_volume_otf(chosen))
    found = estimate_volume_pattern(frames, known, Camera())
    for angle in found.lateral.angles:
        assert 500.0 / math.hypot(*angle.k_cycles_per_um) == pytest.approx(203.5, abs=0.3)
        # Three beams as strong as each other: the first order is twice the second, 4/3 at most.
        first, second = angle.modulation
        assert first == pytest.approx(2.0 * second, rel=0.06)
        assert 1.1 < first < 4.0 / 3.0
