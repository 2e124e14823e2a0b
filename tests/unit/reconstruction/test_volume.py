import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import livesim
from livesim.config.settings import Apodization, Optics, Reconstruction
from livesim.reconstruction.filters import apodization
from livesim.reconstruction.forward.pupil import Pupil
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.placements import BORDER, ZERO_ORDER
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.reconstruction.volume.bridge import bridged
from livesim.reconstruction.volume.defocus import ThroughFocus
from livesim.reconstruction.volume.estimate import estimate_volume_pattern
from livesim.reconstruction.volume.forward import expected_volume
from livesim.reconstruction.volume.plan import make_volume_plan
from livesim.reconstruction.volume.reconstructor import VolumeReconstructor
from livesim.reconstruction.volume.stack import VolumeOptics, VolumeStack
from livesim.values.volume_otf import VolumeOtf
from livesim.values.volume_pattern import VolumePattern
from tests.support.volume_microscope import CAMERA, three_beams

OPTICS = Optics(
    numerical_aperture=1.4,
    emission_nm=525.0,
    pixel_nm=80.0,
    refractive_index=1.515,
    otf_damping=1.0,
)
SIZE, PLANES, STEP_NM = 64, 12, 125.0
TRUE_PSI = 0.5
KNOWN = VolumeOptics(OPTICS, 488.0, 80.0, STEP_NM)


def beams(planes: int = PLANES, psi: float = 0.0, spacing_nm: float = 407.0) -> VolumePattern:
    lateral = three_beams(SIZE, first=0.3, apart=1.0, spacing_nm=spacing_nm)
    return VolumePattern(lateral, planes, STEP_NM, 488.0, 1.515, (psi,) * 3)


def scene(layers: int, seed: int) -> torch.Tensor:
    """Points along crossing lines through all layers, and beads between them."""
    random = np.random.default_rng(seed)
    scene = np.zeros((layers, 2 * SIZE, 2 * SIZE))
    for _ in range(40):
        along = random.normal(size=3) * (0.25, 1.0, 1.0)
        place = random.uniform(0.0, 1.0, 3) * scene.shape
        path = place + np.arange(-150, 150)[:, None] * along / np.linalg.norm(along)
        path = path.round().astype(int)
        inside = ((path >= 0) & (path < scene.shape)).all(axis=1)
        np.add.at(scene, tuple(path[inside].T), 1.0)
    beads = (random.uniform(0.0, 1.0, (60, 3)) * scene.shape).astype(int)
    np.add.at(scene, tuple(beads.T), 8.0)
    return torch.from_numpy(scene)


def reconstructed(frames: torch.Tensor, pattern: VolumePattern, wiener: float) -> torch.Tensor:
    plan = make_volume_plan(pattern, OPTICS, CAMERA, Reconstruction(wiener=wiener))
    return VolumeReconstructor(plan)(frames.float())


