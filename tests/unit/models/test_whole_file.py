"""Files that appear when they are whole."""

import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from safetensors.torch import load_file

from livesim_models.whole_file import write_tensors


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_the_disk_does_not_take_leaves_what_was_there(tmp_path):
    path = tmp_path / "weights.safetensors"
    write_tensors(path, {"a": torch.ones(10)})
    with no_file_larger_than(1000), pytest.raises(OSError, match=path.name) as refused:
        write_tensors(path, {"a": torch.zeros(1000)})
    assert refused.value.errno == errno.EFBIG
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    assert torch.equal(load_file(path)["a"], torch.ones(10))
