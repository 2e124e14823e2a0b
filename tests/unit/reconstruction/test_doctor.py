"""Simulated faults against what the doctor says of them; 100 photons at the brightest pixel."""

import itertools
import tomllib

import numpy as np
import pytest
import torch

from livesim.config.settings import PatternSettings, Settings, parse_settings
from livesim.reconstruction.doctor.evidence import judge
from livesim.reconstruction.doctor.examine import examine, examine_stacks, in_order
from livesim.reconstruction.doctor.modulation import FEW_POINTS
from livesim.reconstruction.doctor.sequence import Layout, possible_orders
from livesim.reconstruction.doctor.signature import signature
from livesim.values.finding import Fault
from livesim_acquisition.microscope.microscope import SimulatedMicroscope
from tests.support.faults import FAULTS, PIXEL_NM, SETTINGS, Light, sequence, sound, with_pattern
from tests.support.scenes import CAMERA, OPTICS, PLAIN

LIGHT = Light(100.0, 128)
SEEDS = {
    "flicker": (0, 1),
    "wrong counts": (1, 2, 3, 4),
    "rotated": (1, 2),
    "swapped angles": (1, 2),
    "extra frame": (0, 1),
    "wrong harmonics": (0, 1),
}
CASES = [(name, seed) for name in FAULTS for seed in SEEDS.get(name, (0,))]


def findings_of(case, **more):
    return examine(case.frames, case.settings, case.pixel_nm, **more).findings


@pytest.fixture(scope="module")
def frames():
    """Three sound stacks, [27, y, x]."""
    return sequence(3, LIGHT, 3)


@pytest.mark.parametrize(("name", "seed"), CASES)
def test_a_fault_is_named_and_no_other(name, seed):
    case = FAULTS[name](seed, LIGHT)
    findings = findings_of(case)
    assert case.is_named(findings), findings
    assert 0.5 < findings[0].sureness < 1.0
    assert findings[0].mend or findings[0].advice


def test_fringes_of_a_third_of_the_others_would_be_seen_in_an_angle_that_is_said_to_have_none():
    (finding,) = findings_of(FAULTS["no modulation in an angle"](0, LIGHT))
    share = int(finding.words.split("less than ")[1].split(" %")[0])
    assert 0 < share < 100 / 3


@pytest.mark.parametrize("seed", range(4))
def test_sound_frames_are_found_sound(seed):
    assert findings_of(sound(seed, Light(1000.0 if seed % 2 else 100.0, 128))) == ()


def beads(count, photons, modulation=None):
    """Return what the doctor says of beads under fringes, or in even light."""
    settings = Settings(optics=OPTICS, camera=CAMERA, steps=PLAIN)
    own = settings.model_dump(mode="json", exclude_none=True)
    own["simulation"] = {
        "size": [128, 128],
        "time_points": 1,
        "specimen": "beads",
        "beads": {"count": count},
        "peak_photons": photons,
        "seed": 5,
    } | ({} if modulation is None else {"pattern": {"modulation": modulation}})
    microscope = SimulatedMicroscope(Settings.model_validate(own))
    counts = np.stack([stack.counts[at] for at, stack in microscope.taken(range(9))])
    return examine(torch.from_numpy(counts.astype(np.int32)), settings, 80.0)


@pytest.mark.parametrize(("count", "photons"), [(1, 3000.0), (3, 500.0), (8, 2000.0)])
def test_a_few_beads_are_told_from_a_field_without_light(count, photons):
    assert FEW_POINTS in beads(count, photons).undecided
    assert FEW_POINTS not in beads(count, 3.0).undecided
    even = beads(count, photons, modulation=1e-3)
    assert FEW_POINTS not in even.undecided
    assert any(one.fault is Fault.NO_MODULATION for one in even.findings)


MENDED = (
    "transposed",
    "rotated",
    "reversed",
    "wrong counts",
    "wrong scale",
    "wrong offset",
    "wrong gain",
    "fringes elsewhere",
    "wrong harmonics",
)


@pytest.mark.parametrize("name", MENDED)
def test_the_mending_lines_mend(name):
    case = FAULTS[name](1, LIGHT)
    (finding,) = findings_of(case)
    settings = case.settings.model_dump(mode="json", exclude_none=True)
    for section, values in tomllib.loads(finding.mend).items():
        settings[section] |= values
    mended = parse_settings(settings, "mended")
    pixel = mended.optics.pixel_nm if name == "wrong scale" else case.pixel_nm
    assert examine(case.frames, mended, pixel, first=mended.pattern.first_frame).findings == ()


def test_phases_that_run_backwards_within_an_angle_are_no_fault(frames):
    backwards = frames.unflatten(0, (3, 3, 3)).flip(2).flatten(0, 2)
    assert examine(backwards, SETTINGS, PIXEL_NM).findings == ()