@pytest.fixture(scope="module")
def dense() -> tuple[torch.Tensor, torch.Tensor]:
    """A specimen thicker than the stack, and its frames at 300 photons."""
    specimen = scene(2 * PLANES, seed=1)
    frames = expected_volume(specimen, beams(psi=TRUE_PSI), Pupil(OPTICS), first=PLANES // 2)
    frames = frames * torch.linspace(1.0, 0.6, 15).view(3, 5, 1, 1)  # it bleaches
    drawn = torch.poisson(300.0 * frames / frames.max(), generator=torch.Generator().manual_seed(1))
    return specimen[PLANES // 2 : PLANES // 2 + PLANES], drawn


def test_a_plane_in_focus_has_the_otf_of_two_dimensions():
    focus = ThroughFocus.of(Pupil(OPTICS), 0.125, -4, 9)
    frequencies = torch.linspace(0.0, focus.cutoff, focus.table.shape[1], dtype=torch.float64)
    expected = Otf.theoretical(OPTICS)(frequencies)
    torch.testing.assert_close(focus.table[4], expected, atol=2e-3, rtol=0.0)
    torch.testing.assert_close(focus.table[:4].flip(0), focus.table[5:])
    # All light arrives, however far the plane; only its details are lost.
    torch.testing.assert_close(focus.table[:, 0], torch.ones(9, dtype=torch.float64))
    assert float(focus.table[0, 40]) < 0.2 * float(focus.table[4, 40])


def test_a_point_beside_the_focus_sees_the_axial_fringes():
    pattern = beams(planes=9, psi=0.4)
    specimen = torch.zeros(9, 2 * SIZE, 2 * SIZE, dtype=torch.float64)
    specimen[4, SIZE, SIZE] = 1.0
    frames = expected_volume(specimen, pattern, Pupil(OPTICS))
    # The light of a frame is what the point gets: 1 + its fringes, at its depth.
    for number, angle in enumerate(pattern.lateral.angles):
        kz = pattern.axial_frequency(angle.k_cycles_per_um)
        at = 2.0 * math.pi * sum(angle.k_cycles_per_um) * SIZE * 0.04
        for z in range(9):
            axial = math.cos(2.0 * math.pi * kz * (z - 4) * 0.125 + 0.4)
            for n, phase in enumerate(angle.phases_rad):
                lateral = at + phase
                light = 1.0 + 1.2 * axial * math.cos(lateral) + 0.6 * math.cos(2.0 * lateral)
                # What is cut off below zero, and the wave's jump at the border, are small.
                assert float(frames[z, number, n].sum()) * 4.0 == pytest.approx(light, abs=0.03)


def test_planes_may_come_in_any_order_and_none_may_be_missing(dense):
    _, frames = dense
    plan = make_volume_plan(beams(), OPTICS, CAMERA, Reconstruction(wiener=0.1))
    whole = VolumeReconstructor(plan)(frames.float())
    make = VolumeReconstructor(plan)
    one, other = make.begin(), make.begin()
    for z in (*range(1, PLANES, 2), *range(2, PLANES, 2)):
        make.add(one, z, frames[z].float())
        make.add(other, z, frames[z].float().flip(-1))  # another volume between its planes
    assert one.missing == {0}
    with pytest.raises(ValueError, match=r"expected all 12 planes, found none for \[0\]"):
        make.finish(one)
    make.add(one, 0, frames[0].float())
    assert torch.equal(make.finish(one), whole)
    one.restart()
    assert one.missing == set(range(PLANES))


def test_without_fringes_it_is_the_widefield_that_is_deconvolved_along_z_too(dense):
    truth, frames = dense
    true = beams()
    dark = tuple(replace(angle, usable=False) for angle in true.lateral.angles)
    without = replace(true, lateral=replace(true.lateral, angles=dark))
    plan = make_volume_plan(without, OPTICS, CAMERA, Reconstruction(wiener=0.1))
    make, preview = VolumeReconstructor(plan), torch.empty(2 * SIZE, 2 * SIZE)
    begun = make.begin()
    for z, plane in enumerate(frames):
        make.add(begun, z, plane.float(), preview)
    fine = frames.mean(dim=(1, 2)).repeat_interleave(2, -1).repeat_interleave(2, -2)
    assert similar(make.finish(begun), truth) > similar(fine, truth) + 0.03


def measured_beside_the_focus() -> VolumeOtf:
    """An objective's transfer function that is not the same above the focus as below it."""
    count, step_um = 64, 0.1
    focus = ThroughFocus.of(Pupil(OPTICS, defocus_um=0.15), step_um, -count // 2, count)
    table = torch.fft.fft(torch.fft.ifftshift(focus.table, dim=0), dim=0).T
    steps = (focus.cutoff / (len(table) - 1), 1.0 / (count * step_um))
    return VolumeOtf(table.numpy(), steps, Path("beads"))


@pytest.mark.parametrize("measured", [None, measured_beside_the_focus()], ids=["theory", "beads"])
@pytest.mark.parametrize(("planes", "shape"), [(5, (48, 64)), (12, (64, 64))])
def test_a_volume_is_what_textbooks_transforms_give(planes, shape, measured):
    """With a bridge, by discrete transforms; planes are neither folded nor rows left out."""
    true = beams(planes, TRUE_PSI)
    pattern = replace(true, lateral=replace(true.lateral, shape=shape))
    plan = make_volume_plan(pattern, OPTICS, CAMERA, Reconstruction(wiener=0.1), measured)
    orders = {one.band: one.odd is not None for one in plan.placements}
    assert orders[ZERO_ORDER] == (measured is not None)
    assert orders[0]
    make = VolumeReconstructor(plan)
    begun, random = make.begin(), torch.Generator().manual_seed(planes)
    frames = torch.rand(planes, 3, 5, *shape, generator=random)
    for z, plane in enumerate(frames):
        make.add(begun, z, plane)
    expected = make.image(textbook_spectrum(plan, frames))
    most = float(expected.abs().max())
    torch.testing.assert_close(make.finish(begun), expected, atol=1e-5 * most, rtol=0.0)
    spectrum = make.spectrum(begun)
    torch.testing.assert_close(make.image(spectrum), expected, atol=1e-5 * most, rtol=0.0)


def textbook_spectrum(plan, frames):
    """Return the sum [kz, x, 2 y] of all bands, each transformed along z and weighed as a whole."""
    opposite = torch.searchsorted(plan.depths, -plan.depths % (plan.planes + plan.bridge))
    size = (len(plan.depths), plan.columns, 2 * plan.plane.shape[0])
    whole = torch.zeros(size, dtype=torch.complex64)
    for number, band in textbook_bands(plan, frames).items():
        deep = torch.fft.fft(torch.cat((band, bridged(band, plan.bridge))), dim=0)[plan.depths]
        for place in plan.placements:
            if place.band == number:
                block = deep[:, *place.source]
                if place.mirrored:
                    block = block[opposite].flip(1, 2).conj()
                whole[:, *place.target] += block * place.weight
    return whole


@pytest.mark.parametrize("planes", [2, 3, 7])
def test_a_bridge_leads_back_without_a_jump_and_is_the_same_from_either_end(planes):
    values = torch.rand(planes, 4, generator=torch.Generator().manual_seed(1)).double()
    bridge = bridged(values, 20)
    assert float((bridge[0] - values[-1]).abs().max()) < 0.4
    assert float((bridge[-1] - values[0]).abs().max()) < 0.4
    torch.testing.assert_close(bridged(values.flip(0), 20).flip(0), bridge)
    torch.testing.assert_close(bridged(torch.ones(planes, 4), 20), torch.ones(20, 4))
    rising = bridged(torch.arange(planes).double()[:, None], 20)[:, 0]
    assert rising[0] > planes - 1 > 0.0 > rising[-1], "it goes on as it was"


def textbook_bands(plan, frames):
    """Return [z, x, y] of every band."""
    lateral, found = Reconstructor(plan.plane), []
    for plane in frames:
        one = lateral.spectra(plane)
        found.append((one.zero.clone(), one.border, one.side[..., plan.plane.rows].clone()))
    zero, border, side = (torch.stack(one) for one in zip(*found, strict=True))
    return {ZERO_ORDER: zero, BORDER: border, **dict(enumerate(side.unbind(1)))}


@pytest.mark.parametrize("side", [24, 40, 200])
def test_what_fades_out_at_the_borders_leaves_most_of_any_field(side):
    middle = VolumeStack(KNOWN, PLANES, (side, side)).window[PLANES // 2]
    assert float((middle == middle.max()).double().mean()) > 0.3
    assert float(middle[0].max()) < 0.1 * float(middle.max())


def test_without_fringes_a_volume_passes_what_the_lens_does():
    pattern = beams()
    angles = tuple(replace(angle, usable=False) for angle in pattern.lateral.angles)
    pattern = replace(pattern, lateral=replace(pattern.lateral, angles=angles))
    settings = Reconstruction(wiener=0.1, apodization=Apodization(cutoff="auto"))
    plan = make_volume_plan(pattern, OPTICS, CAMERA, settings)
    along_y = torch.fft.fftfreq(2 * SIZE, d=0.5 * OPTICS.pixel_nm / 1000.0).abs()
    beyond = along_y > OPTICS.cutoff_cycles_per_um
    assert torch.all(plan.passed[:, 0, beyond] < 1e-9)
    assert torch.all(plan.passed[0, 0, along_y < 0.9 * OPTICS.cutoff_cycles_per_um] > 0.0)


def turned(pattern: VolumePattern, shape: tuple[int, int]) -> VolumePattern:
    """Return the pattern of frames whose rows are their columns; k points to x >= 0."""
    angles = []
    for angle in pattern.lateral.angles:
        sign = math.copysign(1.0, angle.k_cycles_per_um[1])
        k = tuple(sign * one for one in reversed(angle.k_cycles_per_um))
        phases = tuple(sign * phase for phase in angle.phases_rad)
        angles.append(replace(angle, k_cycles_per_um=k, phases_rad=phases))
    lateral = replace(pattern.lateral, shape=shape, angles=tuple(angles))
    return replace(pattern, lateral=lateral)


def test_a_field_that_is_not_square_is_reconstructed_alike_along_and_across():
    high, wide = (48, 64), (64, 48)
    frames = torch.rand(PLANES, 3, 5, *high, generator=torch.Generator().manual_seed(1))
    pattern = beams()
    pattern = replace(pattern, lateral=replace(pattern.lateral, shape=high))
    along = reconstructed(frames, pattern, 0.1)
    across = reconstructed(frames.mT.contiguous(), turned(pattern, wide), 0.1)
    assert along.shape == (PLANES, 96, 128)
    error = (across.mT - along).abs().max() / along.abs().max()
    assert float(error) < 1e-4


def test_a_preview_is_the_plane_by_itself(dense):
    _, frames = dense
    plan = make_volume_plan(beams(), OPTICS, CAMERA, Reconstruction(wiener=0.1))
    make, preview = VolumeReconstructor(plan), torch.empty(2 * SIZE, 2 * SIZE)
    widefield = make.add(make.begin(), 4, frames[4].float(), preview)
    alone = Reconstructor(plan.plane)(frames[None, 4].float())
    most = float(alone.image.abs().max())
    torch.testing.assert_close(preview, alone.image[0], atol=1e-6 * most, rtol=0.0)
    assert torch.equal(widefield, alone.widefield[0])


def test_a_dense_specimen_is_seen_better_than_plane_by_plane(dense):
    specimen, frames = dense
    truth = torch.nn.functional.avg_pool3d(specimen[None], 3, 1, 1)[0]
    pattern = estimate_volume_pattern(frames, KNOWN, CAMERA)
    planewise = Reconstructor(
        make_plan(
            pattern.lateral,
            Otf.theoretical(OPTICS),
            CAMERA,
            Reconstruction(wiener=0.2),
        )
    )(frames.float()).image
    volume = reconstructed(frames, pattern, 0.2)

    assert similar(volume, truth) > similar(planewise, truth) + 0.08
    assert similar(volume, truth) > 0.85


def similar(image: torch.Tensor, truth: torch.Tensor) -> float:
    """Return the correlation of the inner planes, without borders."""
    inner = (slice(3, -3), slice(16, -16), slice(16, -16))
    pair = torch.stack([image[inner].double().flatten(), truth[inner].flatten()])
    return float(torch.corrcoef(pair)[0, 1])


def test_two_points_that_the_widefield_merges_are_told_apart():
    specimen = torch.zeros(PLANES, 2 * SIZE, 2 * SIZE, dtype=torch.float64)
    specimen[6, SIZE, SIZE - 2] = specimen[6, SIZE, SIZE + 2] = 1.0  # 160 nm apart
    specimen[4, 30, 30] = specimen[8, 30, 30] = 1.0  # 500 nm above each other
    frames = expected_volume(specimen, beams(), Pupil(OPTICS))
    volume = reconstructed(3000.0 * frames / frames.max(), beams(), 0.01)
    across, along = volume[6, SIZE], volume[:, 30, 30]
    assert float(across[SIZE]) < 0.5 * float(across[SIZE - 2 : SIZE + 3].max())
    assert float(along[6]) < 0.5 * float(along[4:9].max())
    widefield = frames.mean(dim=(1, 2))
    assert float(widefield[6, 15, 15]) > 0.9 * float(widefield[4, 15, 15])


def test_the_pattern_is_found_in_the_volume(dense):
    true = beams()
    found = estimate_volume_pattern(dense[1], KNOWN, CAMERA)
    assert found.lateral.warnings == ()
    for ours, theirs in zip(found.lateral.angles, true.lateral.angles, strict=True):
        off = np.subtract(ours.k_cycles_per_um, theirs.k_cycles_per_um)
        assert np.hypot(*off) * SIZE * 0.08 < 0.04
        centre = 2.0 * math.pi * off.sum() * SIZE * 0.04
        phase = ours.phases_rad[0] + centre - theirs.phases_rad[0]
        assert abs(math.remainder(phase, 2.0 * math.pi)) < math.radians(5.0)
        assert ours.modulation[0] == pytest.approx(1.2, rel=0.2)
        assert ours.modulation[1] == pytest.approx(0.6, rel=0.15)
    assert found.axial_phases_rad == pytest.approx((TRUE_PSI,) * 3, abs=0.12)


def test_light_from_beyond_the_stack_changes_neither_modulations_nor_the_axial_phase():
    """Without noise: a window along z on the data alone made the first order too low."""
    frames = expected_volume(
        scene(2 * PLANES, seed=2), beams(psi=TRUE_PSI), Pupil(OPTICS), first=PLANES // 2
    )
    found = estimate_volume_pattern(1000.0 * frames, KNOWN, CAMERA)
    for angle in found.lateral.angles:
        assert angle.modulation == pytest.approx((1.2, 0.6), rel=0.03)
    assert found.axial_phases_rad == pytest.approx((TRUE_PSI,) * 3, abs=0.02)


def test_lines_that_step_backwards_are_found_too():
    true = beams()
    frames = expected_volume(scene(PLANES, seed=3), true, Pupil(OPTICS))
    generator = torch.Generator().manual_seed(3)
    drawn = torch.poisson(500.0 * frames / frames.max(), generator=generator)
    found = estimate_volume_pattern(drawn.flip(2), KNOWN, CAMERA)
    assert found.lateral.warnings == ()
    for ours, theirs in zip(found.lateral.angles, true.lateral.angles, strict=True):
        off = np.subtract(ours.k_cycles_per_um, theirs.k_cycles_per_um)
        assert np.hypot(*off) * SIZE * 0.08 < 0.04
        steps = np.diff(ours.phases_rad)
        np.testing.assert_allclose(steps, -2.0 * math.pi / 5.0, atol=1e-9)


def test_the_automatic_constant_knows_the_light(dense):
    specimen, _ = dense
    light = expected_volume(
        scene(2 * PLANES, seed=1), beams(psi=TRUE_PSI), Pupil(OPTICS), first=PLANES // 2
    )
    truth = torch.nn.functional.avg_pool3d(specimen[None], 3, 1, 1)[0]
    ratios = []
    for peak in (1000.0, 40.0):
        generator = torch.Generator().manual_seed(2)
        drawn = torch.poisson(peak * light / light.max(), generator=generator)
        found = estimate_volume_pattern(drawn, KNOWN, CAMERA)
        assert found.noise_to_signal is not None
        ratios.append(found.noise_to_signal.at_cutoff)
        plan = make_volume_plan(found, OPTICS, CAMERA, Reconstruction())
        chosen = similar(VolumeReconstructor(plan)(drawn.float()), truth)
        for fixed in (0.02, 0.5):
            assert chosen > similar(reconstructed(drawn, found, fixed), truth) - 0.002
    assert 8.0 < ratios[1] / ratios[0] < 80.0


def test_noise_has_no_pattern():
    for seed in range(4):
        noise = torch.poisson(
            torch.full((6, 3, 5, SIZE, SIZE), 100.0),
            generator=torch.Generator().manual_seed(seed),
        )
        found = estimate_volume_pattern(noise, KNOWN, CAMERA)
        assert found.lateral.is_widefield_only
        assert len(found.lateral.warnings) == 3
        assert "expected" in found.lateral.warnings[0] or "contradict" in found.lateral.warnings[0]


def test_what_no_light_can_make_is_refused():
    with pytest.raises(ValueError, match="expected first-order lines wider than 322 nm"):
        beams(spacing_nm=300.0)
    coarse = replace(beams(), z_step_nm=300.0)
    with pytest.raises(ValueError, match="expected planes at most 167 nm apart"):
        make_volume_plan(coarse, OPTICS, CAMERA, Reconstruction())
    with pytest.raises(ValueError, match="expected 3 axial phases"):
        replace(beams(), axial_phases_rad=(0.0,))


def test_a_volume_is_low_passed_later_than_an_image_unless_settings_say_how():
    asked = (Apodization(), Apodization(bend=1.0))
    chosen, cosine = (
        make_volume_plan(beams(), OPTICS, CAMERA, Reconstruction(apodization=one)).passed
        for one in asked
    )
    torch.testing.assert_close(chosen, cosine**0.75)
    frequency, otf = torch.linspace(0.0, 9.0, 50), Otf.theoretical(OPTICS)
    assert torch.equal(*(apodization(frequency, one, otf, 9.0) for one in asked))


def test_no_real_inverse_goes_over_three_axes():
    rooms = Path(livesim.__file__).parent / "reconstruction"
    assert not [file for file in rooms.rglob("*.py") if "irfftn" in file.read_text("utf-8")]


@pytest.mark.recordings
def test_the_reference_programs_own_volume_gives_its_own_pattern(recordings):
    # cudasirecon's fixture: k0angles -.8043, -1.8555, .2388 rad, lines of 203.5 nm.
    import mrc

    planes = np.array(mrc.imread(recordings / "sim3d" / "raw.dv")).reshape(3, -1, 5, 64, 64)
    frames = torch.from_numpy(planes.astype(np.float64)).permute(1, 0, 2, 3, 4)
    optics = OPTICS.model_copy(update={"numerical_aperture": 1.42, "otf_damping": 0.15})
    known = VolumeOptics(optics, 488.0, 80.0, 125.0)
    found = estimate_volume_pattern(frames, known, CAMERA)
    directions, spacings = [], []
    for angle in found.lateral.angles:
        kx, ky = angle.k_cycles_per_um
        directions.append(math.atan2(ky, kx))
        spacings.append(500.0 / math.hypot(kx, ky))
    assert directions == pytest.approx((-0.8043, -1.8555 + math.pi, 0.2388), abs=0.002)
    assert spacings == pytest.approx((203.5,) * 3, abs=0.5)
    assert all(angle.usable for angle in found.lateral.angles)
