"""The frame path of a GPU against that of a CPU, on a double that is as late as it may be."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from livesim.config.settings import Reconstruction, Steps
from livesim.pipeline.cpu import EagerPath
from livesim.pipeline.graphs import ReplayedPath
from livesim.pipeline.networks import load_networks
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.pipeline.sections import Arbitration, Sections
from livesim.values.errors import DataError
from livesim.values.frames import RawStack, StackIndex
from livesim.values.pattern import Levels, NoiseToSignal
from livesim.values.weights import BandWeights, WeightGrid
from livesim_models.rcan import frozen
from tests.doubles.gpu import LateGpu
from tests.support.scenes import simulate

CPU = torch.device("cpu")
PLAIN = Steps(one="none", two="none")
STEPS = {
    "plain": PLAIN,
    "step one": Steps(one="pair", two="none", precision="float32"),
    "step two": Steps(one="none", two="pair", precision="float32"),
    "both": Steps(one="pair", two="pair", precision="float32"),
    "on the plain image": Steps(two="universal", precision="float32"),
    "end to end": Steps(all="ml-sim", precision="float32"),
}
SHAPE = (40, 48)


@pytest.fixture(autouse=True)
def networks_as_on_a_gpu(monkeypatch):
    monkeypatch.setattr(frozen, "fast_dtypes", lambda: ())


def followed(measure):
    """Turn every angle by what this stack shows of it."""
    turns = [0.0, 0.0, 0.0]
    for reading in measure():
        turns[reading.angle] = float(np.angle(reading.ratio)) + 0.1 * abs(reading.ratio)
    return tuple(turns)


class Stream:
    """Stacks of changing brightness under a pattern that turns, and how they are followed."""

    def __init__(self, steps=PLAIN, reconstruction=None, count=6):
        self.scene = simulate(3, SHAPE, times=count, peak=100.0)
        self.settings = self.scene.described(
            reconstruction=reconstruction or Reconstruction(),
            steps=steps,
        )
        self.pattern = replace(self.scene.pattern, levels=Levels(0.0, 100.0))
        counts = self.scene.counts.to(torch.float32) * torch.linspace(0.5, 1.5, count).reshape(
            -1, 1, 1, 1, 1
        )
        self.stacks = [
            RawStack("s", StackIndex(time=time), one.to(torch.uint16).numpy())
            for time, one in enumerate(counts)
        ]
        self.networks = load_networks(self.settings, CPU)

    def pipeline(self, path, pattern=None, plain_path=None):
        known = pattern or self.pattern
        return ReconstructionPipeline(self.settings, known, None, self.networks, path, plain_path)

    @property
    def eager(self):
        return self.pipeline(EagerPath(CPU))

    def made(self, pipelines, decide=followed, depth=2, weights=None, stacks=None):
        """Return the results; several stacks are under way at once, each in its own pipeline."""
        stacks = stacks or self.stacks
        several = pipelines if isinstance(pipelines, list) else [pipelines] * len(stacks)
        results, begun = [], []
        weights = weights or [None] * len(stacks)
        for pipeline, stack, one in zip(several, stacks, weights, strict=True):
            begun.append(pipeline.begin(stack, decide, one))
            if len(begun) > depth:
                results.append(begun.pop(0).take())
        return results + [one.take() for one in begun]


def images(made):
    known = [made.result.image, made.result.widefield, made.result.plain]
    known += [one() if one else None for one in (made.step_one, made.network)]
    return [one for one in known if one is not None]


def weights_for(pipeline, seed):
    """Return weights that differ from place to place."""
    random = np.random.default_rng(seed)
    return BandWeights(
        tuple(
            WeightGrid(shape, random.integers(0, 256, shape, dtype=np.uint8).tobytes())
            for shape in pipeline.weight_shapes
        )
    )


def same(found, expected):
    for one, other in zip(found, expected, strict=True):
        for mine, theirs in zip(images(one), images(other), strict=True):
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_what_is_replayed_is_what_is_computed(steps, seed):
    stream = Stream(steps)
    found = stream.made(stream.pipeline(ReplayedPath(LateGpu(seed))))
    same(found, stream.made(stream.eager))
    assert len({one.result.image.tobytes() for one in found}) == len(found)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_weights_change_between_two_stacks_while_others_are_under_way(seed):
    """Every stack is weighed as it was asked for, and nothing is captured for that."""
    stream, late = Stream(STEPS["both"]), LateGpu(seed)
    replayed, eager = stream.pipeline(ReplayedPath(late)), stream.eager
    one, other = weights_for(eager, 1), weights_for(eager, 2)
    order = [None, one, one, other, None, other]
    found = stream.made(replayed, weights=order)
    same(found, stream.made(eager, weights=order))
    alone = [eager.begin(s, followed, w).take() for s, w in zip(stream.stacks, order, strict=True)]
    same(found, alone)
    once = late.captures
    stream.made(replayed, weights=order)
    assert late.captures == once


def test_without_weights_the_plain_image_is_shown_to_the_bit_and_with_all_of_them_the_networks():
    stream = Stream(STEPS["both"])
    pipeline = stream.eager
    made = pipeline.reconstruct(stream.stacks[0])
    np.testing.assert_array_equal(made.result.image, made.result.plain)
    assert np.abs(made.network() - made.result.plain).max() > 1.0
    nothing = BandWeights(tuple(WeightGrid(s, bytes(s[0] * s[1])) for s in pipeline.weight_shapes))
    zero = pipeline.reconstruct(stream.stacks[0], weights=nothing)
    np.testing.assert_array_equal(zero.result.image, made.result.plain)
    whole = BandWeights(
        tuple(WeightGrid(s, b"\xff" * (s[0] * s[1])) for s in pipeline.weight_shapes)
    )
    all_of_it = pipeline.reconstruct(stream.stacks[0], weights=whole)
    change = torch.from_numpy(made.network() - made.result.plain)
    bands = pipeline.sections.arbitration.bands.sum(dim=0)
    within = torch.fft.irfft2(torch.fft.rfft2(change) * bands, s=change.shape)
    shown = made.result.plain + within.numpy()
    np.testing.assert_allclose(all_of_it.result.image, shown, atol=1e-3)


def eager_paths():
    return EagerPath(CPU), EagerPath(CPU)


def late_paths():
    return ReplayedPath(LateGpu(1)), ReplayedPath(LateGpu(2))


@pytest.mark.parametrize("paths", [eager_paths, late_paths])
def test_plain_first_and_the_networks_later_give_the_same_to_the_bit(paths):
    """The networks come to the stacks in another order, each with what held when it came."""
    stream = Stream(STEPS["both"])
    path, plain_path = paths()
    pipeline = stream.pipeline(path, plain_path=plain_path)
    whole = stream.eager
    one, other = weights_for(whole, 1), weights_for(whole, 2)
    order = [None, one, one, other, None, other]
    pairs = list(zip(stream.stacks, order, strict=True))
    expected = [whole.begin(stack, followed, weights).take() for stack, weights in pairs]
    first = [pipeline.begin_plain(stack, followed, weights).take() for stack, weights in pairs]
    for made, all_at_once in zip(first, expected, strict=True):
        assert made.result.provisional
        assert (made.result.plain, made.review, made.network) == (None, None, None)
        np.testing.assert_array_equal(made.result.image, all_at_once.result.plain)
        np.testing.assert_array_equal(made.result.widefield, all_at_once.result.widefield)
    for number in (0, 5, 3, 4):
        (second,) = first[number].later.run()
        assert not second.result.provisional
        same([second], [expected[number]])


def test_plain_images_and_networks_share_no_memory():
    """Both work at once, in two threads, and get in each other's way nowhere."""
    stream = Stream(STEPS["both"], count=4)
    pipeline = stream.pipeline(EagerPath(CPU), plain_path=EagerPath(CPU))
    whole = stream.eager
    expected = [whole.begin(stack, followed).take() for stack in stream.stacks]
    first = pipeline.begin_plain(stream.stacks[0], followed).take()
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(first.later.run)
        made, rounds = [], 0
        while not working.done() or rounds < 3:
            made = [pipeline.begin_plain(stack, followed).take() for stack in stream.stacks]
            rounds += 1
            for one, all_at_once in zip(made, expected, strict=True):
                np.testing.assert_array_equal(one.result.image, all_at_once.result.plain)
        same(working.result(), expected[:1])