def test_a_start_at_another_angle_shows_beside_expected_angles_only(frames):
    turned = frames.roll(-3, 0)
    assert examine(turned, SETTINGS, PIXEL_NM).findings == ()


def test_examination_takes_stacks_as_the_engine_has_them(frames):
    stacks = frames.unflatten(0, (3, 3, 3))
    assert examine_stacks(stacks, SETTINGS, PIXEL_NM).findings == ()
    swapped = with_pattern(order=("angle", "phase"))
    assert examine_stacks(stacks, swapped, PIXEL_NM).findings == ()
    (finding,) = examine_stacks(stacks.transpose(1, 2), SETTINGS, PIXEL_NM).findings
    assert finding.fault is Fault.TRANSPOSED


def test_stacks_of_another_shape_are_refused(frames):
    with pytest.raises(ValueError, match=r"expected .* \(3, 3\), found \(1, 9\)"):
        examine_stacks(frames[None, None, :9], SETTINGS, PIXEL_NM)
    with pytest.raises(ValueError, match="at least 3 frames, found 2"):
        examine(frames[:2], SETTINGS, PIXEL_NM)


def test_a_first_frame_that_the_settings_know_is_no_fault(frames):
    assert examine(frames[2:], SETTINGS, PIXEL_NM, first=2).findings == ()
    (finding,) = examine(frames[2:], SETTINGS, PIXEL_NM, first=1).findings
    assert (finding.fault, finding.value) == (Fault.ROTATED, 2)


def test_frames_are_counted_from_the_number_given(frames):
    lost = torch.cat([frames[:14], frames[15:]])
    (finding,) = examine(lost, SETTINGS, PIXEL_NM, number=900).findings
    assert finding.frames == (914,)
    assert "between frames 913 and 914" in finding.words


def test_too_little_light_is_said_and_is_no_fault():
    frames = sequence(0, Light(1.0, 128))
    seen = examine(frames, SETTINGS, PIXEL_NM)
    assert seen.findings == ()
    assert seen.undecided == ("too little light or detail to tell whether there are fringes",)


def test_frames_without_any_light_are_no_crash():
    dark = 100.0 + torch.randn(9, 64, 64, generator=torch.Generator().manual_seed(0))
    assert all(
        finding.fault in (Fault.FLICKER, Fault.EMPTY_FRAME, Fault.WRONG_NOISE)
        for finding in examine(dark, SETTINGS, PIXEL_NM).findings
    )
    assert examine(torch.full((9, 64, 64), 100.0), SETTINGS, PIXEL_NM).findings is not None


def test_wave_vectors_and_phases_of_every_frame_are_read(frames):
    read = signature(frames - 100.0, 9)
    verdict = judge(read, possible_orders(Layout(3, 3), 27, 27), torch.ones(27, dtype=torch.bool))
    assert float(verdict.probability.sum()) == pytest.approx(1.0)
    assert sorted(verdict.angle[:3].tolist()) == [0, 1, 2]
    for peak, values, angle in zip(read.peaks[:3], read.values[:3], verdict.angle, strict=False):
        assert peak.frequency == pytest.approx(0.9 * 2 * 1.2 / 525.0 * 80.0, rel=0.01)
        own = values.unflatten(0, (3, 3, 3))[:, int(angle)]
        steps = torch.rad2deg((own[:, 1:] / own[:, :-1]).angle())
        assert float((steps.abs() - 120.0).abs().max()) < 25.0
        assert float(own.abs().min()) > 4.0 * float(values.abs().median())


def test_every_order_considered_is_another_one():
    orders = possible_orders(Layout(3, 3), 27, 27)
    assert sum(order.weight for order in orders) == pytest.approx(1.0)
    sound_one, *faulty = orders
    assert sound_one.fault is None
    assert all(order.places != sound_one.places and order.fault for order in faulty)


def test_hexagonal_frames_have_no_rotation_to_find():
    faults = {order.fault for order in possible_orders(Layout(1, 7), 7, 7)}
    assert Fault.ROTATED not in faults
    assert Fault.TRANSPOSED not in faults


def test_acquisition_order_follows_the_settings():
    stacks = torch.arange(2 * 9.0).reshape(2, 3, 3, 1, 1)
    phase_first = in_order(stacks, PatternSettings()).flatten().tolist()
    assert phase_first == list(range(18))
    angle_first = in_order(stacks, PatternSettings(order=("angle", "phase"))).flatten().tolist()
    each = [3 * angle + phase for phase, angle in itertools.product(range(3), range(3))]
    assert angle_first == each + [9 + place for place in each]


def test_of_other_numbers_of_phases_no_harmonics_are_told():
    frames = sequence(0, LIGHT, 5)
    (finding,) = examine(frames, with_pattern(phases=5), PIXEL_NM).findings
    assert finding.fault is Fault.WRONG_COUNT
    assert finding.mend == "[pattern]\nphases = 3"
