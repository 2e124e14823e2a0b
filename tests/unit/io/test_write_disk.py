"""What the disk refuses becomes one sentence about the target, and nothing half-written stays."""

import errno
import os
import shutil
import signal

import numpy as np
import pytest

from livesim.commands.progress import interrupts_held
from livesim.io.pattern_file import write_pattern
from livesim.io.recipe import Recipe
from livesim.io.write.output_layout import OutputLayout
from livesim.io.write.placement import Placement
from livesim.io.write.results import open_writer
from livesim.values.errors import DataError
from livesim.values.frames import StackIndex
from livesim.values.pattern import Pattern
from tests.support.simulations import settings

LAYOUT = OutputLayout(y=8, x=8, pixel_nm=40.0, time=2)
RECIPE = Recipe(settings=settings())
IMAGE = np.ones((8, 8), np.float32)


def refused(number):
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "expected room for it, found the disk full"),
        (errno.EDQUOT, "expected room for it, found the quota used up"),
        (errno.EACCES, "expected permission to write it, found none"),
        (errno.EROFS, "expected permission to write it, found a disk that can only be read"),
        (errno.ENOENT, "expected its folder to stay, found it gone"),
        (errno.EIO, "expected a disk that takes it, found an error of the device"),
        (errno.EBUSY, "expected that it can be written, found .*busy"),
    ],
)
def test_a_refusal_of_the_disk_names_the_target(number, sentence, tmp_path):
    target = tmp_path / "out.json"

    def write():
        with Placement(target) as placement:
            placement.partial.write_text("half")
            raise refused(number)

    with pytest.raises(DataError, match=f"^{target}: {sentence}$"):
        write()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["result.ome.tif", "result.ome.zarr"])
def test_a_disk_that_is_full_in_the_middle_of_a_result(name, tmp_path):
    target = tmp_path / name

    def write():
        with open_writer(target, LAYOUT, RECIPE) as writer:
            writer.write(StackIndex(time=0), IMAGE)
            raise refused(errno.ENOSPC)

    with pytest.raises(DataError, match="expected room for it, found the disk full"):
        write()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["result.ome.tif", "result.ome.zarr"])
def test_a_folder_that_is_gone_before_the_result_is_whole(name, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()

    def write():
        with open_writer(folder / name, LAYOUT, RECIPE) as writer:
            writer.write(StackIndex(time=0), IMAGE)
            shutil.rmtree(folder)

    with pytest.raises(DataError, match=rf"{name}: expected .*folder .*, found"):
        write()
    assert not folder.exists() or list(folder.iterdir()) == []


def test_a_folder_that_may_not_be_written_to(tmp_path, monkeypatch):
    """Asked of the system: a test that runs as root may write anywhere."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    pattern = Pattern(65.0, (8, 8), ())
    with pytest.raises(
        DataError, match=r"pattern\.json: expected permission to write it, found none"
    ):
        write_pattern(tmp_path / "pattern.json", pattern)


def test_an_error_of_another_file_keeps_its_name(tmp_path):
    other = FileNotFoundError(errno.ENOENT, "No such file", "/elsewhere/raw.tif")
    with pytest.raises(FileNotFoundError, match="elsewhere"), Placement(tmp_path / "out"):
        raise other


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_wait_for_the_end_of_a_write(number):
    before = signal.getsignal(number)
    with interrupts_held() as check:
        os.kill(os.getpid(), number)
        done = True
        with pytest.raises(KeyboardInterrupt):
            check()
    assert done
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("given", [True, False])
def test_what_was_begun_under_a_given_name_stays_and_what_a_crash_has_left_does_not(
    tmp_path, given
):
    """A restoration that was interrupted goes on with what it has."""
    target, begun = tmp_path / "out.ome.tif", tmp_path / "begun"
    begun.write_text("half of it")
    left = tmp_path / f"{target.name}.{os.getpid()}.partial"
    left.write_text("of a process of the same number")
    with Placement(target, made_at=begun if given else None) as placement:
        assert begun.read_text() == "half of it"
        assert left.exists() is given
        placement.partial.open("a").close()
        placement.commit()
    assert target.read_text() == ("half of it" if given else "")
