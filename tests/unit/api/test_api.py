"""The public API: what it is given and what it returns."""

from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

import dask.array as da
import numpy as np
import pytest
import torch

import livesim
from livesim.config.settings import Steps
from livesim_acquisition.microscope.microscope import SimulatedMicroscope
from tests.support.simulations import CAMERA, OPTICS, settings

TIMES, SIZE = 3, (48, 64)


@pytest.fixture(scope="module")
def microscope():
    return settings(size=SIZE, time_points=TIMES, peak_photons=2000.0)


@pytest.fixture(scope="module")
def raw(microscope):
    """Return [t, angle, phase, y, x]."""
    simulated = SimulatedMicroscope(microscope)
    stacks = [np.asarray(simulated.stack(n).counts) for n in range(TIMES)]
    return np.stack(stacks).reshape(TIMES, 3, 3, *SIZE)


@pytest.fixture(scope="module")
def pattern(raw, microscope):
    return livesim.calibrate(raw, microscope)


@pytest.fixture(scope="module")
def image(raw, microscope, pattern):
    return livesim.restore(raw, microscope, pattern, plain=True)


def test_exactly_these_names():
    names = "settings Settings open calibrate restore Restorer doctor trust listen Sender"
    assert livesim.__all__ == sorted(names.split())
    assert set(livesim.__all__) <= set(dir(livesim))


def test_nothing_is_loaded_before_it_is_used():
    check = "import livesim, sys; sys.exit(bool({'torch', 'zmq', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check], timeout=60).returncode == 0


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'reconstruct'"):
        livesim.reconstruct  # noqa: B018


