"""Questions and answers through the pipes of the process that looks at a file."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest

from livesim.processes.looking import LookingProcess
from livesim.values.errors import DataError
from livesim.values.frames import StackIndex
from livesim.values.results import Result
from livesim.wire.header import WireError
from livesim.wire.looking import Opened, Wanted, read_answer, read_wanted, write_answer
from tests.doubles.fake_engine import in_use

INDEX = StackIndex(position=1, time=2, channel=0, z=3)


def result(**values):
    image = np.arange(48, dtype=np.float32).reshape(8, 6)
    known = {"stream": "s", "index": INDEX, "image": image, "widefield": image[::2, ::2].copy()}
    return Result(**(known | values))


def through_a_pipe(answer):
    pipe = io.BytesIO()
    write_answer(pipe, answer)
    pipe.seek(0)
    found = read_answer(pipe)
    assert not pipe.read(), "all of it was read"
    return found


def test_a_question_comes_through():
    wanted = Wanted(index=INDEX, networks=True)
    assert read_wanted(wanted.model_dump_json().encode()) == wanted


@pytest.mark.parametrize("line", [b"", b"{}", b'{"index": 3}', b"\xff\n"])
def test_what_is_no_question_is_refused(line):
    with pytest.raises(WireError, match="expected a raw stack to look at"):
        read_wanted(line)


def test_a_result_comes_through_with_all_its_images():
    asked = result(plain=np.ones((8, 6), np.float32), network=np.zeros((8, 6), np.float32))
    found = through_a_pipe(asked)
    assert (found.index, found.step_one) == (INDEX, None)
    for name in ("image", "widefield", "plain", "network"):
        np.testing.assert_array_equal(getattr(found, name), getattr(asked, name))


def test_what_was_opened_and_a_refusal_come_through():
    opened = Opened(in_use=in_use(), stacks=(INDEX,), interval_s=0.5, has_networks=True)
    assert through_a_pipe(opened) == opened
    assert through_a_pipe("a.tif: expected µm, found none") == "a.tif: expected µm, found none"


@pytest.mark.parametrize("found", [b"", b"\x02", b"\x01\x00\x00\x00", b"\xff" * 40])
def test_an_answer_that_is_cut_off_or_none_is_refused(found):
    with pytest.raises(WireError, match="expected an answer"):
        read_answer(io.BytesIO(found))


CHILD = """
import sys
sys.path[:0] = {path!r}
from livesim.values.frames import StackIndex
from livesim.wire.looking import Opened, read_wanted, write_answer
from tests.doubles.fake_engine import in_use
from tests.unit.wire.test_looking import result
stacks = tuple(StackIndex(time=n // 2, z=n % 2) for n in range(4))
out = sys.stdout.buffer
write_answer(out, Opened(in_use=in_use(), stacks=stacks, interval_s={interval}))
for line in sys.stdin.buffer:
    wanted = read_wanted(line)
    if wanted.index.time:
        write_answer(out, "m.tif: expected light, found none")
    elif wanted.networks:
        sys.exit("livesim: out of memory")
    else:
        write_answer(out, result(index=wanted.index))
"""


def looking(interval=None):
    code = CHILD.format(path=sys.path, interval=interval)
    return LookingProcess(Path("m.tif"), command=(sys.executable, "-c", code))


def test_raw_stacks_are_read_one_by_one_and_what_is_wrong_is_said():
    file = looking()
    try:
        moments = [received_ns / 1e9 for _, received_ns in file.results]
        assert moments == pytest.approx([0.05, 0.1, 0.15, 0.2]), "no times: 20 a second"
        assert file.in_use.stream.pixel_nm == 80.0
        second = file.read(*file.results[1])
        assert (second.index.z, second.last_received_ns) == (1, file.results[1][1])
        with pytest.raises(DataError, match=r"m\.tif: expected light"):
            file.read(*file.results[2])
        assert file.read(*file.results[0]).index.z == 0, "one refusal is no end"
        with pytest.raises(DataError, match="out of memory"):
            file.restore(*file.results[0])
    finally:
        file.close()


def test_the_times_that_a_file_states_are_kept():
    file = looking(0.5)
    file.close()
    moments = [received_ns / 1e9 for _, received_ns in file.results]
    assert moments == pytest.approx([0.0, 0.0, 0.5, 0.5], abs=1e-6)
    assert moments == sorted(set(moments))


def test_a_child_that_ends_says_why():
    command = (sys.executable, "-c", "import sys; sys.exit('livesim: m.tif: expected a recording')")
    with pytest.raises(DataError, match=r"^m\.tif: expected a recording$"):
        LookingProcess(Path("m.tif"), command=command)
