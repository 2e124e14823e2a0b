"""Advice is tried before it is given: what the bands say against it is not said at all."""

import math
from dataclasses import replace

import pytest
import torch

from bench.quality.planted.faults import lattice, transposed
from bench.quality.planted.scene import draw
from bench.quality.planted.sound import SOUND, sound, two_angle_mirrors
from livesim.config.settings import PatternSettings
from livesim.reconstruction.doctor.examine import examine
from livesim.reconstruction.doctor.remedies import Case
from livesim.reconstruction.doctor.trial import UNTRIED, Trials, brightest, evidence_of, stacks_of
from livesim.values.finding import Fault, Finding, in_words, mending
from livesim.values.wording import told_apart
from tests.support.faults import PIXEL_NM, SETTINGS, Light, sequence

LIGHT = Light(300.0, 96)


@pytest.fixture(scope="module")
def case():
    """Three sound stacks of 3 x 3 frames."""
    return Case(sequence(3, LIGHT, 3), SETTINGS, PIXEL_NM)


def findings_of(planted):
    return examine(planted.frames, planted.settings, planted.settings.optics.pixel_nm).findings


def advice(fault, mend, **more):
    return Finding(fault, "something is wrong", 0.999, mend, **more)


@pytest.mark.parametrize(
    ("fault", "mend"),
    [
        (Fault.WRONG_COUNT, mending("pattern", "angles = 1", "phases = 9")),
        (Fault.WRONG_COUNT, mending("pattern", 'layout = "hexagonal"')),
        (Fault.TRANSPOSED, mending("pattern", 'order = ["angle", "phase"]')),
        (Fault.ROTATED, mending("pattern", "first_frame = 1")),
        (Fault.WRONG_SCALE, mending("optics", "pixel_nm = 40.0")),
    ],
)
def test_advice_for_sound_frames_is_refuted(case, fault, mend):
    value = 0.5 if fault is Fault.WRONG_SCALE else None
    assert Trials(case, 0).judged([advice(fault, mend, value=value)]) == ([], [])


def test_a_frame_that_is_no_repetition_is_not_deleted(case):
    deleted = advice(Fault.REPEATED_FRAME, None, frames=(8,), value=-1.0)
    assert Trials(case, 0).judged([deleted]) == ([], [])


def test_frames_are_counted_from_the_number_of_the_first(case):
    deleted = advice(Fault.REPEATED_FRAME, None, frames=(908,), value=-1.0)
    assert Trials(case, 900).judged([deleted]) == ([], [])


def test_advice_that_cannot_be_tried_is_never_certain(case):
    (finding,), _ = Trials(case, 0).judged([advice(Fault.SATURATION, None)])
    assert finding.sureness == UNTRIED
    assert not in_words(finding.sureness).startswith("certain")


def test_without_fringes_it_is_said_that_nothing_can_be_tried():
    flat = torch.poisson(torch.full((9, 96, 96), 100.0), torch.Generator().manual_seed(0)) + 100.0
    transposed_ = advice(Fault.TRANSPOSED, mending("pattern", 'order = ["angle", "phase"]'))
    findings, untold = Trials(Case(flat, SETTINGS, PIXEL_NM), 0).judged([transposed_])
    assert findings == []
    assert untold[0].endswith("no angle is usable, so this cannot be tried")


def test_right_advice_makes_the_bands_share_more():
    planted = transposed(3)
    frames = Case(planted.frames, planted.settings, planted.settings.optics.pixel_nm)
    mended = planted.settings.pattern.model_copy(update={"order": ("angle", "phase")})
    right = replace(frames, settings=planted.settings.model_copy(update={"pattern": mended}))
    before, after = evidence_of(frames), evidence_of(right)
    assert after.explained == 1.0
    assert after.shared > 1.3 * before.shared


def test_a_lattice_that_no_settings_describe_is_not_taken_for_one_angle():
    planted = lattice(20)
    counts = [one for one in findings_of(planted) if one.fault is Fault.WRONG_COUNT]
    assert [one.mend for one in counts] == [None]
    assert "several wave vectors" in counts[0].words


@pytest.mark.parametrize("seed", [2, 3, 10])
def test_fringes_that_the_mean_frame_keeps_are_no_fault(seed):
    planted = two_angle_mirrors(seed)
    assert (
        examine(planted.frames, planted.settings, planted.settings.optics.pixel_nm).findings == ()
    )


@pytest.mark.parametrize("kind", ["cytosol", "photograph"])
def test_dense_specimens_are_not_accused(kind):
    seed = next(n for n in range(100) if draw(n).kind == kind)
    planted = sound(seed)
    assert (
        examine(planted.frames, planted.settings, planted.settings.optics.pixel_nm).findings == ()
    )


def test_few_objects_under_fringes_do_not_flicker():
    planted = SOUND["uneven phases"](20)
    assert findings_of(planted) == ()


def test_stacks_follow_order_and_first_frame():
    frames = torch.arange(18.0)[:, None, None]
    assert stacks_of(frames, PatternSettings()).flatten().tolist() == list(range(18))
    rolled = stacks_of(frames, PatternSettings(first_frame=2)).flatten().tolist()
    assert rolled[2] == 0.0
    angle_first = stacks_of(frames, PatternSettings(order=("angle", "phase")))
    assert angle_first[0, 1].flatten().tolist() == [1.0, 4.0, 7.0]


def test_the_brightest_part_of_large_frames_is_tried():
    frames = torch.zeros(2, 40, 50)
    frames[:, 25, 45] = 1.0
    part = brightest(frames, 16)
    assert part.shape == (2, 16, 16)
    assert float(part.sum()) == 2.0


@pytest.mark.parametrize(("stated", "true"), [(0.15, 1.0), (0.4, 1.0)])
def test_a_stated_damping_that_the_frames_deny_is_named(case, stated, true):
    optics = SETTINGS.optics.model_copy(update={"otf_damping": stated})
    settings = SETTINGS.model_copy(update={"optics": optics})
    (finding,) = examine(case.frames, settings, PIXEL_NM).findings
    assert finding.fault is Fault.WRONG_DAMPING
    assert f"{stated:g} is assumed, the frames show" in finding.words
    assert math.isclose(finding.value, true, rel_tol=0.25)
    assert finding.mend.startswith("[optics]\notf_damping = ")


@pytest.mark.parametrize("stated", ["auto", 1.0])
def test_a_damping_that_is_right_or_not_stated_is_not_accused(case, stated):
    optics = SETTINGS.optics.model_copy(update={"otf_damping": stated})
    settings = SETTINGS.model_copy(update={"optics": optics})
    assert examine(case.frames, settings, PIXEL_NM).findings == ()


@pytest.mark.parametrize(
    ("found", "expected", "words"),
    [(5.04, 5.0, ("5.04", "5")), (4.9, 5.0, ("4.9", "5")), (17.0, 4.0, ("17", "4"))],
)
def test_numbers_that_are_compared_look_different(found, expected, words):
    assert told_apart(found, expected) == words