def test_without_networks_nothing_is_left_for_later():
    stream = Stream(PLAIN)
    pipeline = stream.pipeline(EagerPath(CPU), plain_path=EagerPath(CPU))
    made = pipeline.begin_plain(stream.stacks[0], followed).take()
    assert (made.later, made.result.provisional) == (None, False)
    same([made], [pipeline.begin(stream.stacks[0], followed).take()])


def test_weights_of_other_bands_are_refused():
    stream = Stream(STEPS["both"])
    pipeline = stream.eager
    fewer = BandWeights(weights_for(pipeline, 1).grids[1:])
    with pytest.raises(DataError, match="expected weights on grids of"):
        pipeline.reconstruct(stream.stacks[0], weights=fewer)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_without_a_look_at_the_pattern_the_host_waits_for_nothing(seed):
    """Many stacks are under way, and only every other one is turned."""
    stream = Stream(STEPS["step one"], count=9)

    def turning():
        for number in range(9):
            yield (0.1 * number, -0.2, 0.3) if number % 2 else (0.0, 0.0, 0.0)

    def made(path):
        turns = turning()
        return stream.made(stream.pipeline(path), lambda measure: next(turns), depth=5)

    same(made(ReplayedPath(LateGpu(seed))), made(EagerPath(CPU)))


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_another_pattern_of_the_same_form_is_used_without_another_capture(seed):
    stream = Stream(STEPS["both"])
    angles = tuple(
        replace(one, phases_rad=tuple(p + 0.2 for p in one.phases_rad))
        for one in stream.pattern.angles
    )
    noise = NoiseToSignal(0.02, 1.5)  # as many bands are weighed as without it
    better = replace(stream.pattern, angles=angles, levels=Levels(1.0, 90.0), noise_to_signal=noise)
    late = LateGpu(seed)

    def changing(path):
        one, other = stream.pipeline(path), stream.pipeline(path, better)
        return [one, one, other, other, one, other]

    found = stream.made(changing(ReplayedPath(late)))
    same(found, stream.made(changing(EagerPath(CPU))))
    once = late.captures
    fresh = LateGpu(seed)
    stream.made(stream.pipeline(ReplayedPath(fresh)))
    assert once == fresh.captures


