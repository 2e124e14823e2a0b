"""What reviews find of the networks is used from the next stack on, and logged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from livesim.config.settings import Optics, Settings
from livesim.engine.meters import Faults
from livesim.engine.pending import ready
from livesim.engine.record.recording_log import RecordingLog
from livesim.engine.record.recordings import Recordings
from livesim.engine.seams import Later
from livesim.values.frames import Rolling
from livesim.values.verdict import Trust, TrustNumbers, TrustWord, Verdict
from livesim.values.weights import BandWeights, WeightGrid
from tests.support.tracked_stream import PATTERN, WATCHING, stack, steerable, streams

__all__ = ["streams"]

SHAPES = ((4, 3), (2, 2))


def weights(value, shapes=SHAPES):
    return BandWeights(tuple(WeightGrid(s, bytes([value]) * (s[0] * s[1])) for s in shapes))


def value_of(found):
    (value,) = {int(n) for grid in found.grids for n in np.unique(grid.array)}
    return value


def reviewing(found):
    """Return a review that finds these weights."""
    numbers = TrustNumbers(90.0, 50.0, 5.0, 0.0, (0.0, 0.0), 0.0)
    return lambda tell: Trust(Verdict(TrustWord.TRUSTED, ("so",)), numbers, {}, found)


def begun(stream, number, found=None):
    """Begin with a stack and review its result; return with which weights it was made."""
    fake = stream.pipeline._active
    fake.weight_shapes = SHAPES
    fake.review = None if found is None else reviewing(found)
    made = stream.pipeline.begin(stack(number)).take()
    if made.review is not None:
        made.review(lambda done: None)
    return fake.weights[-1]


def test_nothing_is_shown_before_the_first_review_then_all_it_found_then_half_of_what_is_new(
    streams,
):
    stream = streams()
    assert begun(stream, 0, weights(200)) is None
    assert stream.pipeline.weights is None
    assert begun(stream, 1) == weights(200)
    assert begun(stream, 2, weights(100)) is stream.pipeline.weights, "no review, no change"
    assert value_of(begun(stream, 3)) == 150
    for number in range(4, 30):
        last = begun(stream, number, weights(100))
    assert value_of(last) in (100, 101), "what does not change is reached"


def test_a_part_of_a_stack_is_made_with_the_weights_of_the_whole_ones(streams):
    stream = streams()
    begun(stream, 0, weights(200))
    part = replace(stack(1), rolling=Rolling(whole=False, resolution_ms=1.0))
    stream.pipeline.begin(part).take()
    assert stream.pipeline._active.weights[-1] is None, "a proposal waits for a whole stack"


def test_weights_of_other_bands_are_not_used(streams):
    stream = streams()
    begun(stream, 0, weights(200, SHAPES[:1]))
    assert begun(stream, 1) is None
    begun(stream, 2, weights(200))
    assert begun(stream, 3) == weights(200)
    stream.pipeline._active.weight_shapes = SHAPES[:1]
    stream.pipeline.begin(stack(4)).take()
    assert stream.pipeline._active.weights[-1] is None


def test_another_pattern_keeps_the_weights_and_other_settings_do_not(streams):
    stream = steerable(streams())
    begun(stream, 0, weights(200))
    assert begun(stream, 1) == weights(200)
    swapped = stream._prepare(PATTERN)
    swapped.weight_shapes = SHAPES
    stream.pipeline._active = swapped  # as `_swap` does
    assert begun(stream, 2) == weights(200)
    stream.pipeline.prepare(WATCHING).use()
    assert begun(stream, 3, weights(80)) is None
    assert begun(stream, 4) == weights(80)


def test_a_review_that_ends_after_the_settings_have_changed_proposes_nothing(streams):
    stream = steerable(streams())
    fake = stream.pipeline._active
    fake.weight_shapes, fake.review = SHAPES, reviewing(weights(200))
    made = stream.pipeline.begin(stack(0)).take()
    stream.pipeline.prepare(WATCHING).use()
    made.review(lambda done: None)
    assert begun(stream, 1) is None


class FakeRecorder:
    settings = Settings(optics=Optics(numerical_aperture=1.4, emission_nm=500.0))

    def __init__(self, folder):
        self.folder, self.logged = folder, []

    def log_weights(self, change):
        self.logged.append(change)


def test_the_log_says_with_which_weights_every_stack_was_made(streams, tmp_path):
    stream, first, second = streams(), FakeRecorder(tmp_path / "1"), FakeRecorder(tmp_path / "2")
    recordings = Recordings(first)
    log = RecordingLog(recordings, Faults())
    used = {}
    for number in range(12):
        if number == 7:
            recordings.switch(second)
        recordings.see(stack(number))
        found = {1: weights(200), 4: weights(100), 9: weights(20)}.get(number)
        used[number] = begun(stream, number, found)
        log.began(stack(number), stream.pipeline)
    assert [change.stack.time for change in first.logged] == [0, 2, 5]
    assert [change.stack.time for change in second.logged] == [7, 10], "begun in mid-stream"
    for recorder, numbers in ((first, range(7)), (second, range(7, 12))):
        for number in numbers:
            held = [c.weights for c in recorder.logged if c.stack.time <= number][-1]
            assert held == used[number]


@pytest.mark.parametrize(("old", "new", "half"), [(0, 255, 128), (255, 0, 127), (7, 7, 7)])
def test_weights_are_mixed_half_and_half(old, new, half):
    assert value_of(weights(old).mixed(weights(new))) == half
    assert weights(old).mixed(weights(new, SHAPES[:1])) == weights(new, SHAPES[:1])


def test_a_grid_holds_a_number_for_every_place():
    with pytest.raises(ValueError, match="expected 2 x 3 weights, found 5"):
        WeightGrid((2, 3), bytes(5))


def test_the_review_of_a_second_result_weighs_the_next_stack(streams):
    """The networks' result comes later than the plain one, and is what a review is about."""
    stream = streams()
    fake = stream.pipeline._active
    fake.weight_shapes = SHAPES
    fake.review = reviewing(weights(200))

    def begin_plain(seen, decide, used):
        second = fake.begin(seen, decide, used).take()
        later = Later(lambda: ready((second,)), 1000)
        return ready(replace(second, review=None, later=later))

    fake.begin_plain = begin_plain
    first = stream.pipeline.begin_plain(stack(0)).take()
    (second,) = first.later.begin().take()
    assert fake.weights == [None]
    second.review(lambda done: None)
    stream.pipeline.begin_plain(stack(1)).take()
    assert fake.weights[-1] == weights(200)


def test_a_stack_on_which_no_network_works_has_no_second_result(streams):
    stream = streams()
    stream.pipeline._active.begin_plain = stream.pipeline._active.begin
    assert stream.pipeline.begin_plain(stack(0)).take().later is None
