"""The check of one stack, and what tracking makes of many."""

from __future__ import annotations

import cmath
import math
import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from livesim.config.settings import PatternSettings, Reconstruction
from livesim.pipeline.build import FAINT_STACKS, pipeline_factory
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.reconstruction.track.check import BandCheck, BandReading
from livesim.reconstruction.track.pattern import PatternTracker
from livesim.values.illumination import AngleState, ChangeKind, unturned
from livesim.values.pattern import NoiseToSignal
from tests.support.drifting import DriftingScene, phase_errors_deg, turned
from tests.support.scenes import PLAIN, simulate

THREE = PatternSettings()
LAYOUTS = [
    THREE,
    PatternSettings(layout="hexagonal"),
    PatternSettings(phases=5, harmonics=2),
    PatternSettings(angles=1, phases=4),
]
NAMES = ["3x3", "hexagonal", "two harmonics", "one angle"]


def reconstructor(scene, pattern=None):
    plan = make_plan(pattern or scene.pattern, scene.otf, scene.camera, Reconstruction())
    return Reconstructor(plan)


def readings(scene, counts, pattern=None):
    pattern = pattern or scene.pattern
    spectra = reconstructor(scene, pattern).spectra(torch.from_numpy(counts))
    return BandCheck(pattern, scene.otf, scene.camera)(spectra)


@pytest.mark.parametrize("settings", LAYOUTS, ids=NAMES)
@pytest.mark.parametrize("turn_deg", [0.0, 40.0, -150.0])
def test_a_turned_pattern_is_read(settings, turn_deg):
    turn = math.radians(turn_deg)
    scene = simulate(3, (128, 144), 2000.0, settings=settings)
    for one in readings(scene, DriftingScene(scene, 2000.0).counts(turn)):
        off = cmath.phase(one.ratio * cmath.exp(-1j * one.harmonic * turn))
        assert math.degrees(abs(off)) < 2.0 * one.harmonic
        assert abs(one.ratio) == pytest.approx(1.0, abs=0.08)
        assert one.error < 0.05


def test_the_modulation_is_read():
    scene = simulate(4, (128, 128), 2000.0)
    counts = DriftingScene(scene, 2000.0).counts(0.3, (1.0, 0.5, 0.0))
    strengths = [abs(one.ratio) for one in readings(scene, counts)]
    assert strengths == pytest.approx([1.0, 0.5, 0.0], abs=0.05)


def test_weak_light_biases_neither_phase_nor_modulation_and_the_errors_are_right():
    scene = simulate(1, (192, 192), 10.0)
    drifting = DriftingScene(scene, 10.0)
    noise = NoiseToSignal(0.4, 1.2)
    pattern = replace(scene.pattern, noise_to_signal=noise)
    reconstruct = reconstructor(scene, pattern)
    check = BandCheck(pattern, scene.otf, scene.camera)
    stacks = [torch.from_numpy(drifting.counts(0.5)) for _ in range(24)]
    table = [check(reconstruct.spectra(stack)) for stack in stacks]
    for band in zip(*table, strict=True):
        ratios = torch.tensor([one.ratio * cmath.exp(-0.5j) for one in band])
        said = sum(one.error for one in band) / len(band)
        scatter = float(torch.cat([ratios.real - ratios.real.mean(), ratios.imag]).std())
        chance = 4.0 * said / math.sqrt(len(band))  # of the mean
        assert float(ratios.real.mean()) == pytest.approx(1.0, abs=0.04 + chance)
        assert abs(float(ratios.imag.mean())) < chance
        assert 0.5 < scatter / said < 2.0
    means = [(one.ratio * cmath.exp(-0.5j)).real for band in table for one in band]
    assert sum(means) / len(means) == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize("settings", LAYOUTS, ids=NAMES)
def test_turned_bands_give_the_image_of_a_turned_pattern(settings):
    scene = simulate(5, (96, 96), 500.0, settings=settings)
    orders = [
        (angle, harmonic)
        for angle in range(len(scene.pattern.angles))
        for harmonic in range(1, settings.harmonics + 1)
    ]
    factors = torch.tensor([cmath.exp(0.7j * harmonic) for _, harmonic in orders])
    by_turn = reconstructor(scene)(scene.counts, lambda _: factors.to(torch.complex64)).image
    expected = reconstructor(scene, turned(scene.pattern, 0.7))(scene.counts).image
    assert float((by_turn - expected).norm() / expected.norm()) < 1e-5


def test_a_pattern_without_usable_angles_has_nothing_to_read():
    scene = simulate(5, (64, 64))
    angles = tuple(replace(angle, usable=False) for angle in scene.pattern.angles)
    pattern = replace(scene.pattern, angles=angles)
    assert readings(scene, scene.counts[0].numpy(), pattern) == ()