def test_another_pattern_is_used_after_what_has_computed_it():
    """It is computed outside of the queues: one of them waits for that, and no other."""
    stream, late, waited = Stream(STEPS["both"]), LateGpu(1), []
    path = ReplayedPath(late)
    one = stream.pipeline(path)
    other = stream.pipeline(path, replace(stream.pattern, levels=Levels(1.0, 90.0)))
    here, asked = late.here, []
    late.here = lambda: asked.append(here()) or asked[-1]
    for queue in late._queues:
        wait = queue.wait
        queue.wait = lambda mark, wait=wait: waited.append(mark) or wait(mark)
    one.begin(stream.stacks[0], followed).take()
    assert not asked, "nothing has changed"
    other.begin(stream.stacks[1], followed).take()
    assert len(asked) == 1
    assert asked[0] in waited


def without_an_angle(pattern):
    """Return a pattern whose bands are other ones."""
    lost = replace(pattern.angles[1], usable=False)
    return replace(pattern, angles=(pattern.angles[0], lost, pattern.angles[2]))


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
@pytest.mark.parametrize(("steps", "own", "of_networks"), [("plain", 3, 0), ("both", 4, 2)])
def test_forms_take_turns_and_the_networks_are_captured_once(steps, own, of_networks, seed):
    """Look, judge, combine and arbitrate belong to a form; denoise and refine to all."""
    stream, late = Stream(STEPS[steps]), LateGpu(seed)
    fewer = without_an_angle(stream.pattern)
    path = ReplayedPath(late)
    one, other = stream.pipeline(path), stream.pipeline(path, fewer)
    assert late.captures == 2 * own + of_networks
    order = [one, other, one, other, one, other]
    eager = [stream.eager, stream.pipeline(EagerPath(CPU), fewer)] * 3
    found = stream.made(order)
    same(found, stream.made(eager))
    assert late.captures == 2 * own + of_networks, "all was prepared before the first stack"


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_another_form_is_prepared_while_stacks_are_under_way_and_disturbs_none(seed):
    stream, late = Stream(STEPS["both"]), LateGpu(seed)
    path, eager = ReplayedPath(late), stream.eager
    pipeline = stream.pipeline(path)
    begun = [pipeline.begin(stack, followed) for stack in stream.stacks[:3]]
    for number in range(4):  # more forms than are kept
        angles = list(stream.pattern.angles)
        angles[number % 3] = replace(angles[number % 3], usable=False)
        usable = replace(stream.pattern, angles=tuple(angles))
        stream.pipeline(path, usable if number < 3 else without_an_angle(usable))
    prepared = late.captures
    begun += [pipeline.begin(stack, followed) for stack in stream.stacks[3:]]
    found = [one.take() for one in begun]
    same(found, [eager.begin(stack, followed).take() for stack in stream.stacks])
    assert late.captures == prepared, "what is in use is kept"


