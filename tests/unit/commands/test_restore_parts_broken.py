"""What goes wrong while a result is made in parts costs time, and no image."""

import errno
import json
import os
import signal
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
import zarr
from rich.console import Console
from typer.testing import CliRunner

from livesim.cli import app
from livesim.commands.restore import workers
from livesim.commands.restore.cluster import ADDRESS, restore_on_cluster
from livesim.commands.restore.command import restore_file, targets
from livesim.commands.restore.part import Part
from livesim.commands.restore.parts import finish_parts, restore_part
from livesim.commands.restore.parts_folder import PartsFolder
from livesim.commands.restore.request import RestoreRequest
from livesim.config.settings import SettingsError
from livesim.io.pattern_file import write_pattern
from livesim.io.write import chunk_files
from livesim.io.write.placement import Placement
from livesim.values.errors import DataError
from tests.support.reader_faults.ndtiff import ndtiff
from tests.support.scenes import PLAIN, settings_text, simulate

TIMES = 4


@pytest.fixture(scope="module")
def scene():
    return simulate(4, (64, 64), peak=200.0, times=TIMES)


@pytest.fixture(scope="module")
def frames(scene):
    return scene.frames


@pytest.fixture
def asked(scene, frames, tmp_path):
    folder = tmp_path / "Zellen µ 1"
    folder.mkdir()
    tifffile.imwrite(folder / "raw.tif", frames)
    (folder / "raw.toml").write_text(settings_text(networks=False))
    write_pattern(folder / "pattern.json", scene.pattern)
    settings = scene.described(steps=PLAIN)
    return RestoreRequest(
        folder / "raw.tif", settings, folder / "pattern.json", folder / "out.ome.zarr"
    )


def restore(asked, part, step=lambda: None):
    restore_part(asked, Part.parse(part), Console(quiet=True), step)


def contents(out):
    group = zarr.open_group(out, mode="r")
    several = [group[name] for name in sorted(group.group_keys()) if name.isdigit()]
    images = [np.asarray(one["0"]) for one in several or [group]]
    omero = [one.attrs["ome"]["omero"] for one in several or [group]]
    return np.stack(images), omero, group.attrs["livesim"]


def assert_as_at_once(asked):
    once = asked.out.with_name("once.ome.zarr")
    restore_file(replace(asked, out=once))
    images, omero, recipe = contents(asked.out)
    expected, expected_omero, expected_recipe = contents(once)
    np.testing.assert_array_equal(images, expected)
    assert (omero, recipe) == (expected_omero, expected_recipe)
    assert not list(asked.out.parent.rglob("*.partial"))
    assert not list(asked.out.parent.glob("*.parts*"))


def once(*, then):
    """Return a step that does something after the first raw stack."""
    steps = iter([then])
    return lambda: next(steps, lambda: None)()


def stop():
    raise KeyboardInterrupt


def test_two_processes_with_the_same_part_at_once(asked):
    restore(asked, "1/2", once(then=lambda: restore(asked, "1/2")))
    restore(asked, "2/2", once(then=lambda: restore(asked, "1/1")))
    finish_parts(asked)
    assert_as_at_once(asked)


def test_a_result_that_another_has_finished_meanwhile_stays_as_it_is(asked):
    def other():
        restore(asked, "1/1")
        finish_parts(asked)

    with pytest.raises(DataError, match=r"out.ome.zarr: expected its folder to stay, found it"):
        restore(asked, "1/1", once(then=other))
    assert_as_at_once(asked)


def test_what_lies_beside_the_images_counts_for_the_contrast_after_an_interrupt(asked):
    asked = replace(asked, error=True)
    with pytest.raises(KeyboardInterrupt):
        restore(asked, "1/1", once(then=stop))
    restore(asked, "1/1")
    finish_parts(asked)
    assert_as_at_once(asked)