@pytest.mark.parametrize("settings", LAYOUTS[:3], ids=NAMES[:3])
def test_the_pipeline_follows_a_drift_and_a_jump(settings):
    scene = simulate(6, (128, 128), 1000.0, settings=settings)
    drifting = DriftingScene(scene, 1000.0)
    own = scene.described(pattern=settings, steps=PLAIN)
    own = own.model_copy(update={"tracking": own.tracking.model_copy(update={"estimate": False})})
    pipeline = pipeline_factory(own, scene.pattern)([], True)
    errors = []
    for number in range(25):
        turn = math.radians(2.0 * number + (100.0 if number >= 15 else 0.0))
        pipeline(drifting.stack(number, turn))
        errors += phase_errors_deg(pipeline.illumination, turned(scene.pattern, turn))
    pipeline.close()
    kinds = [change.kind for change in pipeline.take_changes()]
    assert max(errors) < 4.0
    assert kinds.count(ChangeKind.JUMP) == 3
    assert set(kinds) == {ChangeKind.JUMP, ChangeKind.DRIFT}


def test_a_stream_can_do_without():
    scene = simulate(6, (64, 64))
    own = scene.described(tracking={"follow": False}, steps=PLAIN)
    drifting = DriftingScene(scene, 1000.0)
    pipeline = pipeline_factory(own, scene.pattern)([], True)
    fixed = ReconstructionPipeline(own, scene.pattern)
    for number in range(3):
        stack = drifting.stack(number, 0.3 * number)
        np.testing.assert_array_equal(pipeline(stack).image, fixed(stack).image)
    pipeline.close()
    assert not pipeline.follows
    assert pipeline.take_changes() == []


@pytest.mark.parametrize(("peak", "needed"), [(1000.0, 1), (20.0, FAINT_STACKS)])
def test_in_faint_light_the_first_pattern_is_that_of_some_stacks(peak, needed):
    scene = simulate(20, (192, 192), peak)
    drifting = DriftingScene(scene, peak, 20)
    own = scene.described(tracking={"follow": False}, steps=PLAIN)
    make, stacks, pipeline = pipeline_factory(own), [], None
    while pipeline is None:
        stacks.append(drifting.stack(len(stacks), 0.0))
        pipeline = make(stacks, False)
    pipeline.close()
    assert len(stacks) == needed
    assert max(phase_errors_deg(unturned(pipeline.pattern), scene.pattern)) < 3.0


# Many stacks: readings drawn around a known phase.


class Stream:
    """Readings of one angle whose phase and modulation are known functions of the stack."""

    def __init__(self, error, phase_deg=lambda t: 0.0, modulation=lambda t: 1.0, harmonics=1):
        self.error, self.phase_deg, self.modulation = error, phase_deg, modulation
        self.harmonics = harmonics
        self.tracking = PatternTracker([True], [0.8])
        self.events, self.off_deg = [], []

    def run(self, times, seed=0):
        draw, before = random.Random(seed), None
        for time in times:
            true = math.radians(self.phase_deg(time))
            bands = [
                BandReading(0, h, self._ratio(time, h * true, draw), self.error, 0.5)
                for h in range(1, self.harmonics + 1)
            ]
            stacks = 1 if before is None else time - before
            self.events += [(time, event) for event in self.tracking.see(bands, stacks)]
            off = cmath.phase(cmath.exp(1j * (self.tracking.turns[0] - true)))
            self.off_deg.append(abs(math.degrees(off)))
            before = time
        return self

    def _ratio(self, time, phase, draw):
        noise = complex(draw.gauss(0.0, self.error), draw.gauss(0.0, self.error))
        return self.modulation(time) * cmath.exp(1j * phase) + noise

    def kinds(self):
        return {event.kind for _, event in self.events}

    def of(self, kind):
        return [(time, event) for time, event in self.events if event.kind is kind]


@pytest.mark.parametrize(("error", "limit"), [(0.003, 1.5), (0.012, 2.5), (0.03, 4.5)])
@pytest.mark.parametrize("rate", [0.36, -0.36])
@pytest.mark.parametrize("harmonics", [1, 2])
def test_a_drift_of_one_period_is_followed(error, limit, rate, harmonics):
    stream = Stream(error, lambda t: 20.0 + rate * t if t else 0.0, harmonics=harmonics)
    stream.phase_deg = lambda t: rate * t
    stream.run(range(1000))
    assert max(stream.off_deg) < limit
    assert stream.kinds() == {ChangeKind.DRIFT}
    (angle,) = stream.tracking.health()
    assert angle.drift_deg == pytest.approx(999 * rate, abs=limit)
    assert angle.rate_deg == pytest.approx(rate, abs=0.1)