@pytest.mark.parametrize("done", [3, 8, 12, 13, 14, 15, 16, 17])
def test_a_capture_in_the_middle_of_a_stack_does_not_touch_it(done):
    """It tries the sections first, which may write to nothing that a replay is going to read."""
    stream, late = Stream(STEPS["both"], count=2), LateGpu(1)
    late.dawdle = lambda: None
    path, turns = ReplayedPath(late), (0.1, -0.2, 0.3)
    pipeline = stream.pipeline(path)
    begun = pipeline.begin(stream.stacks[0], lambda measure: turns)
    for _ in range(done):
        late.step()
    stream.pipeline(path, without_an_angle(stream.pattern))
    eager = stream.eager.begin(stream.stacks[0], lambda measure: turns)
    same([begun.take()], [eager.take()])


def test_what_is_forgotten_is_at_work_no_more():
    """Its memory is given back, and a GPU would still read and write there."""
    stream, late = Stream(), LateGpu(3)
    late.dawdle = lambda: None  # nothing is done before somebody waits for it
    path = ReplayedPath(late)
    first = stream.pipeline(path)
    begun = first.begin(stream.stacks[0], lambda measure: (0.1, 0.2, 0.3))
    used = path._using
    for number, angle in enumerate((1, 0, 2)):
        angles = list(stream.pattern.angles)
        angles[angle] = replace(angles[angle], usable=False)
        other = stream.pipeline(path, replace(stream.pattern, angles=tuple(angles)))
        if number == 0:
            other.begin(stream.stacks[1], lambda measure: (0.0, 0.0, 0.0))
            assert not used.last.reached
    assert used not in path._kept
    assert used.last.reached
    eager = stream.eager
    same([begun.take()], [eager.begin(stream.stacks[0], lambda measure: (0.1, 0.2, 0.3)).take()])


def test_a_pattern_without_any_fringes_has_nothing_to_judge():
    stream = Stream()
    angles = tuple(replace(one, usable=False) for one in stream.pattern.angles)
    dark = replace(stream.pattern, angles=angles)
    seen = []

    def decide(measure):
        seen.append(measure())
        return (0.0, 0.0, 0.0)

    path = ReplayedPath(LateGpu(1))
    found = stream.made(stream.pipeline(path, dark), decide)
    assert seen == [()] * 6
    same(found, stream.made(stream.pipeline(EagerPath(CPU), dark), decide))


def test_a_replayed_result_tells_its_steps_and_can_be_reviewed():
    stream = Stream(STEPS["both"])
    pipeline = stream.pipeline(ReplayedPath(LateGpu(1)))
    begun = pipeline.begin(stream.stacks[0], followed)
    assert begun.beside == 1
    made = begun.take()
    assert [name for name, _ in made.steps_ms] == [
        "reconstruct",
        "step one",
        "step two",
        "arbitration",
    ]
    assert dict(made.steps_ms)["reconstruct"] == 2.0  # two stretches of one on the double's clock


class Failing(LateGpu):
    """Fails to capture so many times, from the first capture after those that go well."""

    def __init__(self, error, times, after=0):
        super().__init__(1)
        self._error, self._times, self._after = error, times, after

    def capture(self, work, pool):
        if self.captures >= self._after and self._times:
            self._times -= 1
            raise self._error
        return super().capture(work, pool)