FORMS = {
    "flat": lambda raw: raw.reshape(TIMES, 9, *SIZE),
    "one long axis": lambda raw: raw.reshape(TIMES * 9, *SIZE),
    "more axes": lambda raw: raw[None, :, None],
    "big-endian": lambda raw: raw.astype(">u2"),
    "int32": lambda raw: raw.astype(np.int32),
    "big-endian int64": lambda raw: raw.astype(">i8"),
    "float64": lambda raw: raw.astype(float),
    "not contiguous": lambda raw: np.asfortranarray(raw),
    "a view": lambda raw: np.repeat(raw, 2, axis=0)[::2],
    "read-only": lambda raw: np.frombuffer(raw.tobytes(), raw.dtype).reshape(raw.shape),
    "no pixel masked": np.ma.masked_array,
    "torch": lambda raw: torch.from_numpy(raw.astype(np.int32)),
    "torch, not contiguous": lambda raw: torch.from_numpy(raw).mT.contiguous().mT,
    "torch, with gradient": lambda raw: torch.from_numpy(raw.astype(np.float32)).requires_grad_(),
    "dask": lambda raw: da.from_array(raw.reshape(TIMES, 9, *SIZE), chunks=(2, 4, 20, 30)),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_same_frames_gives_the_same_pixels(form, raw, microscope, pattern, image):
    given = FORMS[form](raw)
    found = livesim.restore(given, microscope, pattern, plain=True)
    assert isinstance(given, type(found))
    assert np.asarray(found).dtype == np.float32
    assert np.array_equal(np.asarray(found).reshape(image.shape), image)


@pytest.mark.parametrize("form", ["flat", "big-endian", "torch", "dask"])
def test_every_form_gives_the_same_pattern(form, raw, microscope, pattern):
    assert livesim.calibrate(FORMS[form](raw), microscope) == pattern


def test_the_order_of_the_settings_holds_for_flat_frames(raw, microscope, pattern, image):
    order = microscope.pattern.model_copy(update={"order": ("angle", "phase")})
    swapped = microscope.model_copy(update={"pattern": order})
    frames = raw.swapaxes(1, 2).reshape(TIMES, 9, *SIZE)
    assert np.array_equal(livesim.restore(frames, swapped, pattern, plain=True), image)


WRONG = {
    "eight frames": (lambda raw: raw.reshape(TIMES, 9, *SIZE)[:, :8], "a multiple of 9 frames"),
    "an image": (lambda raw: raw[0, 0, 0], r"expected frames \[…, frames, y, x\]"),
    "nothing": (lambda raw: raw[:0], "expected frames"),
    "negative": (lambda raw: raw.astype(np.int32) - 70000, "expected camera counts from 0 to"),
    "too large": (lambda raw: raw.astype(np.int64) + 70000, "expected camera counts from 0 to"),
    "NaN": (lambda raw: np.where(raw > 0, np.nan, raw), "expected finite values"),
    "too large a float": (lambda raw: raw * 1e39, "expected finite values"),
    "masked": (lambda raw: np.ma.masked_less(raw, 150), "found masked ones"),
    "a list": (list, "expected an array, found list"),
    "a path": (lambda raw: "cells.tif", "expected an array, found str"),
    "dask of unknown length": (
        lambda raw: (lambda lazy: lazy[lazy[:, 0, 0, 0, 0] > 0])(da.from_array(raw)),
        "expected known lengths, found the shape",
    ),
    "the frames last": (lambda raw: np.moveaxis(raw.reshape(-1, *SIZE)[:9], 0, -1), "multiple of"),
    "tiny frames": (lambda raw: raw[..., :4, :4], "expected frames of at least 8 x 8 pixels"),
    "complex": (lambda raw: raw.astype(complex), "expected camera counts"),
    "bool": (lambda raw: raw > 0, "expected camera counts"),
    "another size": (lambda raw: raw[..., :-2], "expected frames of"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_raw_stack_is_refused_in_a_sentence(case, raw, microscope, pattern):
    make, sentence = WRONG[case]
    with pytest.raises(ValueError, match=sentence):
        livesim.restore(make(raw), microscope, pattern, plain=True)


class Watched:
    """An array that remembers how much of it was read."""

    def __init__(self, values):
        self.values, self.shape, self.dtype, self.ndim = values, values.shape, values.dtype, 3
        self.read = 0

    def __getitem__(self, index):
        part = self.values[index]
        self.read += part.size
        return part


@pytest.mark.parametrize("order", list(permutations(("phase", "angle", "time"))), ids=",".join)
def test_one_long_axis_of_any_order_is_read_a_raw_stack_at_a_time(
    order, raw, microscope, pattern, image
):
    place = {"time": 0, "angle": 1, "phase": 2}
    slowest_first = [place[name] for name in reversed(order)]
    frames = np.ascontiguousarray(raw.transpose(*slowest_first, 3, 4)).reshape(-1, *SIZE)
    ordered = microscope.pattern.model_copy(update={"order": order})
    known = microscope.model_copy(update={"pattern": ordered})
    watched = Watched(frames)
    found = livesim.restore(watched, known, pattern, plain=True)
    assert np.array_equal(found, image)
    assert watched.read <= frames.size * (1 if order.index("time") != 1 else TIMES)
    lazy = da.from_array(frames, chunks=(5, 20, 30))
    later = livesim.restore(lazy, known, pattern, plain=True)
    assert np.array_equal(later.compute(), image)


def test_of_dask_nothing_is_read_before_it_is_asked_for(raw, microscope, pattern, image):
    watched = Watched(raw.reshape(-1, *SIZE))
    meta = np.empty((0, 0, 0), raw.dtype)
    lazy = da.from_array(watched, chunks=(1, -1, -1), asarray=False, meta=meta)
    later = livesim.restore(lazy, microscope, pattern, plain=True)
    watched.read = 0  # dask itself may look at the first pixel
    assert later.chunks == ((1,) * TIMES, (2 * SIZE[0],), (2 * SIZE[1],))
    assert np.array_equal(later[1].compute(), image[1])
    assert watched.read == raw[1].size


def test_equal_frames_have_equal_patterns(raw, microscope, pattern):
    assert [livesim.calibrate(raw.copy(), microscope) for _ in range(12)] == [pattern] * 12


@pytest.mark.parametrize("call", [livesim.calibrate, livesim.restore])
def test_without_fringes_it_is_widefield_only_and_strictly_refused(microscope, call):
    drawn = np.random.default_rng(1).poisson(400.0, (9, 128, 128)).astype(np.uint16)
    with pytest.warns(UserWarning, match="widefield only: no angle shows fringes") as said:
        call(drawn, microscope)
    assert [one.filename for one in said] == [__file__]
    with pytest.raises(ValueError, match="expected fringes in at least one angle, found none"):
        call(drawn, microscope, strict=True)


def test_everything_belongs_together(raw, microscope, pattern, image):
    made = livesim.restore(raw, microscope, pattern, everything=True)
    y, x = SIZE
    assert made.widefield.shape == (TIMES, y, x)
    assert made.image.shape == made.plain.shape == made.step_one.shape == (TIMES, 2 * y, 2 * x)
    assert np.array_equal(made.plain, image)
    assert np.array_equal(made.image, livesim.restore(raw, microscope, pattern))
    assert not np.array_equal(made.image, made.plain)


def test_plain_and_other_steps_contradict_each_other(raw, microscope, pattern):
    with pytest.raises(ValueError, match="expected plain=True or steps="):
        livesim.restore(raw, microscope, pattern, plain=True, steps="one,reconstruct")


def test_a_restorer_pickles_as_its_recipe(raw, microscope, pattern, image):
    one = livesim.Restorer(microscope, pattern, steps="reconstruct")
    one(raw[0])
    text = pickle.dumps(one)
    assert len(text) < 10_000
    assert np.array_equal(pickle.loads(text)(raw), image)  # our own pickle


def test_a_restorer_chooses_its_device_where_it_works(microscope, pattern):
    asked = pickle.loads(pickle.dumps(livesim.Restorer(microscope, pattern, "cpu")))
    assert asked.device == torch.device("cpu")
    recipe = livesim.Restorer(microscope, pattern).__reduce__()[1]
    assert recipe[2] is None  # a machine without a GPU can take it as well


def test_what_is_returned_is_shown_in_a_line(raw, microscope, pattern):
    made = livesim.restore(raw, microscope, pattern, plain=True, everything=True)
    assert repr(made) == "<images (3, 96, 128), widefield (3, 48, 64)>"


def test_a_restorer_may_be_called_from_several_threads(raw, microscope, pattern, image):
    one = livesim.Restorer(microscope, pattern, steps="reconstruct")
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(one, [*raw, *raw]))
    assert np.array_equal(np.stack(made), np.concatenate([image, image]))


@pytest.mark.slow
def test_dask_hands_a_restorer_to_other_processes(raw, microscope, pattern, image):
    one = livesim.Restorer(microscope, pattern, steps="reconstruct")
    stacks = da.from_array(raw.reshape(TIMES, 9, *SIZE), chunks=(1, -1, -1, -1))
    y, x = SIZE
    made = stacks.map_blocks(
        one, dtype="float32", drop_axis=1, chunks=(stacks.chunks[0], 2 * y, 2 * x)
    )
    assert np.array_equal(made.compute(scheduler="processes", num_workers=2), image)


def test_the_number_of_threads_stays(raw, microscope):
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = livesim.calibrate(raw, microscope)
        livesim.restore(raw, microscope, found)
        livesim.doctor(raw, microscope)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_the_doctor_finds_a_lost_frame(raw, microscope):
    frames = np.delete(np.concatenate([raw] * 2).reshape(-1, *SIZE), 13, axis=0)
    seen = livesim.doctor(frames, microscope)
    assert "lost frame: a frame is missing between frames 12 and 13" in seen.summary


@pytest.mark.parametrize("wrong", [[1, 2], np.zeros((9, 5, 64)), np.zeros((2, 64, 64))])
def test_the_doctor_refuses_what_are_no_frames(wrong, microscope):
    with pytest.raises(ValueError, match="array: expected"):
        livesim.doctor(wrong, microscope)


def test_trust_has_a_verdict_for_each_raw_stack():
    microscope = settings(size=(96, 96), time_points=2, peak_photons=300.0)
    simulated = SimulatedMicroscope(microscope)
    raw = np.stack([np.asarray(simulated.stack(n).counts) for n in range(2)])
    pattern = livesim.calibrate(raw, microscope)
    image = livesim.restore(raw, microscope, pattern)
    one = livesim.trust(raw[0], image[0], microscope, pattern)
    both = livesim.trust(raw, image, microscope, pattern)
    assert both[0].numbers == one.numbers
    assert len(repr(one)) < 2000
    invented = image[0].copy()
    invented[60:130, 60:130] += 5.0 * image[0].max()
    wrong = livesim.trust(raw[0], invented, microscope, pattern)
    assert wrong.verdict.word.value == "do not trust"
    assert wrong.numbers.overruled_sigmas > 10.0 > one.numbers.overruled_sigmas
    assert wrong.numbers.carried_percent < 20.0 < one.numbers.carried_percent


def test_trust_refuses_what_it_cannot_judge(raw, microscope, pattern, image):
    with pytest.raises(ValueError, match="expected an image"):
        livesim.trust(raw, image[:2], microscope, pattern)
    with pytest.raises(ValueError, match="expected finite values"):
        livesim.trust(raw, np.where(image > 0, image, np.nan), microscope, pattern)
    with pytest.raises(ValueError, match="expected an image of real numbers, found complex128"):
        livesim.trust(raw, image.astype(complex), microscope, pattern)
    steps = livesim.settings(**OPTICS, **CAMERA, richardson_lucy_iterations=3)
    with pytest.raises(ValueError, match="expected an image without Richardson-Lucy steps"):
        livesim.trust(raw, image, steps, pattern)


def test_an_image_made_without_networks_is_judged_by_its_error_as_well():
    microscope = settings(size=(96, 96), time_points=1, peak_photons=300.0)
    raw = np.asarray(SimulatedMicroscope(microscope).stack(0).counts)
    pattern = livesim.calibrate(raw, microscope)
    made = livesim.restore(raw, microscope, pattern, plain=True, everything=True)
    np.testing.assert_array_equal(made.image, made.plain)
    np.testing.assert_array_equal(made.image, made.network)
    assert made.error.shape == made.image.shape
    alone = microscope.model_copy(update={"steps": Steps(one="none", two="none")})
    found = livesim.trust(raw, made.image, alone, pattern)
    assert 0.0 < found.numbers.carried_percent < 100.0


def test_everything_of_an_image_belongs_together(raw, microscope, pattern):
    made = livesim.restore(raw, microscope, pattern, everything=True)
    shown = np.abs(made.image - made.plain).mean()
    assert 0.0 < shown < np.abs(made.network - made.plain).mean()
    assert made.error.min() > 0.0
    np.testing.assert_array_equal(made.image, livesim.restore(raw, microscope, pattern))


def test_settings_from_keywords():
    made = livesim.settings(**OPTICS, gain=2.0, phases=5, reconstruction={"wiener": 0.1})
    assert (made.optics.pixel_nm, made.camera.gain) == (80.0, 2.0)
    assert (made.pattern.phases, made.reconstruction.wiener) == (5, 0.1)


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"pixel_um": 0.08}, "unknown key 'pixel_um'; the nearest known key is 'pixel_nm'"),
        ({"numerical_aperture": 1.4}, "expected the key 'optics.emission_nm', found none"),
        ({**OPTICS, "gain": -1.0}, "camera.gain"),
        ({**OPTICS, "optics": {"pixel_nm": 80.0}}, r"expected optics\.pixel_nm once"),
        ({**OPTICS, "optics": None}, "expected optics as a mapping or by its keys, found both"),
        ({**OPTICS, "camera": {"gian": 2.0}}, "nearest known key is 'gain'"),
    ],
)
def test_wrong_keywords_are_refused(keys, sentence):
    with pytest.raises(ValueError, match=sentence):
        livesim.settings(**keys)


def test_every_key_of_a_section_belongs_to_one_section():
    from livesim.config.keywords import SECTIONS
    from livesim.config.settings import Settings

    keys = [key for name in SECTIONS for key in Settings.model_fields[name].annotation.model_fields]
    assert len(keys) == len(set(keys))


def test_a_device_that_is_not_there_is_refused(microscope, pattern):
    for device in ("cuda:99", "gpu", "meta"):
        with pytest.raises(ValueError, match="device: expected"):
            livesim.Restorer(microscope, pattern, device=device)