def test_a_plan_cut_in_half_is_named_and_what_to_do(asked):
    restore(asked, "1/2")
    plan = PartsFolder(asked).path / "plan.json"
    plan.write_bytes(plan.read_bytes()[: plan.stat().st_size // 2])
    words = r"plan.json: expected the plan of all parts, found: expected JSON, .*; remove .*\.parts"
    with pytest.raises(DataError, match=words):
        restore(asked, "2/2")
    with pytest.raises(DataError, match=words):
        finish_parts(asked)


def test_what_a_part_told_cut_in_half_is_named_and_made_again(asked):
    restore(asked, "1/1")
    told = PartsFolder(asked).path / "part-1-of-1.json"
    (told.parent / "part-1-of-1 (copy).json").write_text("")
    told.write_bytes(told.read_bytes()[:10])
    with pytest.raises(DataError, match=r"has told, found: .*; restore that part again$"):
        finish_parts(asked)
    restore(asked, "1/1")
    finish_parts(asked)
    assert_as_at_once(asked)


@pytest.mark.parametrize("content", [b"", b"\x02\x01\x14\x04half"])
def test_a_plane_that_a_power_cut_left_in_part_is_restored_again(asked, content):
    with pytest.raises(KeyboardInterrupt):
        restore(asked, "1/1", once(then=stop))
    (PartsFolder(asked).path / "result.ome.zarr/0/c/0/0/0/0/0").write_bytes(content)
    restore(asked, "1/1")
    finish_parts(asked)
    assert_as_at_once(asked)


def test_a_result_without_its_metadata_is_named(asked):
    restore(asked, "1/1")
    (PartsFolder(asked).path / "result.ome.zarr/0/zarr.json").unlink()
    with pytest.raises(DataError, match=r"expected the result as it was laid out, found"):
        restore(asked, "1/1")


def test_a_disk_that_is_full_is_named_and_later_it_goes_on(asked, monkeypatch):
    restore(asked, "1/4")
    with monkeypatch.context() as patch:

        def full(*_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        patch.setattr(chunk_files, "write_all", full)
        with pytest.raises(
            DataError, match=r"out\.ome\.zarr: expected room for it, found the disk"
        ):
            restore(asked, "1/1")
    assert not list(asked.out.parent.rglob("*.partial"))
    restore(asked, "1/1")
    finish_parts(asked)
    assert_as_at_once(asked)


@pytest.mark.parametrize("place", [(Placement, "commit"), (PartsFolder, "_remove")])
def test_a_kill_while_the_result_gets_its_name_loses_nothing(asked, monkeypatch, place):
    restore(asked, "1/1")
    with monkeypatch.context() as patch:
        patch.setattr(*place, lambda *_: stop())
        with pytest.raises(KeyboardInterrupt):
            finish_parts(asked)
    if asked.out.exists():  # and of its folder something is left
        with pytest.raises(DataError, match="found that it exists already"):
            restore(asked, "1/1")
        asked = replace(asked, overwrite=True)
        restore(asked, "1/1")
    finish_parts(asked)
    assert_as_at_once(asked)


@pytest.mark.parametrize("moment", ["before it looks", "before it removes"])
def test_two_that_begin_anew_over_what_a_kill_left_share_one_folder(asked, monkeypatch, moment):
    restore(asked, "1/1")
    with monkeypatch.context() as patch:
        patch.setattr(PartsFolder, "_remove", lambda _: stop())
        with pytest.raises(KeyboardInterrupt):
            finish_parts(asked)
    asked, remove, listed = replace(asked, overwrite=True), PartsFolder._remove, os.listdir
    other = once(then=lambda: restore(asked, "1/2"))

    def removed(self):
        if moment == "before it looks":
            other()
        remove(self)

    def names(folder):
        found = listed(folder)
        if isinstance(folder, int) and moment == "before it removes":
            other()
        return found

    monkeypatch.setattr(PartsFolder, "_remove", removed)
    monkeypatch.setattr(os, "listdir", names)
    restore(asked, "2/2")
    assert next(other.__closure__[0].cell_contents, None) is None, "the other one came between"
    finish_parts(asked)
    assert_as_at_once(asked)


def test_an_older_result_is_replaced_where_that_is_asked_for(asked):
    asked.out.mkdir()
    with pytest.raises(DataError, match="expected a Zarr to overwrite, found another folder"):
        restore(replace(asked, overwrite=True), "1/1")
    (asked.out / "zarr.json").write_text("{}")
    asked = replace(asked, overwrite=True)
    restore(asked, "1/1")
    assert (asked.out / "zarr.json").read_text() == "{}"
    finish_parts(asked)
    assert_as_at_once(asked)


def test_a_recording_that_changed_meanwhile_is_noticed(asked, frames):
    restore(asked, "1/1")
    other = frames.copy()
    other[9] += 1  # which is none of those that every part looks at
    tifffile.imwrite(asked.raw, other)
    with pytest.raises(DataError, match="expected the recording as it was when its parts were"):
        finish_parts(asked)
    other[0] += 1
    tifffile.imwrite(asked.raw, other)
    with pytest.raises(DataError, match="found those of something else"):
        restore(asked, "1/1")


@pytest.mark.parametrize("parts", [1, 7])
def test_positions_channels_planes_and_lost_frames_in_every_part(asked, frames, tmp_path, parts):
    axes = [
        {"position": p, "time": t, "channel": c, "z": z * 9 + n}
        for p in (0, 1) for t in (0, 1) for c in (0, 1) for z in (0, 1) for n in range(9)
    ]  # fmt: skip
    pixels = [frames[number % len(frames)].copy() for number in range(len(axes))]
    lost = range(13, len(axes), 45)
    for number in lost:
        pixels[number][:] = 0
    raw = ndtiff(list(zip(axes, pixels, strict=True)))(tmp_path)
    asked = replace(asked, raw=raw)
    for number in range(1, parts + 1):
        restore(asked, f"{number}/{parts}")
    told = finish_parts(asked)
    assert len(told.left_out) == len(lost)
    assert_as_at_once(asked)
    assert "of 16 planes hold no result" in json.dumps(contents(asked.out)[2])


def test_an_empty_part_is_not_the_whole_recording(asked):
    with pytest.raises(SettingsError, match="expected a part such as 2/4, found nothing"):
        CliRunner().invoke(app, ["restore", str(asked.raw), "--part", ""], catch_exceptions=False)


@pytest.mark.parametrize("address", ["", "nonsense", "tcp://", "http://127.0.0.1:8786", "a:b"])
def test_what_is_no_address_of_a_scheduler_is_refused(asked, address):
    with pytest.raises(SettingsError, match=r"--cluster: expected an address as tcp://10\.0\.0\.5"):
        restore_on_cluster(asked, address)
    for known in ("tcp://10.0.0.5:8786", "tls://[::1]:8786", "node-7.cluster:8786"):
        assert ADDRESS.fullmatch(known)


def test_a_zarr_that_is_there_is_no_folder_for_results(tmp_path):
    (tmp_path / "out.ome.zarr").mkdir()
    raw = tmp_path / "raw.tif"
    assert targets([raw], tmp_path / "out.ome.zarr") == [tmp_path / "out.ome.zarr"]
    assert targets([raw], tmp_path) == [tmp_path / "raw.restored.ome.tif"]


def test_a_recording_is_not_restored_into_itself(tmp_path):
    raw = tmp_path / "raw.ome.zarr"
    raw.mkdir()
    with pytest.raises(SettingsError, match="expected another name than the recording's own"):
        targets([raw], tmp_path / "." / "raw.ome.zarr")


@pytest.mark.parametrize(
    ("stated", "there", "gpus"),
    [
        ("", 0, (None,)),
        ("", 2, ("0", "1")),
        ("3, 5", 2, ("3", "5")),
        ("GPU-aa", 1, ("GPU-aa",)),
        ("-1", 0, (None,)),
    ],
)
def test_every_worker_has_a_gpu_of_those_that_are_visible(monkeypatch, stated, there, gpus):
    monkeypatch.setenv(workers.GPUS, stated)
    monkeypatch.setattr(workers.torch.cuda, "device_count", lambda: there)
    assert workers.visible_gpus() == gpus


class DoubleOfProcess:
    """Is started instead of a process: dies as it is told to, or is done."""

    def __init__(self, target, args, daemon):
        self.exitcode = None
        self.args = args

    def start(self):
        self.started.append(self)
        self.exitcode = self.ends.pop(0) if self.ends else 0

    def is_alive(self):
        return False

    def join(self, timeout=None):
        pass


@pytest.fixture
def processes(monkeypatch):
    """Put doubles in the place of processes; return how they end, and those that were started."""
    double = type("Double", (DoubleOfProcess,), {"started": [], "ends": []})
    monkeypatch.setattr(workers, "_context", SimpleNamespace(Process=double, Value=counter))
    monkeypatch.setattr(workers, "plan_parts", lambda _: 3)
    monkeypatch.setattr(workers, "finish", lambda _: None)
    monkeypatch.setattr(workers, "visible_gpus", lambda: ("0", "1"))
    monkeypatch.setattr(workers, "POLL_S", 0.0)
    return double


def counter(*_):
    return SimpleNamespace(value=0)


def test_no_more_workers_than_raw_stacks_and_each_on_one_gpu(asked, processes):
    workers.restore_with_workers(asked, 50)
    assert [(str(one.args[1]), one.args[3]) for one in processes.started] == [
        ("1/3", "0"), ("2/3", "1"), ("3/3", "0"),
    ]  # fmt: skip


@pytest.mark.parametrize("status", [-signal.SIGKILL, 128 + signal.SIGINT])
def test_a_worker_that_was_ended_from_outside_is_begun_again(asked, processes, status, capsys):
    processes.ends[:] = [status]
    workers.restore_with_workers(asked, 1)
    assert len(processes.started) == 2
    assert "begun again" in capsys.readouterr().err


class HaltedProcess(DoubleOfProcess):
    """Neither works nor ends until it is killed."""

    def start(self):
        self.started.append(self)
        self.asked = []

    def is_alive(self):
        return "kill" not in self.asked

    def terminate(self):
        self.asked.append("terminate")

    def kill(self):
        self.asked.append("kill")

    def join(self, timeout=None):
        assert timeout is not None or not self.is_alive(), "expected it not to wait for ever"
        self.asked.append("join")


def test_a_halted_worker_is_killed_and_that_is_said(asked, processes, monkeypatch, capsys):
    double = type("Double", (HaltedProcess,), {"started": []})
    monkeypatch.setattr(workers, "_context", SimpleNamespace(Process=double, Value=counter))
    monkeypatch.setattr(workers, "interrupts_held", interrupted)
    with pytest.raises(KeyboardInterrupt):
        workers.restore_with_workers(asked, 2)
    assert [one.asked for one in double.started] == 2 * [["terminate", "join", "kill", "join"]]
    said = capsys.readouterr().err
    for part in ("1/2", "2/2"):
        assert f"part {part}: expected its process to end within 10 s, found it at work" in said


@contextmanager
def interrupted():
    yield stop


def test_a_worker_sees_its_gpu_alone(asked, monkeypatch):
    monkeypatch.setenv(workers.GPUS, "3,5")
    seen = []
    monkeypatch.setattr(workers.multiprocessing, "parent_process", lambda: SimpleNamespace())
    monkeypatch.setattr(workers, "restore_part", lambda *_: seen.append(os.environ[workers.GPUS]))
    monkeypatch.setattr(workers.torch, "set_num_threads", lambda _: None)
    for gpu in ("5", None):
        workers._restore(asked, Part(1, 1), 1, gpu, counter())
    assert seen == ["5", "5"]


def test_a_worker_that_fails_or_dies_in_vain_ends_the_work(asked, processes):
    processes.ends[:] = [1]
    with pytest.raises(DataError, match="part 1/1: expected it to be restored, found the error"):
        workers.restore_with_workers(asked, 1)
    processes.ends[:] = [-signal.SIGSEGV] * 3
    with pytest.raises(DataError, match="found SIGSEGV 3 times without a raw stack done"):
        workers.restore_with_workers(asked, 1)