def test_stacks_that_were_dropped_count_as_time():
    times = [t for t in range(600) if t % 7 in (0, 1, 3)]
    stream = Stream(0.012, lambda t: 0.36 * t).run(times)
    assert max(stream.off_deg) < 3.0
    assert stream.tracking.health()[0].rate_deg == pytest.approx(0.36, abs=0.05)


@pytest.mark.parametrize("error", [0.003, 0.03, 0.15, 0.5])
def test_noise_does_not_move_a_pattern_that_stands_still(error):
    changed = sum(len(Stream(error).run(range(500), seed).events) for seed in range(10))
    assert changed <= 5000 // 500


@pytest.mark.parametrize("jump_deg", [25.0, 90.0, -170.0])
@pytest.mark.parametrize("error", [0.003, 0.03])
def test_a_jump_is_an_alarm_and_its_own_stack_is_right_already(jump_deg, error):
    stream = Stream(error, lambda t: 0.2 * t + (jump_deg if t >= 50 else 0.0)).run(range(100))
    ((time, event),) = stream.of(ChangeKind.JUMP)
    assert time == 50
    assert event.kind.alarming
    assert f"{jump_deg:+.0f}"[:2] in event.reason
    assert max(stream.off_deg) < 5.0


def test_a_jump_in_weak_light_is_found_by_many_stacks():
    stream = Stream(0.4, lambda t: 120.0 if t >= 100 else 0.0).run(range(200))
    (time, _), *more = stream.of(ChangeKind.JUMP)
    assert 100 <= time < 130
    assert not more
    assert sum(stream.off_deg[-20:]) / 20 < 25.0


def test_a_drift_that_begins_late_is_learned():
    stream = Stream(0.03, lambda t: 0.36 * max(t - 200, 0)).run(range(400))
    assert max(stream.off_deg) < 6.0
    assert stream.kinds() == {ChangeKind.DRIFT}


@pytest.mark.parametrize(("error", "patience"), [(0.003, 4), (0.03, 10), (0.15, 40)])
def test_a_lost_angle_is_reported_once(error, patience):
    stream = Stream(error, lambda t: 0.3 * t, lambda t: 1.0 if t < 50 else 0.0).run(range(120))
    ((time, event),) = stream.of(ChangeKind.LOST)
    assert 52 <= time < 50 + patience
    assert event.kind.alarming
    assert not stream.of(ChangeKind.JUMP)
    assert stream.tracking.lost == (0,)
    assert stream.tracking.health()[0].state is AngleState.LOST


def test_one_dark_stack_loses_no_angle():
    stream = Stream(0.01, modulation=lambda t: 0.0 if t == 50 else 1.0).run(range(100))
    assert not stream.events
    assert stream.tracking.health()[0].state is AngleState.FOLLOWED


def test_a_fading_modulation_asks_for_new_weights_and_is_called_weak_in_the_end():
    stream = Stream(0.01, modulation=lambda t: 1.0 - 0.0012 * t)
    stream.run(range(200))
    ((time, _),) = stream.of(ChangeKind.MODULATION)
    assert 120 < time < 180
    (angle,) = stream.tracking.angles
    angle.refer(1.0, 0.0, angle.modulation)
    stream.modulation = lambda t: 0.45 / 0.76
    stream.run(range(200, 260))
    assert stream.tracking.health()[0].state is AngleState.WEAK
    assert stream.tracking.health()[0].modulation == pytest.approx(0.8 * 0.45, abs=0.03)


def test_another_reference_leaves_the_drift_as_it_is():
    stream = Stream(0.003, lambda t: 0.5 * t).run(range(100))
    (angle,) = stream.tracking.angles
    angle.refer(1.0, math.radians(20.0), 1.0)
    assert stream.tracking.turns[0] == pytest.approx(math.radians(29.5), abs=0.02)
    stream.phase_deg = lambda t: 0.5 * t - 20.0
    stream.run(range(100, 200))
    assert stream.tracking.health()[0].drift_deg == pytest.approx(99.5, abs=1.0)
    assert max(stream.off_deg) < 3.0


def test_an_angle_that_is_found_again_is_followed_from_there():
    stream = Stream(0.01, modulation=lambda t: 0.0).run(range(20))
    (angle,) = stream.tracking.angles
    assert angle.lost
    angle.find(BandReading(0, 1, 0.9 * cmath.exp(2j), 0.01, 0.5))
    stream.phase_deg, stream.modulation = lambda t: math.degrees(2.0), lambda t: 0.9
    stream.off_deg.clear()
    stream.run(range(20, 40))
    assert max(stream.off_deg) < 2.0
    assert stream.tracking.health()[0].state is AngleState.FOLLOWED