NOT_PERMITTED = RuntimeError("operation not permitted when stream is capturing")
FULL = torch.OutOfMemoryError("CUDA out of memory")


@pytest.mark.parametrize(("error", "times"), [(NOT_PERMITTED, 1), (FULL, 2)])
def test_a_form_that_cannot_be_captured_is_computed_and_it_is_said_once(error, times, caplog):
    caplog.set_level("WARNING", logger="livesim.engine")
    stream, late = Stream(), Failing(error, times)
    path = ReplayedPath(late)
    found = stream.made(stream.pipeline(path))
    same(found, stream.made(stream.eager))
    assert path.note == f"nothing could be captured on cpu: {error}"
    assert [one.getMessage() for one in caplog.records] == [path.note]
    assert caplog.records[0].exc_info[1] is error
    fewer = stream.pipeline(path, without_an_angle(stream.pattern))
    assert late.captures == 3, "another form is tried"
    assert fewer.begin(stream.stacks[0], followed).beside


def test_where_memory_was_short_once_it_is_given_back_and_captured():
    stream, late = Stream(), Failing(FULL, 1, after=3)
    path = ReplayedPath(late)
    one = stream.pipeline(path)
    begun = one.begin(stream.stacks[0], followed)
    other = stream.pipeline(path, without_an_angle(stream.pattern))
    assert (late.given_back, late.captures, path.note) == (1, 6, "")
    found = [begun.take(), other.begin(stream.stacks[1], followed).take()]
    eager = [stream.eager, stream.pipeline(EagerPath(CPU), other.pattern)]
    pairs = zip(eager, stream.stacks[:2], strict=True)
    same(found, [one.begin(stack, followed).take() for one, stack in pairs])


def test_richardson_lucy_steps_are_replayed_as_well():
    stream = Stream(reconstruction=Reconstruction(richardson_lucy_iterations=3))
    found = stream.made(stream.pipeline(ReplayedPath(LateGpu(2))))
    same(found, stream.made(stream.eager))


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_no_section_asks_for_a_value(steps):
    """On torch's "meta" device there are none: whatever would wait for a GPU fails here."""
    stream = Stream(steps)
    sections, nowhere = stream.eager.sections, torch.device("meta")
    known = sections.arbitration
    moved = Sections(
        sections.plan.to(nowhere),
        sections.check.mapped(lambda values: values.to(nowhere)),
        load_networks(stream.settings, nowhere),
        stream.settings.camera,
        sections.conditions and sections.conditions.mapped(lambda values: values.to(nowhere)),
        sections.passband and sections.passband.mapped(lambda values: values.to(nowhere)),
        None if known is None else Arbitration(known.bands.to(nowhere), known.weights.to(nowhere)),
    )
    counts = torch.empty(9, *SHAPE, dtype=torch.uint16, device=nowhere)
    factors = torch.empty(len(moved.plan.ramps), dtype=torch.complex64, device=nowhere)
    with torch.inference_mode():
        look = moved.look(counts)
        assert moved.check.sums(look.spectra).device == nowhere
        images = moved.combine(look, moved.begin(counts), factors)
        image = moved.arbitrate(images.plain, moved.refine(images.between))
    assert image.device == nowhere
    assert image.shape == (2 * SHAPE[0], 2 * SHAPE[1])
    with pytest.raises(RuntimeError):
        image.sum().item()


@pytest.mark.parametrize("path", [EagerPath(CPU), ReplayedPath(LateGpu(1))])
def test_a_stack_of_another_size_is_refused_and_the_next_one_is_not(path):
    stream = Stream()
    pipeline = stream.pipeline(path)
    other = replace(stream.stacks[0], pixels=stream.stacks[0].pixels[..., 1:, :])
    with pytest.raises(
        ValueError, match=r"expected stacks of .*\(9, 40, 48\), found \(9, 39, 48\)"
    ):
        pipeline.begin(other, followed)
    found = pipeline.begin(stream.stacks[0], followed).take()
    eager = stream.eager.begin(stream.stacks[0], followed).take()
    same([found], [eager])
